//! The `setup_tokens` table. Its rows are written by the operator's command.

use serde::Deserialize;

use crate::audit::{self, Event};
use crate::platform::{Batch, Rows, flag, params};
use crate::time::Timestamp;
use crate::users::{self, NewAccount};

/// What stands in the way of a first admin.
#[derive(Deserialize)]
pub(super) struct Found {
    /// Whether the token is good.
    #[serde(deserialize_with = "flag")]
    pub(super) is_usable: bool,
    /// Whether the username belongs to another account.
    #[serde(deserialize_with = "flag")]
    pub(super) username_taken: bool,
    /// Whether the e-mail address does.
    #[serde(deserialize_with = "flag")]
    pub(super) email_taken: bool,
}

/// Is true if the token whose hash is `?1` is good at the moment `?2`: it is one, its time is not over,
/// and there is no active admin.
macro_rules! is_usable {
    () => {
        "(exists (
    select 1
    from setup_tokens
    where hash = ?1 and expires_at > ?2
  ) and not exists (
    select 1
    from users indexed by users_admins
    where role = 'admin' and status = 'active' and id > ''
  ))"
    };
}

/// Appends that the token whose hash this is makes `admin`, which is the event `admin_created`. Where it is
/// not good or a name is taken nothing is written, which is told, and the batch goes on: that somebody
/// tried stays counted.
pub(super) fn redeem(
    batch: &mut Batch,
    hash: &str,
    admin: &NewAccount<'_>,
    admin_created: &Event,
    now: Timestamp,
) -> Rows<Found> {
    let found = batch.query(
        concat!(
            "select
  ",
            is_usable!(),
            " as is_usable,
  exists (select 1 from users where username = ?3) as username_taken,
  exists (select 1 from users where email = ?4) as email_taken"
        ),
        params![hash, now, admin.username, admin.email],
    );
    batch.write(
        concat!(
            "delete from setup_tokens
where hash = ?1
  and ",
            is_usable!(),
            "
  and not exists (select 1 from users where username = ?3)
  and not exists (select 1 from users where email = ?4)"
        ),
        params![hash, now, admin.username, admin.email],
    );
    users::append_admin(batch, admin);
    audit::append_if_changed(batch, admin_created);
    found
}
