//! The `audit_events` table. Rows are added, and never changed.

use super::Event;
use crate::platform::{Batch, Value, params};

/// SQL that records an event if `$from`, a `from` or `where` clause, gives a row: who did it, whom and
/// which session it concerns, and its details as the text of a JSON object, each an expression of SQL.
/// `?1` to `?4` belong to the log, the caller's own parameters begin at `?5`.
///
/// It must give one row at most, because the event has one id.
macro_rules! insert_event {
    ($actor:literal, $account:literal, $session:literal, $details:literal, $from:literal) => {
        concat!(
            "insert into audit_events (
  id, at, kind, request_id, actor_id, account_id, session_id, details
)
select ?1, ?2, ?3, ?4, ",
            $actor,
            ", ",
            $account,
            ", ",
            $session,
            ", ",
            $details,
            "\n",
            $from
        )
    };
}
pub(crate) use insert_event;

/// Appends an event that is recorded if the batch commits.
pub fn append(batch: &mut Batch, event: &Event) {
    let sql = insert_event!("?5", "?6", "?7", "?8", "where true");
    append_selected(batch, event, sql, event.facts());
}

/// Appends an event that is recorded if the statement before changed a row. The statement after it may
/// then ask for `changes() = 1`, of this one: it is the same question.
pub fn append_if_changed(batch: &mut Batch, event: &Event) {
    let sql = insert_event!("?5", "?6", "?7", "?8", "where changes() > 0");
    append_selected(batch, event, sql, event.facts());
}

/// Appends an event whose people, session and details the database finds: `sql` is made with
/// `insert_event!`, `more` are its parameters from `?5` on. Of `event` itself only the kind, the time
/// and the request count. If its condition does not hold, nothing is recorded.
pub fn append_selected(
    batch: &mut Batch,
    event: &Event,
    sql: &'static str,
    more: impl IntoIterator<Item = Value>,
) {
    let mut params = params![
        &event.id,
        event.at,
        event.kind.as_str(),
        event.request_id.as_str(),
    ];
    params.extend(more);
    batch.write(sql, params);
}
