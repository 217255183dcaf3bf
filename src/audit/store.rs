//! The `audit_events` table. Rows are added, and never changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::rules::Picked;
use super::{Event, Kind};
use crate::http::pagination::{Boundary, Keyed, PageRequest, select_boundary};
use crate::id::{AuditEventId, SessionId, UserId};
use crate::platform::{Batch, Rows, Value, json_text, params};
use crate::time::Timestamp;
use crate::viewer::Admin;

/// SQL that records an event if `$from`, a `from` or `where` clause, gives a row: who did it, whom and
/// which session it concerns, and its details as the text of a JSON object, each an expression of SQL.
/// `?1` to `?4` belong to the log, the caller's own parameters begin at `?5`.
///
/// It must give one row at most, because the event has one id.
macro_rules! insert_event {
    ($actor:expr, $account:expr, $session:expr, $details:expr, $from:expr) => {
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

/// An event as admins see it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(description = "Something that happened to an account or a session.")]
pub(super) struct AuditEvent {
    id: AuditEventId,
    /// When.
    at: Timestamp,
    kind: Kind,
    /// Who did it; null for the operator at the console, and where nobody knows.
    actor_id: Option<UserId>,
    /// Whom it concerns; null where a name is nobody's.
    account_id: Option<UserId>,
    /// Which session it concerns.
    session_id: Option<SessionId>,
    /// The request that did it, as the server's log names it.
    #[schemars(example = &"5b1f0c1e9a5d4f0c8f6f0f6f3c1b2a19")]
    request_id: String,
    /// What more there is to say, by its name.
    #[serde(deserialize_with = "json_text")]
    #[schemars(example = serde_json::json!({"from": "user", "to": "moderator"}))]
    details: Map<String, Json>,
}

impl Keyed for AuditEvent {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// A page of the events picked, newest first, and where its candidates end.
pub(super) fn list(
    admin: &Admin,
    picked: &Picked,
    page: &PageRequest,
) -> (Batch, Rows<AuditEvent>, Rows<Boundary>) {
    let mut batch = Batch::guarded_for_admin(admin);
    let before = page.before_id();
    let rows = batch.query(
        "select id, at, kind, actor_id, account_id, session_id, request_id, details
from (
  select id, at, kind, actor_id, account_id, session_id, request_id, details
  from audit_events
  where id < ?1
  order by id desc
  limit ?2
)
where (?3 is null or account_id = ?3) and (?4 is null or kind = ?4)
order by id desc
limit ?5",
        params![
            before,
            page.candidates(),
            picked.account.as_ref(),
            picked.kind.map(Kind::as_str),
            page.rows()
        ],
    );
    let boundary = batch.query(
        select_boundary!(
            "min(id)",
            "?2",
            "select id
    from audit_events
    where id < ?1
    order by id desc
    limit ?2"
        ),
        params![before, page.candidates()],
    );
    (batch, rows, boundary)
}
