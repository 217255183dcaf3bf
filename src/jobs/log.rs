//! The lines that the outbox writes to the log: ids and causes, never what a job is about.

use serde_json::json;

use super::{Handled, Message};
use crate::app::App;
use crate::error::Error;
use crate::id::JobId;
use crate::platform::Level;

/// What came of handling a message.
pub(super) fn handled(
    app: &App,
    message: &Message,
    attempt: u32,
    outcome: &Result<Handled, Error>,
) {
    let cause = match outcome {
        Ok(Handled::Done) => None,
        Ok(Handled::PutOff { cause, .. } | Handled::Dead { cause }) => Some(cause.clone()),
        Err(error) => Some(format!("{error:?}")),
    };
    let level = if cause.is_some() {
        Level::Warn
    } else {
        Level::Info
    };
    let line = json!({
        "level": level.as_str(),
        "event": "job",
        "job_id": message.id,
        "attempt": attempt,
        "cost": app.ports().cost.figures(),
        "request_id": message.request_id,
        "trace_id": message.trace_id,
        "cause": cause,
    });
    app.ports().log.write(level, &line.to_string());
}

/// Nobody takes a job any more: somebody must look at it.
pub(super) fn dead(app: &App, id: &JobId, request_id: &str, trace_id: &str) {
    let line = json!({
        "level": "error",
        "event": "job_dead",
        "job_id": id,
        "request_id": request_id,
        "trace_id": trace_id,
    });
    app.ports().log.write(Level::Error, &line.to_string());
}

/// A payload or a message is no job that this version knows.
pub(super) fn unreadable(app: &App, id: Option<&JobId>, error: &serde_json::Error) {
    // The category only: the text of the error could repeat what the message held.
    let line = json!({
        "level": "error",
        "event": "message_unreadable",
        "job_id": id,
        "cause": format!("{:?} error at column {}", error.classify(), error.column()),
    });
    app.ports().log.write(Level::Error, &line.to_string());
}
