//! The `posts` table and the visibility predicate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{NewPost, Visibility};
use crate::http::idempotency::{IdempotencyKey, NewRow, record_answer};
use crate::http::pagination::{Boundary, Keyed, PageRequest};
use crate::id::PostId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, Value, Write, flag, json_text, params};
use crate::time::Timestamp;
use crate::users::{self, ShortPerson, short_person};
use crate::viewer::{MaybeViewer, Viewer};

/// The visibility predicate: SQL that is true where the viewer may see a post. The one place that
/// decides it, for every read of a post and of what hangs on one.
///
/// `$post` names its row in `posts`, `$author` the author's in `users`, `$viewer` the parameter with
/// the viewer's id, null for nobody.
///
/// 1. Nobody sees a post that its author deleted or a moderator removed, or whose author is
///    suspended or deleted.
/// 2. The author sees it.
/// 3. Others see it if it is public, or if they are an accepted follower of whoever began its thread
///    (a comment inherits its root's visibility), or if that is themselves;
/// 4. and if neither of the two blocks the other, which holds for whoever began the thread too.
macro_rules! visible {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $post,
            ".deleted_at is null and ",
            $post,
            ".removed_at is null and ",
            $author,
            ".status = 'active' and (",
            $post,
            ".author_id = ",
            $viewer,
            " or ((",
            $post,
            ".visibility = 'public' or ",
            $post,
            ".audience_id = ",
            $viewer,
            " or exists (select 1 from follows where follower_id = ",
            $viewer,
            " and followee_id = ",
            $post,
            ".audience_id and state = 'accepted')) and not ",
            crate::users::blocked_between!(concat!($post, ".author_id"), $viewer),
            " and (",
            $post,
            ".audience_id = ",
            $post,
            ".author_id or not ",
            crate::users::blocked_between!(concat!($post, ".audience_id"), $viewer),
            "))))"
        )
    };
}
pub(crate) use visible;

/// The columns of a [`Post`], for the viewer's parameter `$viewer`.
macro_rules! post {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            $post,
            ".id, ",
            short_person!($author),
            " as author, ",
            $post,
            ".caption, ",
            $post,
            ".visibility, ",
            $post,
            ".reply_to, ",
            $post,
            ".like_count, ",
            $post,
            ".comment_count, exists (select 1 from likes where post_id = ",
            $post,
            ".id and user_id = ",
            $viewer,
            ") as liked, ",
            $post,
            ".created_at, ",
            $post,
            ".edited_at, ",
            $post,
            ".version"
        )
    };
}

/// The same columns as one JSON object, for the record of a request that created the post. The author
/// stays a text, as in a row, so that both are read alike.
macro_rules! post_json {
    ($post:literal, $author:literal) => {
        concat!(
            "json_object('id', ",
            $post,
            ".id, 'author', '' || ",
            short_person!($author),
            ", 'caption', ",
            $post,
            ".caption, 'visibility', ",
            $post,
            ".visibility, 'reply_to', ",
            $post,
            ".reply_to, 'like_count', ",
            $post,
            ".like_count, 'comment_count', ",
            $post,
            ".comment_count, 'liked', 0, 'created_at', ",
            $post,
            ".created_at, 'edited_at', ",
            $post,
            ".edited_at, 'version', ",
            $post,
            ".version)"
        )
    };
}

/// A post as it is read and answered.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(description = "A post.")]
pub(super) struct Post {
    pub(super) id: PostId,
    /// Who wrote it.
    #[serde(deserialize_with = "json_text")]
    author: ShortPerson,
    /// What it says.
    #[schemars(example = &"Morning light on the harbour")]
    caption: String,
    /// Its pictures: none yet.
    #[serde(skip_deserializing)]
    #[schemars(required, length(max = 0))]
    media: Vec<()>,
    visibility: Visibility,
    /// The post it answers, if it is a comment.
    #[schemars(example = None::<PostId>)]
    reply_to: Option<PostId>,
    /// The hashtags in it: not looked for yet.
    #[serde(skip_deserializing)]
    #[schemars(required, length(max = 0))]
    tags: Vec<String>,
    /// The people named in it: not looked for yet.
    #[serde(skip_deserializing)]
    #[schemars(required, length(max = 0))]
    mentions: Vec<()>,
    /// How many like it.
    #[schemars(range(min = 0), example = 3)]
    like_count: i64,
    /// How many direct replies it has.
    #[schemars(range(min = 0), example = 0)]
    comment_count: i64,
    /// Whether the one who asks likes it.
    #[serde(deserialize_with = "flag")]
    liked: bool,
    created_at: Timestamp,
    /// When its caption was last changed.
    #[schemars(example = None::<Timestamp>)]
    edited_at: Option<Timestamp>,
    /// Grows with every change of the post itself.
    #[schemars(range(min = 1), example = 1)]
    pub(super) version: i64,
}

/// Appends the condition that the viewer may see the post: absent and invisible look the same.
pub fn require_visible(batch: &mut Batch, viewer: &MaybeViewer, post: &PostId) {
    batch.require(
        concat!(
            "select json_extract('{}', iif(exists (
  select 1
  from posts p
  join users a on a.id = p.author_id
  where p.id = ?1 and ",
            visible!("p", "a", "?2"),
            "
), '$', 'abort:not_found'))"
        ),
        params![post, viewer.user_id()],
    );
}

