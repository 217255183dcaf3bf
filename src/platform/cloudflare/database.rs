//! D1 as the database port.
//!
//! D1 reads at replicas only within a session, which begins with what its first read must see. The plain
//! binding always asks the primary, and names no state.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use worker::js_sys::{Array, JSON};
use worker::send::SendFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, worker_sys};

use super::thrown;
use crate::platform::{
    Batch, Bookmark, BoxFuture, Clock, Consistency, CostMeter, Database, DatabaseError,
    ReachedState, Statement, StatementResult, Value,
};

/// The database bound as `DB`.
pub(super) struct D1 {
    env: Env,
    clock: Arc<dyn Clock>,
    cost: Arc<CostMeter>,
    reached: Arc<ReachedState>,
}

/// One result of D1's `batch()`.
#[derive(Deserialize)]
struct BatchResult {
    results: Option<Box<RawValue>>,
    meta: Meta,
}

/// The figures D1 bills by.
#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    changes: u64,
    #[serde(default)]
    rows_read: u64,
    #[serde(default)]
    rows_written: u64,
}

impl D1 {
    pub(super) fn new(
        env: Env,
        clock: Arc<dyn Clock>,
        cost: Arc<CostMeter>,
        reached: Arc<ReachedState>,
    ) -> Self {
        Self {
            env,
            clock,
            cost,
            reached,
        }
    }

    /// Asks D1; the answer as the JSON text of its array of results.
    async fn ask(&self, batch: &Batch) -> Result<String, JsValue> {
        let binding = self
            .env
            .d1("DB")
            .map_err(|error| JsValue::from_str(&error.to_string()))?;
        let database = JsValue::from(binding).unchecked_into::<worker_sys::D1Database>();
        let database = match first_read(batch) {
            None => database,
            // A session has the methods of a database that are used here.
            Some(state) => database.with_session(Some(state))?.unchecked_into(),
        };
        let statements = Array::new();
        for statement in batch.statements() {
            statements.push(&prepare(&database, statement)?);
        }
        let results = JsFuture::from(database.batch(statements)?).await?;
        if batch.names_state() {
            let session = database.unchecked_ref::<worker_sys::D1DatabaseSession>();
            if let Some(bookmark) = session.get_bookmark()? {
                self.reached.reach(Bookmark::new(&bookmark));
            }
        }
        // One text crosses the border of the Worker instead of every cell of every row.
        Ok(String::from(JSON::stringify(&results)?))
    }

    /// One trip, whatever comes of it.
    async fn trip(&self, batch: &Batch) -> Result<Vec<StatementResult>, DatabaseError> {
        let started = self.clock.now();
        let answer = self.ask(batch).await;
        self.cost
            .database_trip(self.clock.now().millis_since(started));
        let answer = answer.map_err(|error| {
            self.cost.rows_unknown();
            DatabaseError::from_text(&thrown(&error))
        })?;
        let results: Vec<BatchResult> = serde_json::from_str(&answer)
            .map_err(|error| DatabaseError::Failed(format!("an answer D1 never gave: {error}")))?;
        results
            .into_iter()
            .map(|result| {
                self.cost
                    .rows(result.meta.rows_read, result.meta.rows_written);
                let rows = match result.results {
                    Some(rows) => rows,
                    None => RawValue::from_string("[]".to_owned())
                        .map_err(|error| DatabaseError::Failed(error.to_string()))?,
                };
                Ok(StatementResult {
                    rows,
                    changes: result.meta.changes,
                })
            })
            .collect()
    }
}

/// What the first read of a session must see, in D1's words; none where the plain binding will do.
fn first_read(batch: &Batch) -> Option<&str> {
    match batch.consistency() {
        Consistency::Primary => batch.names_state().then_some("first-primary"),
        Consistency::Nearest => Some("first-unconstrained"),
        Consistency::AtLeast(bookmark) => Some(bookmark.as_str()),
    }
}

fn prepare(database: &worker_sys::D1Database, statement: &Statement) -> Result<JsValue, JsValue> {
    let prepared = database.prepare(statement.sql)?;
    if statement.params.is_empty() {
        return Ok(prepared.into());
    }
    let params = Array::new();
    for param in &statement.params {
        params.push(&match param {
            Value::Null => JsValue::NULL,
            // At most 53 bits by the type's promise, so the number is exact.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            Value::Integer(number) => JsValue::from_f64(*number as f64),
            Value::Text(text) => JsValue::from_str(text),
        });
    }
    Ok(prepared.bind(params)?.into())
}

impl Database for D1 {
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
        Box::pin(SendFuture::new(self.trip(batch)))
    }
}
