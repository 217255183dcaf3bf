//! The `jobs` table: written with its cause, deleted with its effect, leased by the sweep.

use std::time::Duration;

use serde::Deserialize;

use super::Job;
use crate::id::JobId;
use crate::platform::{Batch, Rows, Write, flag, json_text, params};
use crate::time::Timestamp;

/// SQL that writes a job with the payload `$payload` if `$condition`, a `from` or `where` clause,
/// gives a row. `?1` to `?5` belong to the outbox, the caller's own parameters begin at `?6`.
macro_rules! insert_job {
    ($payload:literal, $condition:expr) => {
        concat!(
            crate::jobs::insert_known_job!($payload, $condition),
            "\nreturning id, payload"
        )
    };
}
pub(crate) use insert_job;

/// SQL that writes a job with the payload `$payload` for each entry of `each` for which `$condition`, joins and
/// a `where` clause, gives a row, which it must at most once. `each.value ->> 0` is the job's id,
/// `each.value ->> 1` the entry; else as [`insert_job!`].
macro_rules! insert_jobs {
    ($payload:literal, $condition:literal) => {
        concat!(
            "insert into jobs (id, payload, request_id, trace_id, due_at, created_at)\n",
            "select each.value ->> 0, ",
            $payload,
            ", ?2, ?3, ?4, ?5\nfrom json_each(?1) each\n",
            $condition,
            "\nreturning id, payload"
        )
    };
}
pub(crate) use insert_jobs;

/// As [`insert_job!`], but answering with nothing: what is answered costs two more rows read.
macro_rules! insert_known_job {
    ($payload:expr, $condition:expr) => {
        concat!(
            "insert into jobs (id, payload, request_id, trace_id, due_at, created_at)\n",
            "select ?1, ",
            $payload,
            ", ?2, ?3, ?4, ?5\n",
            $condition
        )
    };
}
pub(crate) use insert_known_job;

/// Writes the job whose payload is `?6`.
pub(super) const ALWAYS: &str = insert_job!("?6", "where true");

/// Writes the job whose payload is `?6`, if the statement before changed a row.
pub(super) const IF_CHANGED: &str = insert_job!("?6", "where changes() = 1");

/// What [`insert_job!`] and [`insert_jobs!`] answer with.
#[derive(Deserialize)]
pub(super) struct WrittenRow {
    pub(super) id: JobId,
    #[serde(deserialize_with = "json_text")]
    pub(super) payload: Job,
}

/// A job that the sweep has taken.
#[derive(Deserialize)]
pub(super) struct LeasedRow {
    pub(super) id: JobId,
    /// Read by the sweep, row by row: one that nobody can read must not hold up the others.
    pub(super) payload: String,
    pub(super) request_id: String,
    pub(super) trace_id: String,
    #[serde(deserialize_with = "flag")]
    pub(super) dead: bool,
}

/// A job that somebody has taken whose effect is outside.
#[derive(Deserialize)]
pub(super) struct TakenRow {
    /// How often its effect could not be had.
    pub(super) failures: i64,
    pub(super) created_at: Timestamp,
}

/// When the oldest due job was due.
#[derive(Deserialize)]
pub(super) struct OldestRow {
    pub(super) due_at: Timestamp,
}

/// Deletes the job, as the first statement of the batch that has its effect. The statement after it
/// must hang on `changes() = 1`: a job that is gone has had its effect.
pub fn append_done(batch: &mut Batch, job: &JobId) {
    batch.write("delete from jobs\nwhere id = ?1", params![job]);
}

/// Deletes the job if the statement before changed no row: of a job that takes many rounds, in the round that
/// found nothing more to do.
pub fn append_done_unless_changed(batch: &mut Batch, job: &JobId) -> Write {
    batch.write(
        "delete from jobs
where id = ?1 and changes() = 0",
        params![job],
    )
}

/// SQL that is true while the job `$job` is there, for whoever's effect it is.
macro_rules! job_is_there {
    ($job:literal) => {
        concat!("exists (select 1 from jobs where id = ", $job, ")")
    };
}
pub(crate) use job_is_there;

/// The job is dead: no sweep takes it any more.
pub(super) fn bury(job: &JobId, now: Timestamp) -> (Batch, Write) {
    let mut batch = Batch::public();
    let buried = batch.write(
        "update jobs
set dead_at = ?2, due_at = null
where id = ?1 and dead_at is null",
        params![job, now],
    );
    (batch, buried)
}

/// Takes the jobs that are due, so that no other sweep does for a while that doubles each time, up
/// to an hour. One that was taken `attempts` times already is dead instead.
pub(super) fn lease(
    now: Timestamp,
    grace: Duration,
    limit: i64,
    attempts: i64,
) -> (Batch, Rows<LeasedRow>) {
    let mut batch = Batch::public();
    let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    let rows = batch.write_returning(
        "update jobs
set
  attempts = attempts + 1,
  due_at = iif(attempts >= ?4, null, ?1 + min(?2 * (1 << min(attempts + 1, 20)), 3600000)),
  dead_at = iif(attempts >= ?4, ?1, null)
where id in (
  select id
  from jobs
  where due_at <= ?1
  order by due_at
  limit ?3
)
returning id, payload, request_id, trace_id, dead_at is not null as dead",
        params![now, grace, limit, attempts],
    );
    (batch, rows)
}

/// Appends the taking of a job until `until`, by which no sweep takes it, unless somebody has taken it or
/// it is put off for longer than until `now`.
pub(super) fn append_taking(
    batch: &mut Batch,
    job: &JobId,
    now: Timestamp,
    until: Timestamp,
) -> Rows<TakenRow> {
    batch.write_returning(
        "update jobs
set leased_until = ?3, due_at = ?3
where id = ?1 and dead_at is null and (leased_until is null or leased_until <= ?2)
returning failures, created_at",
        params![job, now, until],
    )
}

/// Deletes a job whose effect was had outside.
pub(super) fn finish(job: &JobId) -> Batch {
    let mut batch = Batch::public();
    append_done(&mut batch, job);
    batch
}

/// Nobody takes the job before `until`, if whoever has taken it until `leased` still holds it. `fails` is
/// whether that is one of the times that are counted.
pub(super) fn put_off(
    job: &JobId,
    leased: Timestamp,
    until: Timestamp,
    fails: bool,
) -> (Batch, Write) {
    let mut batch = Batch::public();
    let put_off = batch.write(
        "update jobs
set failures = failures + ?4, leased_until = ?3, due_at = ?3
where id = ?1 and leased_until = ?2 and dead_at is null",
        params![job, leased, until, fails],
    );
    (batch, put_off)
}

/// The job is dead, if whoever has taken it until `leased` still holds it.
pub(super) fn give_up(job: &JobId, leased: Timestamp, now: Timestamp) -> (Batch, Write) {
    let mut batch = Batch::public();
    let given_up = batch.write(
        "update jobs
set dead_at = ?3, due_at = null, leased_until = null
where id = ?1 and leased_until = ?2 and dead_at is null",
        params![job, leased, now],
    );
    (batch, given_up)
}

/// The due time of the job that waits longest. It is asked at the primary, because whether that answers
/// is part of the question.
pub(super) fn oldest_due() -> (Batch, Rows<OldestRow>) {
    let mut batch = Batch::public().at_primary();
    let rows = batch.query(
        "select due_at
from jobs
where due_at is not null
order by due_at
limit 1",
        params![],
    );
    (batch, rows)
}
