//! The tables `posts` and `post_tags`, as far as the removal of a reported post goes. The report alone says which
//! post it is, so that no trip is needed to ask.

use crate::audit::{self, Event, insert_event};
use crate::id::{ReportId, UserId};
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, params};
use crate::time::Timestamp;
use crate::users;

/// What is noted of a removal, and what it leaves to do.
pub struct Removal {
    /// Tells the audit log: of this only the kind, the time and the request count.
    pub event: Event,
    /// Tells the author.
    pub news: NewJob,
    /// Tidies up what people were told about the post.
    pub tidying: NewJob,
}

/// The post of the report `$report`, if it is there.
macro_rules! reported_post {
    ($report:literal) => {
        concat!(
            "from reports r
join posts p on p.id = r.post_id
where r.id = ",
            $report,
            " and p.deleted_at is null and p.removed_at is null"
        )
    };
}

/// Appends the removal, by the account `by`, of the post that a report is about, if it is there: hides it, takes
/// the counters back, tells its author, and leaves a job to tidy up. Nothing, if it was deleted or removed
/// before. Whoever appends this has asked for the role.
pub fn append_removal_of_reported(
    batch: &mut Batch,
    report: &ReportId,
    by: &UserId,
    removal: Removal,
    now: Timestamp,
) -> [AppendedJob; 2] {
    audit::append_selected(
        batch,
        &removal.event,
        insert_event!(
            "?5",
            "p.author_id",
            "null",
            "json_object('post_id', p.id)",
            reported_post!("?6")
        ),
        params![by, report],
    );
    let jobs = [
        removal.news.append(
            batch,
            insert_job!(
                "json_object('kind', 'moderation', 'post_id', p.id, 'recipient_id', p.author_id)",
                reported_post!("?6")
            ),
            params![report],
        ),
        removal.tidying.append(
            batch,
            insert_job!(
                "json_object('kind', 'post_deleted', 'post_id', p.id, 'author_id', p.author_id)",
                reported_post!("?6")
            ),
            params![report],
        ),
    ];
    users::append_reported_post_gone(batch, report);
    batch.write(
        concat!(
            "delete from post_tags
where post_id = (
  select p.id
  ",
            reported_post!("?1"),
            "
) and tag in (
  select t.value
  from (
    select p.tags
    ",
            reported_post!("?1"),
            "
  ) c
  cross join json_each(c.tags) t
)"
        ),
        params![report],
    );
    batch.write(
        concat!(
            "update posts
set comment_count = comment_count - 1
where id = (
  select p.reply_to
  ",
            reported_post!("?1"),
            "
)"
        ),
        params![report],
    );
    batch.write(
        concat!(
            "update posts
set removed_at = ?2, version = version + 1
where id = (
  select p.id
  ",
            reported_post!("?1"),
            "
)"
        ),
        params![report, now],
    );
    batch.write_last(
        "delete from posts_text
where rowid = (
  select p.number
  from reports r
  join posts p on p.id = r.post_id
  where r.id = ?1 and p.removed_at is not null
)",
        params![report],
    );
    jobs
}
