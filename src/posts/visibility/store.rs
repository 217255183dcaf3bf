//! The predicates over `posts`, and the condition of a batch that is made of them.

use crate::id::PostId;
use crate::platform::{Batch, Rows, params};
use crate::posts::LikeCountRow;
use crate::viewer::{MaybeViewer, Viewer};

/// SQL that is true where neither its author nor a moderator has taken the post `$post` away.
macro_rules! is_there {
    ($post:literal) => {
        concat!(
            "(",
            $post,
            ".deleted_at is null and ",
            $post,
            ".removed_at is null)"
        )
    };
}
pub(crate) use is_there;

/// SQL that is true where the post `$post` is there, or a stub of it is left because it still has replies.
macro_rules! is_there_or_stub {
    ($post:literal) => {
        concat!(
            "(",
            $crate::posts::is_there!($post),
            " or ",
            $post,
            ".comment_count > 0)"
        )
    };
}
pub(in crate::posts) use is_there_or_stub;

/// The visibility predicate: SQL that is true where the viewer may see a post. The one place that
/// decides it, for every read of a post.
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
            $crate::posts::is_there!($post),
            " and ",
            $crate::posts::in_sight!($post, $author, $viewer),
            ")"
        )
    };
}
pub(crate) use visible;

/// The same of a post that is there or of which a stub is left, because it still has replies.
macro_rules! visible_or_stub {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $crate::posts::visibility::is_there_or_stub!($post),
            " and ",
            $crate::posts::in_sight!($post, $author, $viewer),
            ")"
        )
    };
}
pub(in crate::posts) use visible_or_stub;

/// SQL that is true where the viewer may add to a post, and see what others have: what is [`visible!`], without
/// its second rule. Whoever began a thread decides who takes part in it, also of those who have a comment there.
macro_rules! open_to {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $crate::posts::is_there!($post),
            " and ",
            $crate::posts::in_thread!($post, $author, $viewer),
            ")"
        )
    };
}
pub(crate) use open_to;

/// The same of a post that is there or of which a stub is left, for what hangs on it to be seen.
macro_rules! open_or_stub {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $crate::posts::visibility::is_there_or_stub!($post),
            " and ",
            $crate::posts::in_thread!($post, $author, $viewer),
            ")"
        )
    };
}
pub(in crate::posts) use open_or_stub;

/// SQL that is true where the viewer may report a post: what is [`visible!`], or would be if they blocked nobody.
macro_rules! reportable {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $crate::posts::is_there!($post),
            " and ",
            $author,
            ".status = 'active' and (",
            $post,
            ".author_id = ",
            $viewer,
            " or (",
            $crate::posts::shared!($post, $viewer, blocked_by),
            ")))"
        )
    };
}
pub(crate) use reportable;

/// The clauses of [`visible!`] that say who may see a post, whether or not it is there: for no other use.
macro_rules! in_sight {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $author,
            ".status = 'active' and (",
            $post,
            ".author_id = ",
            $viewer,
            " or (",
            $crate::posts::shared!($post, $viewer, blocked_between),
            ")))"
        )
    };
}
pub(crate) use in_sight;

/// The clauses of [`open_to!`] that say whom a thread is open to: for no other use.
macro_rules! in_thread {
    ($post:literal, $author:literal, $viewer:literal) => {
        concat!(
            "(",
            $author,
            ".status = 'active' and ",
            $crate::posts::shared!($post, $viewer, blocked_between),
            ")"
        )
    };
}
pub(crate) use in_thread;

/// The clauses that say to whom whoever began its thread gives a post to see, where `$hides` is the macro of
/// `users` that says which blocks count: for no other use.
macro_rules! shared {
    ($post:literal, $viewer:literal, $hides:ident) => {
        concat!(
            "(",
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
            $crate::users::$hides!(concat!($post, ".author_id"), $viewer),
            " and (",
            $post,
            ".audience_id = ",
            $post,
            ".author_id or not ",
            $crate::users::$hides!(concat!($post, ".audience_id"), $viewer),
            ")"
        )
    };
}
pub(crate) use shared;

/// Appends the condition that the post is there and its thread open to the viewer: absent, invisible and closed
/// look the same.
pub fn require_open(batch: &mut Batch, viewer: &MaybeViewer, post: &PostId) {
    batch.require(
        concat!(
            "select json_extract('{}', iif(exists (
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
}

/// Appends a query for a post's count of likes, which has no row where the thread is not open to the viewer.
pub fn select_open_like_count(
    batch: &mut Batch,
    viewer: &Viewer,
    post: &PostId,
) -> Rows<LikeCountRow> {
    batch.query(
        concat!(
            "select p.like_count
from posts p
join users a on a.id = p.author_id
where p.id = ?1 and ",
            open_to!("p", "a", "?2")
        ),
        params![post, viewer.user_id()],
    )
}
