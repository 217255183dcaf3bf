//! The `users` table, as far as the counts of follows go.

use crate::id::{JobId, UserId};
use crate::jobs::job_is_there;
use crate::platform::{Batch, params};
use crate::users::{FollowState, is_met};

/// As many accounts as one follows at most, those counted that it has only asked.
const MOST_FOLLOWS: i64 = 2_000;

/// As many requests as one round accepts, so that no batch grows with success.
const ROUND: i64 = 100;

/// SQL that is true where there is a follow in this state. A probe of the key, for which each of the three must be
/// one value: a list of states would be a table that is read too.
macro_rules! there_is {
    ($follower:literal, $state:literal, $followee:literal) => {
        concat!(
            "exists (
      select 1
      from follows
      where follower_id = ",
            $follower,
            " and state = ",
            $state,
            " and followee_id = ",
            $followee,
            "
    )"
        )
    };
}

/// Appends what a new follow of the viewer's, or a new request, changes in their account, if there is to be
/// one: the other is there, is not the viewer, and neither blocks the other; the viewer may follow one more, or
/// has asked before and the other is not locked any more. Whether there is one is told by `changes()`.
///
/// If there is to be none there are no counters either, and a row that would lose them is ignored: so the other is
/// looked up once, not a second time for a condition.
pub fn append_follow(batch: &mut Batch, viewer: &UserId, username: &str) {
    batch.write(
        concat!(
            "update or ignore users
set (following_count, requested_count, version) = (
    select
      users.following_count + not t.locked,
      users.requested_count + t.locked - ",
            there_is!("?2", "'pending'", "t.id"),
            ",
      users.version + 1
    from users t
    where t.username = ?1
      and t.id <> ?2
      and ",
            is_met!("t", "?2"),
            "
      and not ",
            there_is!("?2", "'accepted'", "t.id"),
            "
      and iif(",
            there_is!("?2", "'pending'", "t.id"),
            ",
        not t.locked,
        users.following_count + users.requested_count < ?3
      )
  )
where id = ?2"
        ),
        params![username, viewer, MOST_FOLLOWS],
    );
}

/// Appends one more follower of whoever has this username, if the statement before changed a row. A request is
/// none; it changes the row to what it was, so that the next statement can hang on this one.
pub fn append_follower(batch: &mut Batch, username: &str) {
    batch.write(
        "update users
set follower_count = follower_count + not locked
where username = ?1 and changes() = 1",
        params![username],
    );
}

/// Which follow between the viewer and another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The viewer's, or their request.
    Mine,
    /// The other's.
    Theirs,
}

/// Takes a follow of the viewer's, `?3`, or their request, `?4`, off the counters of both.
const MINE_LOST: [&str; 2] = [
    concat!(
        "update users
set (following_count, requested_count) = (
    select users.following_count - ",
        there_is!("?2", "?3", "t.id"),
        ", users.requested_count - ",
        there_is!("?2", "?4", "t.id"),
        "
    from users t
    where t.username = ?1
  ),
  version = version + 1
where id = ?2
  and exists (
    select 1
    from users t
    where t.username = ?1 and (",
        there_is!("?2", "?3", "t.id"),
        " or ",
        there_is!("?2", "?4", "t.id"),
        ")
  )"
    ),
    concat!(
        "update users
set follower_count = follower_count - 1, version = version + 1
where username = ?1 and ",
        there_is!("?2", "?3", "users.id")
    ),
];

/// The same of the other's follow or request.
const THEIRS_LOST: [&str; 2] = [
    concat!(
        "update users
set following_count = following_count - ",
        there_is!("users.id", "?3", "?2"),
        ",
  requested_count = requested_count - ",
        there_is!("users.id", "?4", "?2"),
        ",
  version = version + 1
where username = ?1 and (",
        there_is!("users.id", "?3", "?2"),
        " or ",
        there_is!("users.id", "?4", "?2"),
        ")"
    ),
    concat!(
        "update users
set follower_count = follower_count - 1, version = version + 1
where id = ?2
  and exists (
    select 1
    from users t
    where t.username = ?1 and ",
        there_is!("t.id", "?3", "?2"),
        "
  )"
    ),
];

/// Appends what the end of a follow or a request between the viewer and whoever has this username changes in
/// the accounts of both, if there is one in this state; none means either.
pub fn append_lost_follow(
    batch: &mut Batch,
    viewer: &UserId,
    username: &str,
    which: Which,
    state: Option<FollowState>,
) {
    let [accepted, pending] = FollowState::meant(state);
    let [from, to] = match which {
        Which::Mine => MINE_LOST,
        Which::Theirs => THEIRS_LOST,
    };
    batch.write(from, params![username, viewer, accepted, pending]);
    batch.write(to, params![username, viewer, accepted]);
}

/// Appends what it changes in the accounts of both that the viewer accepts a request, if there is one.
pub fn append_acceptance(batch: &mut Batch, viewer: &UserId, username: &str) {
    batch.write(
        "update users
set following_count = following_count + 1,
  requested_count = requested_count - 1,
  version = version + 1
where username = ?1
  and exists (
    select 1
    from follows f
    where f.follower_id = users.id and f.followee_id = ?2 and f.state = 'pending'
  )",
        params![username, viewer],
    );
    batch.write(
        "update users
set follower_count = follower_count + 1, version = version + 1
where id = ?1 and changes() = 1",
        params![viewer],
    );
}

/// Appends what it changes in the accounts of all that the oldest requests to follow an account are accepted, as
/// long as it is not locked and the job is there; how many requests that are at most.
pub fn append_acceptances(batch: &mut Batch, account: &UserId, job: &JobId) -> i64 {
    batch.write(
        concat!(
            "update users
set following_count = following_count + 1,
  requested_count = requested_count - 1,
  version = version + 1
where id in (
    select follower_id
    from follows
    where followee_id = ?1 and state = 'pending'
    order by created_at, follower_id
    limit ?3
  )
  and exists (select 1 from users where id = ?1 and locked = 0)
  and ",
            job_is_there!("?2")
        ),
        params![account, job, ROUND],
    );
    batch.write(
        "update users
set follower_count = follower_count + changes(), version = version + 1
where id = ?1 and changes() > 0",
        params![account],
    );
    ROUND
}

/// Appends that what the viewer sees has changed, if the statement before changed a row: they mute somebody from now
/// on, or no longer. What the muted see has not, so that they never learn of it.
pub fn append_changed_for(batch: &mut Batch, viewer: &UserId) {
    batch.write(
        "update users
set version = version + 1
where id = ?1 and changes() = 1",
        params![viewer],
    );
}

/// Appends that what both see has changed, if the statement before changed a row: one of them blocks the other
/// from now on, or no longer.
pub fn append_changed_for_both(batch: &mut Batch, viewer: &UserId, username: &str) {
    batch.write(
        "update users
set version = version + 1
where id in (?2, (select id from users where username = ?1)) and changes() = 1",
        params![username, viewer],
    );
}
