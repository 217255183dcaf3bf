//! Takes posts out of the table `posts`, or out of sight.

use std::sync::Arc;

use crate::app::App;
use crate::audit::{self, Event, Kind, insert_event};
use crate::http::exchange::Exchange;
use crate::id::{PostId, PostRef, ReportId, UserId};
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, params};
use crate::posts::captions;
use crate::posts::visibility::{is_there, visible};
use crate::posts::words;
use crate::time::Timestamp;
use crate::users::{self, post_ref};
use crate::viewer::Viewer;

/// What is noted of a post that goes, and what it leaves to do.
pub struct Removal {
    /// Tells the audit log, where it is another's: of this only the kind, the time and the request count.
    pub event: Event,
    /// Tells the author, where somebody else took it away.
    pub news: NewJob,
    /// Tidies up what people were told about the post.
    pub tidying: NewJob,
}

impl Removal {
    /// Of what the request `cause` takes away.
    pub fn new(app: &App, cause: &Arc<Exchange>) -> Self {
        Self {
            event: Event::new(app, cause, Kind::PostRemoved),
            news: NewJob::new(app, cause.clone()),
            tidying: NewJob::new(app, cause.clone()),
        }
    }
}

/// Takes a post away, which is there: deletes the viewer's own, and erases what it says; removes another's, if the
/// viewer moderates.
///
/// Aborts where the viewer, who does not moderate, may not see it, or it is another's.
pub(in crate::posts) fn delete(
    viewer: &Viewer,
    post: &PostId,
    removal: Removal,
    now: Timestamp,
) -> (Batch, [AppendedJob; 2]) {
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
    let jobs = append_going(
        &mut batch,
        PostRef::Id(post),
        viewer.user_id(),
        removal,
        now,
    );
    (batch, jobs)
}

/// Appends that the post which a report is about goes, by the account `by`: nothing, if it is not there any more.
/// Whoever appends this has asked for the role.
pub fn append_removal_of_reported(
    batch: &mut Batch,
    report: &ReportId,
    by: &UserId,
    removal: Removal,
    now: Timestamp,
) -> [AppendedJob; 2] {
    append_going(batch, PostRef::Reported(report), by, removal, now)
}

/// Appends that a post goes, by the account `by`, if it is there. It is found no more, and counted neither with its
/// author's posts nor where it comments; its author is told, and a job tidies up what people were told about it.
/// Its author's own is erased, another's is hidden.
fn append_going(
    batch: &mut Batch,
    post: PostRef,
    by: &UserId,
    removal: Removal,
    now: Timestamp,
) -> [AppendedJob; 2] {
    audit::append_selected(
        batch,
        &removal.event,
        insert_event!(
            "?7",
            "p.author_id",
            "null",
            "json_object('post_id', p.id)",
            concat!(
                "from posts p
where p.id = ",
                post_ref!("?5", "?6"),
                " and p.author_id <> ?7 and ",
                is_there!("p")
            )
        ),
        post.params(params![by]),
    );
    let news = removal.news.append(
        batch,
        insert_job!(
            "json_object('kind', 'moderation', 'post_id', p.id, 'recipient_id', p.author_id)",
            concat!(
                "from posts p
where p.id = ",
                post_ref!("?6", "?7"),
                " and p.author_id <> ?8 and ",
                is_there!("p")
            )
        ),
        post.params(params![by]),
    );
    let tidying = removal.tidying.append(
        batch,
        insert_job!(
            "json_object('kind', 'post_deleted', 'post_id', p.id, 'author_id', p.author_id)",
            concat!(
                "from posts p
where p.id = ",
                post_ref!("?6", "?7"),
                " and ",
                is_there!("p")
            )
        ),
        post.params(vec![]),
    );
    captions::forget_tags(batch, post, "[]");
    batch.write(
        concat!(
            "update posts
set comment_count = comment_count - 1
where id = (
  select p.reply_to
  from posts p
  where p.id = ",
            post_ref!("?1", "?2"),
            " and ",
            is_there!("p"),
            "
)"
        ),
        post.params(vec![]),
    );
    users::append_post_gone(batch, post);
    words::erase(batch, post, None);
    batch.write(
        concat!(
            "update posts as p
set
  deleted_at = iif(p.author_id = ?3, ?4, null),
  removed_at = iif(p.author_id = ?3, null, ?4),
  caption = iif(p.author_id = ?3, '', p.caption),
  tags = iif(p.author_id = ?3, '[]', p.tags),
  mentions = iif(p.author_id = ?3, '[]', p.mentions),
  version = p.version + 1
where p.id = ",
            post_ref!("?1", "?2"),
            " and ",
            is_there!("p")
        ),
        post.params(params![by, now]),
    );
    [news, tidying]
}
