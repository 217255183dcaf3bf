//! SQLite in the process as the database port, with D1's semantics.
//!
//! D1 is SQLite behind a border that every value crosses as JSON. What the border and D1's
//! configuration of SQLite change is done here too, so that a statement which passes here passes
//! there. `tests/contract.rs` holds both to one record.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::hooks::AuthContext;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, params_from_iter};
use serde_json::value::RawValue;

use super::authorizer::InBatch;
use super::sqlite_error;
use crate::platform::{Batch, BoxFuture, Database, DatabaseError, StatementResult, Value};

/// What D1 allows a statement to be.
const LIMITS: [(Limit, i32); 10] = [
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
];

/// More than Kith has statements.
const CACHED_STATEMENTS: usize = 256;

/// What D1 says of a batch without statements.
const NO_STATEMENTS: &str = "D1_ERROR: No SQL statements detected.";

/// A database of its own, which ends with the value.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
    in_batch: InBatch,
}

impl Sqlite {
    /// An empty database in memory.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        let mut connection = Connection::open_in_memory().map_err(failed)?;
        for (limit, most) in LIMITS {
            connection.set_limit(limit, most).map_err(failed)?;
        }
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        let in_batch = InBatch::default();
        let authority = in_batch.clone();
        connection
            .authorizer(Some(move |asked: AuthContext<'_>| {
                authority.authorize(&asked)
            }))
            .map_err(failed)?;
        Ok(Self {
            connection: Mutex::new(connection),
            in_batch,
        })
    }

    /// Runs a whole file of statements in one transaction, as the files of `migrations/` are.
    ///
    /// # Errors
    /// When a statement fails; then none has been run.
    pub fn migrate(&self, sql: &str) -> Result<(), DatabaseError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(failed)?;
        self.in_batch
            .during(|| transaction.execute_batch(sql))
            .map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Runs statements in one transaction, as [`Database::run`] does. These need not be fixed at
    /// compile time, because tests seed and inspect through them.
    ///
    /// # Errors
    /// The text that D1 gives the error; then no statement has been run.
    pub fn batch(&self, statements: &[(&str, &[Value])]) -> Result<Vec<StatementResult>, String> {
        if statements.iter().all(|(sql, _)| sql.trim().is_empty()) {
            return Err(NO_STATEMENTS.to_owned());
        }
        self.transaction(statements)
            .map_err(|error| sqlite_error::text(&error))
    }

    fn transaction(
        &self,
        statements: &[(&str, &[Value])],
    ) -> rusqlite::Result<Vec<StatementResult>> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let run_one = |(sql, params): &(&str, &[Value])| run(&transaction, sql, params);
        let results = self
            .in_batch
            .during(|| statements.iter().map(run_one).collect::<Result<_, _>>())?;
        transaction.commit()?;
        Ok(results)
    }

    /// The connection. A panic elsewhere cannot have left it half-way: a transaction that is dropped
    /// is rolled back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for Sqlite {
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
        let statements = batch
            .statements()
            .iter()
            .map(|statement| (statement.sql, statement.params.as_slice()));
        Box::pin(async move {
            self.batch(&statements.collect::<Vec<_>>())
                .map_err(|text| DatabaseError::from_text(&text))
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn failed(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::from_text(&sqlite_error::text(&error))
}

fn run(connection: &Connection, sql: &str, params: &[Value]) -> rusqlite::Result<StatementResult> {
    let before = connection.total_changes();
    let rows = connection
        .prepare_cached(sql)
        .and_then(|mut statement| rows_of(&mut statement, params))
        // Of a statement that is cached SQLite tells no place of the error, or one without the spaces
        // before it. Preparing it afresh fails as it does on D1, or does not.
        .map_err(|error| connection.prepare(sql).err().unwrap_or(error))?;
    Ok(StatementResult {
        rows,
        // As D1 counts: rows that a trigger changed are in the sum.
        changes: connection.total_changes().saturating_sub(before),
    })
}

/// All rows, as the JSON text that JavaScript would make of them.
fn rows_of(
    statement: &mut CachedStatement<'_>,
    params: &[Value],
) -> rusqlite::Result<Box<RawValue>> {
    let mut json = String::from("[");
    let mut keys = None;
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        // Only now, because the first step prepares a cached statement anew if the schema changed.
        let keys = keys.get_or_insert_with(|| keys_of(row.as_ref().column_names()));
        json.push_str(if json.len() > 1 { ",{" } else { "{" });
        for (place, (key, column)) in keys.iter().enumerate() {
            if place > 0 {
                json.push(',');
            }
            json.push_str(key);
            json.push(':');
            push_value(&mut json, row.get_ref(*column)?);
        }
        json.push('}');
    }
    json.push(']');
    RawValue::from_string(json)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The keys of a row's object as JSON texts, each with the column whose value it gets, as a JavaScript
/// object has them: of columns with one name the last counts, in the place of the first, and names
/// that are numbers come before all others, in their order.
fn keys_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut keys: Vec<(&str, usize)> = Vec::new();
    for (column, name) in names.enumerate() {
        match keys.iter_mut().find(|(known, _)| *known == name) {
            Some((_, last)) => *last = column,
            None => keys.push((name, column)),
        }
    }
    let number = |name: &str| name.parse::<u32>().ok().filter(|n| n.to_string() == name);
    keys.sort_by_key(|(name, _)| number(name).map_or((true, 0), |number| (false, number)));
    keys.into_iter()
        .map(|(name, column)| (serde_json::Value::from(name).to_string(), column))
        .collect()
}

fn push_value(json: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => json.push_str("null"),
        // D1 gives every number as a double.
        #[expect(clippy::cast_precision_loss, reason = "as D1 does")]
        ValueRef::Integer(number) => push_number(json, number as f64),
        ValueRef::Real(number) => push_number(json, number),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            json.push_str(&serde_json::Value::from(text).to_string());
        }
        // D1 gives a blob as the array of its bytes.
        ValueRef::Blob(bytes) => {
            json.push_str(&serde_json::Value::from(bytes).to_string());
        }
    }
}

/// As `JSON.stringify` writes it: the shortest digits that read back as the same double, and null for
/// what is no number or has no end.
fn push_number(json: &mut String, number: f64) {
    if number.is_finite() {
        json.push_str(ryu_js::Buffer::new().format(number));
    } else {
        json.push_str("null");
    }
}

/// A parameter as D1 binds it: every number is REAL.
impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            // At most 53 bits by the type's promise, so the number is exact.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            Self::Integer(number) => ValueRef::Real(*number as f64),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
