//! The `sessions` table: beginnings, ends, and what is there in between.

use std::time::Duration;

use serde::Deserialize;

use super::LONGEST_LIFE;
use crate::audit;
use crate::http::pagination::{Boundary, Keyed, PageRequest, select_boundary};
use crate::id::{SessionId, UserId};
use crate::platform::{Batch, Rows, Write, flag, params};
use crate::time::Timestamp;
use crate::viewer::Viewer;

/// How many sessions one batch forgets at most.
pub(super) const SWEEP_LIMIT: i64 = 1_000;

/// For how long a session is kept that can be alive no more: a machine whose clock is behind may still
/// take it for alive.
const KEPT: Duration = Duration::from_hours(24);

/// A session about to be written.
pub(super) struct NewSession<'a> {
    pub(super) id: &'a SessionId,
    pub(super) user_id: &'a UserId,
    pub(super) user_agent: &'a str,
    pub(super) refresh_hash: &'a str,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Appends a session, if `password_hash` is still the account's and the account is active: between
/// the check of a password and this, either may have changed.
pub(super) fn append_session(
    batch: &mut Batch,
    session: &NewSession<'_>,
    password_hash: &str,
) -> Write {
    batch.write(
        "insert into sessions (
  id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at
)
select ?1, id, ?3, ?4, ?5, ?5, ?5, ?6
from users
where id = ?2 and status = 'active' and password_hash = ?7",
        params![
            session.id,
            session.user_id,
            session.user_agent,
            session.refresh_hash,
            session.created_at,
            session.expires_at,
            password_hash,
        ],
    )
}

/// Appends that the account's sessions end, but for `but`, if `password_hash` is the account's by now: a
/// password that was not changed after all ends nothing.
pub(in crate::auth) fn append_end(
    batch: &mut Batch,
    user: &UserId,
    but: Option<&SessionId>,
    password_hash: &str,
    now: Timestamp,
) {
    batch.write(
        "update sessions
set revoked_at = ?4
where user_id = ?1
  and id is not ?2
  and revoked_at is null
  and exists (
    select 1
    from users
    where id = ?1 and password_hash = ?3
  )",
        params![user, but, password_hash, now],
    );
}

/// Ends the viewer's own session, which is the event `signed_out`.
pub(super) fn revoke(viewer: &Viewer, now: Timestamp, signed_out: &audit::Event) -> Batch {
    let mut batch = Batch::guarded(viewer);
    batch.write(
        "update sessions
set revoked_at = ?2
where id = ?1",
        params![viewer.session_id(), now],
    );
    audit::append_if_changed(&mut batch, signed_out);
    batch
}

/// The sessions among which a page of the viewer's live ones is found, newest first: those of `$user` that
/// began before `$before`, `$candidates` at most.
macro_rules! candidates {
    ($columns:literal, $user:literal, $before:literal, $candidates:literal) => {
        concat!(
            "select ",
            $columns,
            "
    from sessions indexed by sessions_by_user
    where user_id = ",
            $user,
            " and id < ",
            $before,
            "
    order by id desc
    limit ",
            $candidates
        )
    };
}

/// One session of a list.
#[derive(Deserialize)]
pub(super) struct ListedSession {
    pub(super) id: SessionId,
    pub(super) user_agent: String,
    pub(super) created_at: Timestamp,
    pub(super) last_used_at: Timestamp,
    /// Whether it is the viewer's.
    #[serde(deserialize_with = "flag")]
    pub(super) current: bool,
}

impl Keyed for ListedSession {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// A page of the viewer's live sessions, newest first.
pub(super) fn list(
    viewer: &Viewer,
    page: &PageRequest,
    now: Timestamp,
) -> (Batch, Rows<ListedSession>, Rows<Boundary>) {
    let mut batch = Batch::guarded(viewer);
    let before = page.before_id();
    let rows = batch.query(
        concat!(
            "select id, user_agent, created_at, last_used_at, id = ?2 as current
from (
    ",
            candidates!(
                "id, user_agent, created_at, last_used_at, expires_at, revoked_at",
                "?1",
                "?3",
                "?4"
            ),
            "
)
where revoked_at is null and expires_at > ?5
order by id desc
limit ?6"
        ),
        params![
            viewer.user_id(),
            viewer.session_id(),
            before,
            page.candidates(),
            now,
            page.rows(),
        ],
    );
    let boundary = batch.query(
        select_boundary!("min(id)", "?3", candidates!("id", "?1", "?2", "?3")),
        params![viewer.user_id(), before, page.candidates()],
    );
    (batch, rows, boundary)
}

/// Ends a session of the viewer's account, if it is alive; `session_ended` is the event.
pub(super) fn end(
    viewer: &Viewer,
    session: &SessionId,
    now: Timestamp,
    session_ended: &audit::Event,
) -> (Batch, Write) {
    let mut batch = Batch::guarded(viewer);
    let ended = batch.write(
        "update sessions
set revoked_at = ?3
where id = ?1 and user_id = ?2 and revoked_at is null and expires_at > ?3",
        params![session, viewer.user_id(), now],
    );
    audit::append_if_changed(&mut batch, session_ended);
    (batch, ended)
}

/// Forgets sessions that began too long ago to be alive, the oldest first, a bounded number at a time: the
/// order of ids is that of time.
pub(super) fn sweep(now: Timestamp) -> (Batch, Write) {
    let mut batch = Batch::public();
    let oldest_kept = SessionId::first_of(now.minus(LONGEST_LIFE).minus(KEPT));
    let forgotten = batch.write(
        "delete from sessions
where id in (
  select id
  from sessions
  where id < ?1
  order by id
  limit ?2
)",
        params![&oldest_kept, SWEEP_LIMIT],
    );
    (batch, forgotten)
}
