//! The `follows` table.

use crate::graph::store::{self, RelationRow};
use crate::id::{JobId, UserId};
use crate::jobs::{self, KnownJob, NewJob, insert_known_job, job_is_there};
use crate::platform::{Batch, Rows, Write, params};
use crate::time::Timestamp;
use crate::users::{self, FollowState, Which};
use crate::viewer::Viewer;

/// A follow, or a request where the other is locked, its counts and its job, in one batch; and how the two stand
/// to each other then. Each statement hangs on the one before having changed its row, the first on everything
/// that may forbid the follow: so a second one changes nothing, and neither does one that a block forbids. The
/// other is told where they have not been told before.
pub(in crate::graph) fn follow(
    viewer: &Viewer,
    username: &str,
    job: NewJob,
    now: Timestamp,
) -> (Batch, Rows<RelationRow>, KnownJob) {
    let mut batch = Batch::guarded(viewer);
    users::append_follow(&mut batch, viewer.user_id(), username);
    batch.write(
        "insert into follows (follower_id, followee_id, state, created_at)
select ?2, id, coalesce(
    (
      select state
      from follows
      where follower_id = ?2 and state = 'pending' and followee_id = users.id
    ),
    iif(locked, 'pending', 'accepted')
  ), ?3
from users
where changes() = 1 and username = ?1
on conflict do update set state = 'accepted', created_at = excluded.created_at",
        params![username, viewer.user_id(), now],
    );
    users::append_follower(&mut batch, username);
    let job = job.append_known(
        &mut batch,
        insert_known_job!(
            "json_object(
  'kind', iif(u.locked, 'follow_request', 'follow'), 'actor_id', ?7, 'recipient_id', u.id
)",
            "from users u
where changes() = 1
  and u.username = ?6
  and not exists (
    select 1
    from told
    where recipient_id = u.id
      and kind = iif(u.locked, 'follow_request', 'follow')
      and subject_id = u.id
      and actor_id = ?7
  )"
        ),
        params![username, viewer.user_id()],
    );
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation, job)
}

/// Appends the end of a follow or a request between the viewer and whoever has this username, with its counts,
/// if there is one in this state; none means either.
pub(in crate::graph) fn append_end(
    batch: &mut Batch,
    viewer: &UserId,
    username: &str,
    which: Which,
    state: Option<FollowState>,
) {
    users::append_lost_follow(batch, viewer, username, which, state);
    for state in FollowState::meant(state).into_iter().flatten() {
        batch.write(
            match which {
                Which::Mine => {
                    "delete from follows
where follower_id = ?2
  and followee_id = (select id from users where username = ?1)
  and state = ?3"
                }
                Which::Theirs => {
                    "delete from follows
where follower_id = (select id from users where username = ?1)
  and followee_id = ?2
  and state = ?3"
                }
            },
            params![username, viewer, state],
        );
    }
}

/// Ends the viewer's follow of somebody, or takes their request back, and tells how the two stand then.
pub(in crate::graph) fn unfollow(viewer: &Viewer, username: &str) -> (Batch, Rows<RelationRow>) {
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    append_end(&mut batch, viewer.user_id(), username, Which::Mine, None);
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation)
}

/// Takes a follower away, or refuses a request.
pub(in crate::graph) fn dismiss(viewer: &Viewer, username: &str, state: FollowState) -> Batch {
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    let viewer = viewer.user_id();
    append_end(&mut batch, viewer, username, Which::Theirs, Some(state));
    batch
}

/// Accepts a request, and tells how the two stand then.
pub(in crate::graph) fn accept(
    viewer: &Viewer,
    username: &str,
    now: Timestamp,
) -> (Batch, Rows<RelationRow>) {
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    users::append_acceptance(&mut batch, viewer.user_id(), username);
    batch.write(
        "update follows
set state = 'accepted', created_at = ?3
where follower_id = (select id from users where username = ?1)
  and followee_id = ?2
  and state = 'pending'",
        params![username, viewer.user_id(), now],
    );
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation)
}

/// A round of accepting whoever has asked to follow an account that is no longer locked, oldest first; and how
/// many it accepts. Without the job nothing changes, and it goes with the round that accepts nobody.
pub(in crate::graph) fn accept_some(
    job: &JobId,
    account: &UserId,
    now: Timestamp,
) -> (Batch, Write) {
    let mut batch = Batch::public();
    let round = users::append_acceptances(&mut batch, account, job);
    let accepted = batch.write(
        concat!(
            "update follows
set state = 'accepted', created_at = ?4
where followee_id = ?1
  and state = 'pending'
  and follower_id in (
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
        params![account, job, round, now],
    );
    jobs::append_done_unless_changed(&mut batch, job);
    (batch, accepted)
}
