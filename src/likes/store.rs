//! The `likes` table.

use crate::http::pagination::{Boundary, PageRequest, TimedPlace, select_boundary};
use crate::id::PostId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, params};
use crate::posts::{self, LikeCountRow, open_to};
use crate::time::Timestamp;
use crate::users::{ListedPerson, is_met, short_person};
use crate::viewer::{MaybeViewer, Viewer};

/// A like, its count and its job, in one batch. A second like of the same account changes nothing.
pub(super) fn like(
    viewer: &Viewer,
    post: &PostId,
    job: NewJob,
    now: Timestamp,
) -> (Batch, Rows<LikeCountRow>, AppendedJob) {
    let mut batch = Batch::guarded(viewer);
    posts::require_open(&mut batch, &viewer.clone().into(), post);
    batch.write(
        "insert into likes (post_id, user_id, created_at)
values (?1, ?2, ?3)
on conflict do nothing",
        params![post, viewer.user_id(), now],
    );
    posts::append_like_count(&mut batch, post, 1);
    let job = job.append(
        &mut batch,
        insert_job!(
            "json_object('kind', 'like', 'post_id', p.id, 'actor_id', ?7, 'recipient_id', p.author_id)",
            "from posts p
where changes() = 1
  and p.id = ?6
  and p.author_id <> ?7
  and not exists (
    select 1
    from told
    where recipient_id = p.author_id
      and kind = 'like'
      and subject_id = p.id
      and actor_id = ?7
  )"
        ),
        params![post, viewer.user_id()],
    );
    let count = posts::select_like_count(&mut batch, post);
    (batch, count, job)
}

/// Takes a like and its count away. Changes nothing where there is none. What one likes, one may cease to like, also
/// when one may not see it any more; the count is only told where one may.
///
/// Aborts where there is no like of the viewer's and the post is not open to them.
pub(super) fn unlike(viewer: &Viewer, post: &PostId) -> (Batch, Rows<LikeCountRow>) {
    let mut batch = Batch::guarded(viewer);
    batch.require(
        concat!(
            "select json_extract('{}', iif(exists (
  select 1
  from likes
  where post_id = ?1 and user_id = ?2
) or exists (
  select 1
  from posts p
  join users a on a.id = p.author_id
  where p.id = ?1 and ",
            open_to!("p", "a", "?2"),
            "
), '$', 'abort:not_found'))"
        ),
        params![post, viewer.user_id()],
    );
    batch.write(
        "delete from likes
where post_id = ?1 and user_id = ?2",
        params![post, viewer.user_id()],
    );
    posts::append_like_count(&mut batch, post, -1);
    let count = posts::select_open_like_count(&mut batch, viewer, post);
    (batch, count)
}

/// The candidates of a list of likes: `$most` of those of the post `$post` before the place
/// (`$created_at`, `$user_id`), newest first. Their key sorts as they do.
macro_rules! candidates {
    ($post:literal, $created_at:literal, $user_id:literal, $most:literal) => {
        concat!(
            "select user_id, created_at, format('%016d %s', created_at, user_id) as key
    from likes
    where post_id = ",
            $post,
            " and (created_at, user_id) < (",
            $created_at,
            ", ",
            $user_id,
            ")
    order by created_at desc, user_id desc
    limit ",
            $most
        )
    };
}

/// A page of who likes a post, newest like first, and where its candidates end.
pub(super) fn list(
    viewer: &MaybeViewer,
    post: &PostId,
    page: &PageRequest,
    after: &TimedPlace,
) -> (Batch, Rows<ListedPerson>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    posts::require_open(&mut batch, viewer, post);
    let rows = batch.query(
        concat!(
            "select ",
            short_person!("u"),
            " as person, c.key
from (
    ",
            candidates!("?2", "?3", "?4", "?5"),
            "
) c
cross join users u on u.id = c.user_id
where ",
            is_met!("u", "?1"),
            "
order by c.created_at desc, c.user_id desc
limit ?6"
        ),
        params![
            viewer.user_id(),
            post,
            after.time,
            after.id.as_str(),
            page.candidates(),
            page.rows(),
        ],
    );
    let boundary = batch.query(
        select_boundary!("min(key)", "?4", candidates!("?1", "?2", "?3", "?4")),
        params![post, after.time, after.id.as_str(), page.candidates()],
    );
    (batch, rows, boundary)
}
