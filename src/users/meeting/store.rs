//! The conditions over `users`, `blocks` and `mutes`.

use crate::platform::{Batch, params};
use crate::viewer::MaybeViewer;

/// SQL that is true where the account `$blocker` blocks the account `$blocked`. A probe of a key, which reads no
/// row where there is no block; false where one of the two is null, which is nobody.
macro_rules! blocked_by {
    ($blocker:expr, $blocked:expr) => {
        concat!(
            "exists (select 1 from blocks where blocker_id = ",
            $blocker,
            " and blocked_id = ",
            $blocked,
            ")"
        )
    };
}
pub(crate) use blocked_by;

/// SQL that is true where one of two accounts blocks the other: two such probes.
macro_rules! blocked_between {
    ($one:expr, $other:expr) => {
        concat!(
            "(",
            $crate::users::blocked_by!($one, $other),
            " or ",
            $crate::users::blocked_by!($other, $one),
            ")"
        )
    };
}
pub(crate) use blocked_between;

/// SQL that is true where the viewer `$viewer` finds the account whose row in `users` is `$user`, when they ask for
/// it by name: also whom they block themselves, to be able to lift the block.
macro_rules! is_found {
    ($user:literal, $viewer:literal) => {
        concat!(
            "(",
            $user,
            ".status = 'active' and not ",
            $crate::users::blocked_by!(concat!($user, ".id"), $viewer),
            ")"
        )
    };
}
pub(crate) use is_found;

/// SQL that is true where the viewer `$viewer` may meet the account whose row in `users` is `$user` among others,
/// and what hangs on it.
macro_rules! is_met {
    ($user:literal, $viewer:literal) => {
        concat!(
            "(",
            $user,
            ".status = 'active' and not ",
            $crate::users::blocked_between!(concat!($user, ".id"), $viewer),
            ")"
        )
    };
}
pub(crate) use is_met;

/// SQL that is true where the account `$viewer` mutes the account `$other`: what the other says stays out of
/// the lists that the viewer did not ask for by that person's name, and is not told to the viewer. A probe of a
/// key, which reads no row where there is no mute; false where one of the two is null, which is nobody.
macro_rules! muted_by {
    ($other:expr, $viewer:expr) => {
        concat!(
            "exists (select 1 from mutes where muter_id = ",
            $viewer,
            " and muted_id = ",
            $other,
            ")"
        )
    };
}
pub(crate) use muted_by;

/// Appends the condition that whoever has this username is there for whoever asks, and that no block stands
/// between them: for whatever hangs on them.
pub fn require_person(batch: &mut Batch, viewer: &MaybeViewer, username: &str) {
    batch.require(
        concat!(
            "select json_extract('{}', iif(exists (
  select 1
  from users u
  where u.username = ?1 and ",
            is_met!("u", "?2"),
            "
), '$', 'abort:not_found'))"
        ),
        params![username, viewer.user_id()],
    );
}
