//! Takes posts out of the table `posts`, or out of sight.

use crate::audit::{self, Event, insert_event};
use crate::id::PostId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, params};
use crate::posts::captions;
use crate::posts::store::{is_there, visible};
use crate::time::Timestamp;
use crate::users;
use crate::viewer::Viewer;

/// SQL that records the removal of the post `?6` by `?5`, if it is there and `$condition` holds.
macro_rules! record_removal {
    ($condition:literal) => {
        insert_event!(
            "?5",
            "p.author_id",
            "null",
            "json_object('post_id', p.id)",
            concat!(
                "from posts p
where p.id = ?6 and ",
                is_there!("p"),
                $condition
            )
        )
    };
}

/// Takes a post away, which is there: deletes the viewer's own, and erases what it says; removes another's, if the
/// viewer moderates.
///
/// Aborts where the viewer, who does not moderate, may not see it, or it is another's.
pub(in crate::posts) fn delete(
    viewer: &Viewer,
    post: &PostId,
    event: &Event,
    job: NewJob,
    now: Timestamp,
) -> (Batch, AppendedJob) {
    let mut batch = Batch::guarded(viewer);
    batch.require(
        concat!(
            "select json_extract('{}', coalesce((
  select iif(p.author_id = ?2 or v.role in ('moderator', 'admin'), '$', 'abort:not_the_author')
  from posts p
  join users a on a.id = p.author_id
  join users v on v.id = ?2
  where p.id = ?1
    and ",
            is_there!("p"),
            "
    and (v.role in ('moderator', 'admin') or ",
            visible!("p", "a", "?2"),
            ")
), 'abort:not_found'))"
        ),
        params![post, viewer.user_id()],
    );
    audit::append_selected(
        &mut batch,
        event,
        record_removal!(" and p.author_id <> ?5"),
        params![viewer.user_id(), post],
    );
    let job = append_going(&mut batch, post, job);
    batch.write(
        "update posts
set
  deleted_at = iif(author_id = ?2, ?3, null),
  removed_at = iif(author_id = ?2, null, ?3),
  caption = iif(author_id = ?2, '', caption),
  tags = iif(author_id = ?2, '[]', tags),
  mentions = iif(author_id = ?2, '[]', mentions),
  version = version + 1
where id = ?1",
        params![post, viewer.user_id(), now],
    );
    (batch, job)
}

/// Appends, before it is done, what goes with a post, if it is there: it is found no more, and counted neither with
/// its author's posts nor where it comments; and a job tidies up what people were told about it.
fn append_going(batch: &mut Batch, post: &PostId, job: NewJob) -> AppendedJob {
    captions::forget_tags(batch, post, "[]");
    batch.write(
        "update posts
set comment_count = comment_count - 1
where id = (
  select reply_to
  from posts
  where id = ?1 and deleted_at is null and removed_at is null
)",
        params![post],
    );
    users::append_post_gone(batch, post);
    batch.write_last(
        "delete from posts_text
where rowid = (
  select number
  from posts
  where id = ?1 and (deleted_at is not null or removed_at is not null)
)",
        params![post],
    );
    job.append(
        batch,
        insert_job!(
            "json_object('kind', 'post_deleted', 'post_id', p.id, 'author_id', p.author_id)",
            "from posts p
where p.id = ?6 and p.deleted_at is null and p.removed_at is null"
        ),
        params![post],
    )
}
