//! The `sessions` table, as far as refresh tokens go.

use std::time::Duration;

use serde::Deserialize;

use super::token::RefreshToken;
use crate::audit::{self, insert_event};
use crate::auth::sessions::{LIFETIME, LONGEST_LIFE};
use crate::id::UserId;
use crate::platform::{Batch, Rows, flag, params};
use crate::time::Timestamp;

/// For how long after its use a token still leads to its child: long enough for an answer to get lost
/// and the client to ask again.
const GRACE: Duration = Duration::from_secs(10);

/// A session after one of its tokens was shown.
#[derive(Deserialize)]
pub(super) struct SessionRow {
    pub(super) user_id: UserId,
    /// The hash of the one token that has not been used.
    pub(super) current_hash: String,
    /// Whether the token was used up, which has ended the session.
    #[serde(deserialize_with = "flag")]
    pub(super) is_ended: bool,
}

/// Redeems `parent` for `child`, after which the session lives for [`LIFETIME`] more, within
/// [`LONGEST_LIFE`].
///
/// If it was redeemed within [`GRACE`], that stands. If it was used up before, the session ends, which is
/// the event `reused`: that must be committed, so the batch does not abort.
pub(super) fn redeem(
    parent: &RefreshToken,
    child: &RefreshToken,
    reused: &audit::Event,
    now: Timestamp,
) -> (Batch, Rows<SessionRow>) {
    let mut batch = Batch::guarded_for_session(parent.session(), now);
    batch.write(
        "update sessions
set
  previous_hash = current_hash,
  current_hash = ?3,
  generation = generation + 1,
  rotated_at = ?4,
  last_used_at = ?4,
  expires_at = min(?5, created_at + ?6)
where id = ?1 and current_hash = ?2",
        params![
            parent.session(),
            parent.hash(),
            child.hash(),
            now,
            now.plus(LIFETIME),
            i64::try_from(LONGEST_LIFE.as_millis()).unwrap_or(i64::MAX),
        ],
    );
    batch.write(
        "update sessions
set revoked_at = ?3
where id = ?1 and (previous_hash is not ?2 or rotated_at < ?4)",
        params![parent.session(), parent.hash(), now, now.minus(GRACE)],
    );
    audit::append_selected(
        &mut batch,
        reused,
        insert_event!(
            "null",
            "(select user_id from sessions where id = ?5)",
            "?5",
            "'{}'",
            "where changes() > 0"
        ),
        params![parent.session()],
    );
    let session = batch.query(
        "select user_id, current_hash, revoked_at is not null as is_ended
from sessions
where id = ?1",
        params![parent.session()],
    );
    (batch, session)
}
