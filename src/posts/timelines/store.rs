//! Lists of the table `posts`.

use crate::http::pagination::{Boundary, PageRequest, select_boundary};
use crate::platform::{Batch, Rows, params};
use crate::posts::store::{Post, post};
use crate::posts::visibility::visible;
use crate::users::{self, muted_by};
use crate::viewer::MaybeViewer;

/// SQL for a page, at most `$rows` posts, of those among the candidates `$candidates` for which `$condition` holds and
/// which the viewer `$viewer` may see.
macro_rules! page {
    ($candidates:expr, $condition:expr, $viewer:literal, $rows:literal) => {
        concat!(
            "select ",
            post!("p", "a", $viewer),
            "
from (
    ",
            $candidates,
            "
) c
cross join posts p on p.id = c.id
cross join users a on a.id = p.author_id
where ",
            $condition,
            visible!("p", "a", $viewer),
            "
order by c.id desc
limit ",
            $rows
        )
    };
}

/// SQL that is true, and leads on, unless the viewer `$viewer` mutes the author of the post `p`. It asks for nothing
/// else than the post, so that of what is muted nothing more is read.
macro_rules! not_muted {
    ($viewer:literal) => {
        concat!("not ", muted_by!("p.author_id", $viewer), " and ")
    };
}

/// The candidates of the public list: `?2` ids before `?1`, newest first, from an index that holds nothing else. The
/// index is named and the limit stands inside, because the planner would change its mind about either after
/// `analyze`.
macro_rules! public_candidates {
    () => {
        "select id
    from posts indexed by posts_public
    where reply_to is null
      and visibility = 'public'
      and deleted_at is null
      and removed_at is null
      and id < ?1
    order by id desc
    limit ?2"
    };
}

/// A page of the public list: posts that everyone may see, newest first, without comments and without those of
/// people whom the viewer mutes; and where its candidates end. It costs the same however many of them the viewer
/// may not see.
pub(super) fn list_public(
    viewer: &MaybeViewer,
    request: &PageRequest,
) -> (Batch, Rows<Post>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let (before, most) = (request.before_id(), request.candidates());
    let rows = batch.query(
        page!(public_candidates!(), not_muted!("?3"), "?3", "?4"),
        params![before, most, viewer.user_id(), request.rows()],
    );
    let boundary = batch.query(
        select_boundary!("min(id)", "?2", public_candidates!()),
        params![before, most],
    );
    (batch, rows, boundary)
}

/// The candidates of the list of a hashtag, likewise, by the key of a table of such posts alone.
macro_rules! tagged_candidates {
    () => {
        "select post_id as id
    from post_tags
    where tag = ?3 and post_id < ?1
    order by post_id desc
    limit ?2"
    };
}

/// A page of the public posts with a hashtag, which is folded, likewise.
pub(super) fn list_tagged(
    viewer: &MaybeViewer,
    tag: &str,
    request: &PageRequest,
) -> (Batch, Rows<Post>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let (before, most) = (request.before_id(), request.candidates());
    let rows = batch.query(
        page!(tagged_candidates!(), not_muted!("?4"), "?4", "?5"),
        params![before, most, tag, viewer.user_id(), request.rows()],
    );
    let boundary = batch.query(
        select_boundary!("min(id)", "?2", tagged_candidates!()),
        params![before, most, tag],
    );
    (batch, rows, boundary)
}

/// The candidates of a person's list, likewise.
macro_rules! candidates_of_person {
    () => {
        "select id
    from posts indexed by posts_by_author
    where author_id = (select id from users where username = ?3)
      and reply_to is null
      and deleted_at is null
      and removed_at is null
      and id < ?1
    order by id desc
    limit ?2"
    };
}

/// A page of the posts of whoever has this username, folded, without comments; muted or not. Aborts where the
/// person is not there for the viewer, or a block stands between them.
pub(super) fn list_of_person(
    viewer: &MaybeViewer,
    username: &str,
    request: &PageRequest,
) -> (Batch, Rows<Post>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    users::require_person(&mut batch, viewer, username);
    let (before, most) = (request.before_id(), request.candidates());
    let rows = batch.query(
        page!(candidates_of_person!(), "", "?4", "?5"),
        params![before, most, username, viewer.user_id(), request.rows()],
    );
    let boundary = batch.query(
        select_boundary!("min(id)", "?2", candidates_of_person!()),
        params![before, most, username],
    );
    (batch, rows, boundary)
}
