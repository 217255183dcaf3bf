//! Comments in the table `posts`.

use crate::http::pagination::{Boundary, PageRequest, select_boundary};
use crate::id::PostId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, params};
use crate::posts::store::{PostOrStub, post};
use crate::posts::visibility::{is_there, open_or_stub, visible_or_stub};
use crate::users::muted_by;
use crate::viewer::MaybeViewer;

/// Appends that a comment, which the statement before has written, is counted where it stands, and that whoever
/// wrote what it answers is told, unless it is their own.
pub(in crate::posts) fn append_comment(
    batch: &mut Batch,
    comment: &PostId,
    job: NewJob,
) -> AppendedJob {
    batch.write(
        "update posts
set comment_count = comment_count + 1
where id = (select reply_to from posts where id = ?1) and changes() = 1",
        params![comment],
    );
    job.append(
        batch,
        insert_job!(
            "json_object(
  'kind', iif(parent.reply_to is null, 'comment', 'reply'),
  'post_id', c.id,
  'actor_id', c.author_id,
  'recipient_id', parent.author_id
)",
            "from posts c
join posts parent on parent.id = c.reply_to
where changes() = 1 and c.id = ?6 and parent.author_id <> c.author_id"
        ),
        params![comment],
    )
}

/// The candidates of a list of comments: `$most` ids of direct replies to `$post` after `$after`, oldest first, from
/// an index that holds them alone: those that are there, and those of which a stub is left.
macro_rules! candidates {
    ($post:literal, $after:literal, $most:literal) => {
        concat!(
            "select id
    from posts indexed by posts_replies
    where reply_to = ",
            $post,
            "
      and (deleted_at is null and removed_at is null or comment_count > 0)
      and id > ",
            $after,
            "
    order by id
    limit ",
            $most
        )
    };
}

/// A page of the comments on a post or on what is left of it, oldest first, without those of whom the viewer mutes;
/// and where its candidates end.
pub(super) fn list(
    viewer: &MaybeViewer,
    parent: &PostId,
    page: &PageRequest,
) -> (Batch, Rows<PostOrStub>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    batch.require(
        concat!(
            "select json_extract('{}', iif(exists (
  select 1
  from posts p
  join users a on a.id = p.author_id
  where p.id = ?1 and ",
            open_or_stub!("p", "a", "?2"),
            "
), '$', 'abort:not_found'))"
        ),
        params![parent, viewer.user_id()],
    );
    let after = page.after_id();
    let rows = batch.query(
        concat!(
            "select not ",
            is_there!("p"),
            " as gone, ",
            post!("p", "a", "?1"),
            "
from (
    ",
            candidates!("?2", "?3", "?4"),
            "
) c
cross join posts p on p.id = c.id
cross join users a on a.id = p.author_id
where not ",
            muted_by!("p.author_id", "?1"),
            " and ",
            visible_or_stub!("p", "a", "?1"),
            "
order by c.id
limit ?5"
        ),
        params![
            viewer.user_id(),
            parent,
            after,
            page.candidates(),
            page.rows()
        ],
    );
    let boundary = batch.query(
        select_boundary!("max(id)", "?3", candidates!("?1", "?2", "?3")),
        params![parent, after, page.candidates()],
    );
    (batch, rows, boundary)
}
