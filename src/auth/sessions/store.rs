//! The `sessions` table: beginnings and ends.

use crate::audit;
use crate::id::{SessionId, UserId};
use crate::platform::{Batch, Write, params};
use crate::time::Timestamp;
use crate::viewer::Viewer;

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
