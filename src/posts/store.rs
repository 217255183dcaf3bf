//! The `posts` table.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::captions::{MAX_TAG, MAX_TAGS, Mention};
use super::rules::Visibility;
use super::visibility::{is_there, visible_or_stub};
use crate::http::pagination::Keyed;
use crate::id::PostId;
use crate::platform::{Batch, Rows, flag, json_text, params};
use crate::time::Timestamp;
use crate::users::ShortPerson;
use crate::viewer::{MaybeViewer, Viewer};

/// The columns of a [`Post`], for the viewer's parameter `$viewer`.
macro_rules! post {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            $post,
            ".id, ",
            $crate::users::short_person!($author),
            " as author, ",
            $post,
            ".caption, ",
            $post,
            ".tags, ",
            $post,
            ".mentions, ",
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
pub(crate) use post;

/// The same columns as one JSON object: for the viewer's parameter `$viewer`, or, without one, for the record of a
/// request that created the post. The author stays a text, as in a row, so that both are read alike.
macro_rules! post_json {
    ($post:literal, $author:literal) => {
        $crate::posts::post_json!($post, $author, @"0")
    };
    ($post:literal, $author:literal, $viewer:literal) => {
        $crate::posts::post_json!($post, $author, @concat!(
            "exists (select 1 from likes where post_id = ",
            $post,
            ".id and user_id = ",
            $viewer,
            ")"
        ))
    };
    ($post:literal, $author:literal, @$liked:expr) => {
        concat!(
            "json_object('id', ",
            $post,
            ".id, 'author', '' || ",
            $crate::users::short_person!($author),
            ", 'caption', ",
            $post,
            ".caption, 'tags', ",
            $post,
            ".tags, 'mentions', ",
            $post,
            ".mentions, 'visibility', ",
            $post,
            ".visibility, 'reply_to', ",
            $post,
            ".reply_to, 'like_count', ",
            $post,
            ".like_count, 'comment_count', ",
            $post,
            ".comment_count, 'liked', ",
            $liked,
            ", 'created_at', ",
            $post,
            ".created_at, 'edited_at', ",
            $post,
            ".edited_at, 'version', ",
            $post,
            ".version)"
        )
    };
}
pub(crate) use post_json;

/// A post as it is read and answered.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(description = "A post.")]
pub struct Post {
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
    /// The hashtags in it, folded, each once.
    #[serde(default, deserialize_with = "json_text")]
    #[schemars(required, length(max = MAX_TAGS), inner(length(min = 1, max = MAX_TAG)), example = ["harbour"])]
    tags: Vec<String>,
    /// Where it names people.
    #[serde(default, deserialize_with = "json_text")]
    #[schemars(required, example = Vec::<Mention>::new())]
    mentions: Vec<Mention>,
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
    /// Whether its author or a moderator has taken it away: then only a stub of it is shown.
    #[serde(default, deserialize_with = "flag", skip_serializing)]
    gone: bool,
}

/// A post, or the stub of one that was taken away and still has replies.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct PostOrStub(pub(super) Post);

/// The stub of a post.
#[derive(JsonSchema, Serialize)]
#[schemars(
    description = "What is left of a post that was deleted or removed and still has replies."
)]
struct Stub<'a> {
    id: &'a PostId,
    #[schemars(extend("const" = true))]
    deleted: bool,
}

impl Serialize for PostOrStub {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(post) = self;
        if post.gone {
            let (id, deleted) = (&post.id, true);
            Stub { id, deleted }.serialize(serializer)
        } else {
            post.serialize(serializer)
        }
    }
}

impl JsonSchema for PostOrStub {
    fn schema_name() -> Cow<'static, str> {
        "PostOrStub".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A post, or what is left of it.",
            "oneOf": [generator.subschema_for::<Post>(), generator.subschema_for::<Stub<'_>>()],
        })
    }
}

impl Keyed for PostOrStub {
    fn key(&self) -> String {
        self.0.key()
    }
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

/// A post by its id, or the stub of it, if the viewer may see it.
pub(super) fn read(viewer: &MaybeViewer, post: &PostId) -> (Batch, Rows<PostOrStub>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let row = batch.query(
        concat!(
            "select not ",
            is_there!("p"),
            " as gone, ",
            post!("p", "a", "?2"),
            "
from posts p
join users a on a.id = p.author_id
where p.id = ?1 and ",
            visible_or_stub!("p", "a", "?2")
        ),
        params![post, viewer.user_id()],
    );
    (batch, row)
}

/// Appends a query for a post that the viewer has written in the same batch, or may see for certain.
pub(super) fn select_own(batch: &mut Batch, viewer: &Viewer, post: &PostId) -> Rows<Post> {
    batch.query(
        concat!(
            "select ",
            post!("p", "a", "?2"),
            "
from posts p
join users a on a.id = p.author_id
where p.id = ?1"
        ),
        params![post, viewer.user_id()],
    )
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
        assert!(post.tags.is_empty());
    }
}