/// Appends `by` to a post's count of likes, if the statement before changed a row.
pub fn append_like_count(batch: &mut Batch, post: &PostId, by: i64) {
    batch.write(
        "update posts
set like_count = like_count + ?2
where id = ?1 and changes() = 1",
        params![post, by],
    );
}

/// How often a post is liked.
#[derive(Debug, Deserialize)]
pub struct LikeCountRow {
    /// The counter.
    pub like_count: i64,
}

/// Appends a query for a post's count of likes.
pub fn select_like_count(batch: &mut Batch, post: &PostId) -> Rows<LikeCountRow> {
    batch.query(
        "select like_count
from posts
where id = ?1",
        params![post],
    )
}

/// A post by its id, if the viewer may see it.
pub(super) fn read(viewer: &MaybeViewer, post: &PostId) -> (Batch, Rows<Post>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let row = select_visible(&mut batch, viewer.user_id().into(), post);
    (batch, row)
}

fn select_visible(batch: &mut Batch, viewer: Value, post: &PostId) -> Rows<Post> {
    batch.query(
        concat!(
            "select ",
            post!("p", "a", "?2"),
            "
from posts p
join users a on a.id = p.author_id
where p.id = ?1 and ",
            visible!("p", "a", "?2")
        ),
        params![post, viewer],
    )
}

/// Stores a new post of the viewer's and answers with it, once for each `key`.
pub(super) fn create(
    viewer: &Viewer,
    id: &PostId,
    post: &NewPost,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
) -> (Batch, NewRow<Post>) {
    let mut batch = Batch::guarded(viewer);
    if let Some(key) = key {
        key.require_unused(&mut batch, viewer, now);
    }
    batch.write(
        "insert into posts (id, author_id, caption, visibility, audience_id, created_at)
values (?1, ?2, ?3, ?4, ?2, ?5)",
        params![
            id,
            viewer.user_id(),
            post.caption.as_str(),
            post.visibility.as_str(),
            now
        ],
    );
    users::append_post_count(&mut batch, viewer.user_id(), 1);
    let row = match key {
        None => NewRow::Plain(select_visible(&mut batch, viewer.user_id().into(), id)),
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
            params![id],
        ),
    };
    (batch, row)
}

/// Deletes the viewer's own post: hides it, erases its caption, and leaves a job to tidy up. Changes
/// nothing if the post is visible, but another's.
pub(super) fn delete(
    viewer: &Viewer,
    post: &PostId,
    job: NewJob,
    now: Timestamp,
) -> (Batch, Write, AppendedJob) {
    let mut batch = Batch::guarded(viewer);
    require_visible(&mut batch, &viewer.clone().into(), post);
    let deleted = batch.write(
        "update posts
set deleted_at = ?3, caption = '', version = version + 1
where id = ?1 and author_id = ?2",
        params![post, viewer.user_id(), now],
    );
    users::append_post_count(&mut batch, viewer.user_id(), -1);
    let job = job.append(
        &mut batch,
        insert_job!(
            "json_object('kind', 'post_deleted', 'post_id', ?6, 'author_id', ?7)",
            "where changes() = 1"
        ),
        params![post, viewer.user_id()],
    );
    (batch, deleted, job)
}

/// The candidates of the public list: `$most` ids before `$before`, newest first, from an index that
/// holds nothing else. The index is named and the limit stands inside, because the planner would
/// change its mind about either after `analyze`.
macro_rules! public_candidates {
    ($before:literal, $most:literal) => {
        concat!(
            "select id
    from posts indexed by posts_public
    where reply_to is null
      and visibility = 'public'
      and deleted_at is null
      and removed_at is null
      and id < ",
            $before,
            "
    order by id desc
    limit ",
            $most
        )
    };
}

/// A page of the public list: posts that everyone may see, newest first, without comments; and where
/// its candidates end. It costs the same however many of them the viewer may not see.
pub(super) fn list_public(
    viewer: &MaybeViewer,
    page: &PageRequest,
) -> (Batch, Rows<Post>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let before = page.before_id();
    let rows = batch.query(
        concat!(
            "select ",
            post!("p", "a", "?1"),
            "
from (
    ",
            public_candidates!("?2", "?3"),
            "
) c
cross join posts p on p.id = c.id
cross join users a on a.id = p.author_id
where ",
            visible!("p", "a", "?1"),
            "
order by c.id desc
limit ?4"
        ),
        params![viewer.user_id(), before, page.candidates(), page.rows()],
    );
    let boundary = batch.query(
        concat!(
            "select iif(sum(1) = ?2, min(id), null) as boundary
from (
    ",
            public_candidates!("?1", "?2"),
            "
)"
        ),
        params![before, page.candidates()],
    );
    (batch, rows, boundary)
}

impl Keyed for Post {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever changes what is recorded must go on reading what was recorded before.
    #[test]
    fn a_record_of_the_first_version_is_read() {
        let recorded = r#"{
            "id": "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e",
            "author": "{\"id\":\"019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4f\",\"username\":\"asha\",\"display_name\":\"Asha\",\"avatar_url\":null}",
            "caption": "First light",
            "visibility": "followers",
            "reply_to": null,
            "like_count": 0,
            "comment_count": 0,
            "liked": 0,
            "created_at": 1795162020007,
            "edited_at": null,
            "version": 1
        }"#;
        let post: Post = serde_json::from_str(recorded).unwrap();
        assert_eq!(post.visibility, Visibility::Followers);
        assert_eq!(post.author.username, "asha");
        assert!(!post.liked);
    }
}
