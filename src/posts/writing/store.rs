//! Writes posts and comments, and what they say.

use serde_json::json;

use crate::http::idempotency::{self, IdempotencyKey, record_answer};
use crate::id::{PostId, PostRef};
use crate::jobs::{AppendedJob, NewJob, NewJobs};
use crate::platform::{Batch, Rows, params};
use crate::posts::captions::{self, Caption};
use crate::posts::comments;
use crate::posts::rules::Visibility;
use crate::posts::store::{Post, post_json, select_own};
use crate::posts::visibility::{open_to, require_open};
use crate::posts::words;
use crate::time::Timestamp;
use crate::users;
use crate::viewer::Viewer;

/// A new post or comment.
pub(in crate::posts) struct NewRow<'a> {
    pub(in crate::posts) id: &'a PostId,
    pub(in crate::posts) caption: &'a Caption,
    /// Ignored for a comment.
    pub(in crate::posts) visibility: Visibility,
    /// The post it is a comment on.
    pub(in crate::posts) reply_to: Option<&'a PostId>,
}

/// Stores a new post of the viewer's and answers with it, once for each `key`. A comment is counted where it
/// stands and told to whom it answers, and whoever is named is told that.
///
/// Aborts where there is nothing to comment on in a thread that is open to the viewer.
pub(in crate::posts) fn create(
    viewer: &Viewer,
    new: &NewRow<'_>,
    key: Option<&IdempotencyKey>,
    jobs: NewPostJobs,
    now: Timestamp,
) -> (Batch, idempotency::NewRow<Post>, Vec<AppendedJob>) {
    let mut batch = Batch::guarded(viewer);
    if let Some(key) = key {
        key.require_unused(&mut batch, viewer, now);
    }
    if let Some(parent) = new.reply_to {
        require_open(&mut batch, &viewer.clone().into(), parent);
    }
    let mut appended = Vec::new();
    if let Some(mentions) = jobs.mentions {
        let author = viewer.user_id();
        let job = captions::append_mentions(&mut batch, new.id, author, new.reply_to, mentions);
        appended.push(job);
    }
    batch.write(
        "insert into posts (
  id, author_id, caption, tags, mentions, visibility, reply_to, audience_id, number, created_at
)
select
  ?1, ?2, ?3, ?4, ?5, coalesce(parent.visibility, ?6), parent.id, coalesce(parent.audience_id, ?2),
  (select coalesce(max(number), 0) + 1 from posts), ?8
from (select 1)
left join posts parent on parent.id = ?7",
        params![
            new.id,
            viewer.user_id(),
            new.caption.text.as_str(),
            json!(new.caption.tags).to_string(),
            json!(new.caption.mentions).to_string(),
            new.visibility.as_str(),
            new.reply_to,
            now
        ],
    );
    if new.reply_to.is_none() {
        users::append_post_count(&mut batch, viewer.user_id(), 1);
        if !new.caption.tags.is_empty() {
            captions::append_tags(&mut batch, new.id);
        }
    } else {
        appended.push(comments::append_comment(&mut batch, new.id, jobs.comment));
    }
    words::append(&mut batch, new.id);
    let row = match key {
        None => idempotency::NewRow::Plain(select_own(&mut batch, viewer, new.id)),
        Some(key) => key.record(
            &mut batch,
            viewer,
            now,
            record_answer!(
                post_json!("p", "a"),
                "from posts p
join users a on a.id = p.author_id
where p.id = ?5"
            ),
            params![new.id],
        ),
    };
    (batch, row, appended)
}

/// The jobs that a new post may leave.
pub(in crate::posts) struct NewPostJobs {
    /// Tells whoever is commented on.
    pub(in crate::posts) comment: NewJob,
    /// Tells those who are named, if anybody is.
    pub(in crate::posts) mentions: Option<NewJobs>,
}

/// Lets the viewer's own post say something else, if it is at one of `versions` (a JSON array; none means any),
/// and answers with it. Nothing changes where it says that already. Whoever is newly named is told.
///
/// Aborts where its thread is not open to the viewer, it is another's, or it is at another version.
pub(in crate::posts) fn update(
    viewer: &Viewer,
    post: &PostId,
    caption: &Caption,
    versions: Option<&str>,
    mentions: Option<NewJobs>,
    now: Timestamp,
) -> (Batch, Rows<Post>, Option<AppendedJob>) {
    let mut batch = Batch::guarded(viewer);
    batch.require(
        concat!(
            "select json_extract('{}', coalesce((
  select case
    when p.author_id <> ?2 then 'abort:not_the_author'
    when ?3 is not null and not exists (
      select 1
      from json_each(?3)
      where value = p.version
    ) then 'abort:precondition_failed'
    else '$'
  end
  from posts p
  join users a on a.id = p.author_id
  where p.id = ?1 and ",
            open_to!("p", "a", "?2"),
            "
), 'abort:not_found'))"
        ),
        params![post, viewer.user_id(), versions],
    );
    let job = mentions
        .map(|jobs| captions::append_mentions(&mut batch, post, viewer.user_id(), None, jobs));
    let (text, tags) = (caption.text.as_str(), json!(caption.tags).to_string());
    captions::forget_tags(&mut batch, PostRef::Id(post), &tags);
    users::append_post_changed(&mut batch, post, text);
    words::erase(&mut batch, PostRef::Id(post), Some(text));
    words::append_again(&mut batch, post);
    batch.write(
        "update posts
set caption = ?2, tags = ?3, mentions = ?4, edited_at = ?5, version = version + 1
where id = ?1 and caption <> ?2",
        params![post, text, tags, json!(caption.mentions).to_string(), now],
    );
    if !caption.tags.is_empty() {
        captions::append_tags(&mut batch, post);
    }
    let row = select_own(&mut batch, viewer, post);
    (batch, row, job)
}
