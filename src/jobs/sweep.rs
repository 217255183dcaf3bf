//! The sweep: wakes up the jobs whose message the queue has lost, or whose handling has failed.

use serde_json::json;

use super::{Message, handle, log, store};
use crate::app::App;
use crate::error::Error;
use crate::platform::{Channel, Level};

/// How many jobs one sweep wakes up at most.
const SWEEP_LIMIT: i64 = 100;

/// How often a sweep that comes back full goes again.
const SWEEP_ROUNDS: usize = 20;

/// After this many sweeps a job is dead: with the waits doubling up to an hour, most of a day.
const SWEEP_ATTEMPTS: i64 = 24;

/// Wakes up the jobs that are due: those whose message was lost or whose handling failed. If the
/// queue refuses them, handles them itself. If the database does not answer, the log says so and the
/// next sweep tries again.
pub async fn sweep(app: &App) {
    // One kind of job, of which very many wait, is not to keep the others waiting until the next sweep.
    for _ in 0..SWEEP_ROUNDS {
        match wake_due(app).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                let line = json!({
                    "level": "error", "event": "sweep_failed", "cause": format!("{error:?}"),
                });
                app.ports().log.write(Level::Error, &line.to_string());
                return;
            }
        }
    }
}

/// Wakes up as many as one batch takes. Whether there may be more that the queue would take now.
async fn wake_due(app: &App) -> Result<bool, Error> {
    let (batch, leased) = store::lease(
        app.now(),
        app.config().job_grace,
        SWEEP_LIMIT,
        SWEEP_ATTEMPTS,
    );
    let outcome = app.run(batch).await?;
    let rows = outcome.rows(&leased)?;
    let mut more = i64::try_from(rows.len()).is_ok_and(|rows| rows >= SWEEP_LIMIT);
    let mut messages = Vec::new();
    for row in rows {
        if row.dead {
            log::dead(app, &row.id, &row.request_id, &row.trace_id);
            continue;
        }
        match serde_json::from_str(&row.payload) {
            Ok(job) => messages.push(Message {
                id: row.id,
                request_id: row.request_id,
                trace_id: row.trace_id,
                job,
            }),
            Err(error) => log::unreadable(app, Some(&row.id), &error),
        }
    }
    // Whoever must be waited for comes last.
    for channel in [Channel::Jobs, Channel::Mails] {
        let (these, others) = messages
            .into_iter()
            .partition(|message: &Message| message.job.channel() == channel);
        messages = others;
        more &= wake(app, channel, these).await?;
    }
    Ok(more)
}

/// Sends messages to their queue, or handles them here if it refuses. Whether it has taken them.
async fn wake(app: &App, channel: Channel, messages: Vec<Message>) -> Result<bool, Error> {
    if messages.is_empty() {
        return Ok(true);
    }
    let texts: Result<Vec<_>, _> = messages.iter().map(serde_json::to_string).collect();
    let sent = app
        .ports()
        .queue
        .send(channel, texts.map_err(Error::internal)?)
        .await;
    let line = json!({
        "level": "info",
        "event": "jobs_swept",
        "jobs": messages.len(),
        "handled_here": sent.is_err(),
        "cause": sent.as_ref().err().map(ToString::to_string),
    });
    app.ports().log.write(Level::Info, &line.to_string());
    if sent.is_err() {
        for message in &messages {
            // What fails stays in the log, and in the outbox.
            let _ = handle(app, message, 1).await;
        }
    }
    Ok(sent.is_ok())
}
