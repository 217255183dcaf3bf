//! The jobs that a request leaves: rows written in the batch of their cause, and their wake-up calls after it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Job, Message, store};
use crate::app::App;
use crate::error::Error;
use crate::http::exchange::Exchange;
use crate::id::JobId;
use crate::platform::{Batch, Level, Outcome, Rows, Value, Write, params};
use crate::time::Timestamp;

/// A job about to be written, with what is known of it before the batch runs.
pub struct NewJob {
    id: JobId,
    outbox: Outbox,
}

/// Jobs about to be written together, one for each entry of a list, likewise.
pub struct NewJobs {
    /// A JSON array of each id with its entry.
    each: String,
    outbox: Outbox,
}

/// What all jobs of a request have in common.
struct Outbox {
    cause: Arc<Exchange>,
    created_at: Timestamp,
    due_at: Timestamp,
}

impl Outbox {
    fn new(app: &App, cause: Arc<Exchange>) -> Self {
        let created_at = app.now();
        Self {
            cause,
            created_at,
            due_at: created_at.plus(app.config().job_grace),
        }
    }

    /// Appends the rows, of which `ids` is the statement's `?1`.
    fn append(
        self,
        batch: &mut Batch,
        sql: &'static str,
        ids: Value,
        more: impl IntoIterator<Item = Value>,
    ) -> AppendedJob {
        let rows = batch.write_returning(sql, self.params(ids, more));
        AppendedJob {
            cause: self.cause,
            rows,
        }
    }

    /// The parameters of a row, of which `ids` is the first.
    fn params(&self, ids: Value, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut params = params![
            ids,
            self.cause.request_id.as_str(),
            self.cause.trace_id.as_str(),
            self.due_at,
            self.created_at,
        ];
        params.extend(more);
        params
    }
}

fn new_id(app: &App) -> JobId {
    JobId::generate(app.ports().clock.as_ref(), app.ports().random.as_ref())
}

impl NewJob {
    /// A job caused by the request of `cause`.
    #[must_use]
    pub fn new(app: &App, cause: Arc<Exchange>) -> Self {
        Self {
            id: new_id(app),
            outbox: Outbox::new(app, cause),
        }
    }

    /// Appends `job` to the batch of its cause.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub fn append_job(self, batch: &mut Batch, job: &Job) -> Result<AppendedJob, Error> {
        Ok(self.append(batch, store::ALWAYS, params![job.payload()?]))
    }

    /// Appends `job`, which there is only if the statement before changed a row.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub fn append_job_if_changed(self, batch: &mut Batch, job: &Job) -> Result<AppendedJob, Error> {
        Ok(self.append(batch, store::IF_CHANGED, params![job.payload()?]))
    }

    /// Appends the row to the batch of its cause. `sql` is made with `insert_job!`, `params` are
    /// its parameters from `?6` on. If its condition does not hold, there is no job.
    pub fn append(
        self,
        batch: &mut Batch,
        sql: &'static str,
        more: impl IntoIterator<Item = Value>,
    ) -> AppendedJob {
        self.outbox.append(batch, sql, (&self.id).into(), more)
    }

    /// As [`Self::append`], by `sql` made with `insert_known_job!`: of a job that the answer to the request
    /// tells enough of to wake it.
    pub fn append_known(
        self,
        batch: &mut Batch,
        sql: &'static str,
        more: impl IntoIterator<Item = Value>,
    ) -> KnownJob {
        let row = batch.write(sql, self.outbox.params((&self.id).into(), more));
        KnownJob {
            id: self.id,
            cause: self.outbox.cause,
            row,
        }
    }
}

/// A job whose batch has yet to commit, and whose row is not read back.
pub struct KnownJob {
    id: JobId,
    cause: Arc<Exchange>,
    row: Write,
}

impl KnownJob {
    /// As [`AppendedJob::wake`], of what is known to be `job`, if its row was written.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub fn wake(self, app: &App, outcome: &Outcome, job: Job) -> Result<(), Error> {
        match outcome.changes(self.row)? {
            0 => Ok(()),
            _ => wake(app, self.id, &self.cause, job),
        }
    }
}

impl NewJobs {
    /// A job for each of `entries`, caused by the request of `cause`.
    #[must_use]
    pub fn new<'a>(
        app: &App,
        cause: Arc<Exchange>,
        entries: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let each = entries.into_iter().map(|entry| json!([new_id(app), entry]));
        Self {
            each: Json::Array(each.collect()).to_string(),
            outbox: Outbox::new(app, cause),
        }
    }

    /// Appends the rows to the batch of their cause. `sql` is made with `insert_jobs!`, `more` are its
    /// parameters from `?6` on. There is a job for each entry for which its condition holds.
    pub fn append(
        self,
        batch: &mut Batch,
        sql: &'static str,
        more: impl IntoIterator<Item = Value>,
    ) -> AppendedJob {
        self.outbox.append(batch, sql, self.each.into(), more)
    }
}

/// Jobs whose batch has yet to commit: one or several.
pub struct AppendedJob {
    cause: Arc<Exchange>,
    rows: Rows<store::WrittenRow>,
}

impl AppendedJob {
    /// Sends the wake-up call of each job whose batch has committed with `outcome`. The answer to the
    /// client does not wait for it, and a queue that refuses does no harm: the sweep will find it.
    ///
    /// # Errors
    /// [`Error::Internal`] if a row written is no job.
    pub fn wake(self, app: &App, outcome: &Outcome) -> Result<(), Error> {
        for store::WrittenRow { id, payload } in outcome.rows(&self.rows)? {
            wake(app, id, &self.cause, payload)?;
        }
        Ok(())
    }
}

/// Sends the wake-up call of a job.
#[inline(never)] // Every flow ends with it; a copy in each would be most of their size.
fn wake(app: &App, id: JobId, cause: &Exchange, job: Job) -> Result<(), Error> {
    let message = Message {
        id,
        request_id: cause.request_id.clone(),
        trace_id: cause.trace_id.clone(),
        job,
    };
    let text = serde_json::to_string(&message).map_err(Error::internal)?;
    let channel = message.job.channel();
    let sending = app.ports().queue.send(channel, vec![text]);
    let log = app.ports().log.clone();
    app.ports().background.spawn(Box::pin(async move {
        if let Err(error) = sending.await {
            let line = json!({
                "level": "warn",
                "event": "job_not_woken",
                "job_id": message.id,
                "request_id": message.request_id,
                "trace_id": message.trace_id,
                "cause": error.to_string(),
            });
            log.write(Level::Warn, &line.to_string());
        }
    }));
    Ok(())
}
