//! The tables `blocks` and `mutes`.

use crate::graph::follows::store::append_end;
use crate::graph::store::{self, RelationRow};
use crate::platform::{Batch, Rows, params};
use crate::time::Timestamp;
use crate::users::{self, Which};
use crate::viewer::Viewer;

/// Blocks somebody, ends whatever follow or request there is between the two, with its counts, and tells how
/// they stand then.
pub(in crate::graph) fn block(
    viewer: &Viewer,
    username: &str,
    now: Timestamp,
) -> (Batch, Rows<RelationRow>) {
    let me = viewer.user_id();
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    batch.write(
        "insert into blocks (blocker_id, blocked_id, created_at)
select ?2, id, ?3
from users
where username = ?1
on conflict do nothing",
        params![username, me, now],
    );
    users::append_changed_for_both(&mut batch, me, username);
    append_end(&mut batch, me, username, Which::Mine, None);
    append_end(&mut batch, me, username, Which::Theirs, None);
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation)
}

/// Lifts a block. What it has ended stays ended.
pub(in crate::graph) fn unblock(viewer: &Viewer, username: &str) -> (Batch, Rows<RelationRow>) {
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    batch.write(
        "delete from blocks
where blocker_id = ?2
  and blocked_id = (select id from users where username = ?1)",
        params![username, viewer.user_id()],
    );
    users::append_changed_for_both(&mut batch, viewer.user_id(), username);
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation)
}

/// Mutes somebody, who never learns of it.
pub(in crate::graph) fn mute(
    viewer: &Viewer,
    username: &str,
    now: Timestamp,
) -> (Batch, Rows<RelationRow>) {
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    batch.write(
        "insert into mutes (muter_id, muted_id, created_at)
select ?2, id, ?3
from users
where username = ?1
on conflict do nothing",
        params![username, viewer.user_id(), now],
    );
    users::append_changed_for(&mut batch, viewer.user_id());
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation)
}

/// Lifts a mute.
pub(in crate::graph) fn unmute(viewer: &Viewer, username: &str) -> (Batch, Rows<RelationRow>) {
    let mut batch = Batch::guarded(viewer);
    store::require_other(&mut batch, viewer, username);
    batch.write(
        "delete from mutes
where muter_id = ?2
  and muted_id = (select id from users where username = ?1)",
        params![username, viewer.user_id()],
    );
    users::append_changed_for(&mut batch, viewer.user_id());
    let relation = store::select_relation(&mut batch, viewer, username);
    (batch, relation)
}
