//! The lists over `follows`, `blocks` and `mutes`: each walks an index of its own, newest first, and joins
//! outside of what it walks.

use crate::http::pagination::{Boundary, PageRequest, TimedPlace};
use crate::platform::{Batch, Rows, Value, params};
use crate::users::{self, ListedPerson, is_found, is_met, short_person};
use crate::viewer::{MaybeViewer, Viewer};

/// A page and where its candidates end, as they are asked for.
type List = (Batch, Rows<ListedPerson>, Rows<Boundary>);

/// Two statements: the people among the candidates who are there, as `$is_there` says of the account `u` and the
/// viewer `?1`, at most `?6`; and where the candidates end, of which there are at most `?5`.
macro_rules! list {
    ($candidates:expr, $is_there:expr) => {
        [
            concat!(
                "select ",
                short_person!("u"),
                " as person, c.key
from (
    ",
                $candidates,
                "
) c
cross join users u on u.id = c.id
where ",
                $is_there,
                "
order by c.key desc
limit ?6"
            ),
            concat!(
                "select iif(sum(1) = ?5, min(key), null) as boundary
from (
    ",
                $candidates,
                "
) c
where ?1 is ?1"
            ),
        ]
    };
}

/// The candidates of a list by time: accounts `$id` of `$table` where `$whose`, before the place (`?3`, `?4`). Their
/// key sorts as they do.
macro_rules! by_time {
    ($table:literal, $id:literal, $whose:literal) => {
        concat!(
            "select ",
            $id,
            " as id, format('%016d %s', created_at, ",
            $id,
            ") as key
    from ",
            $table,
            "
    where ",
            $whose,
            " and (created_at, ",
            $id,
            ") < (?3, ?4)
    order by created_at desc, ",
            $id,
            " desc
    limit ?5"
        )
    };
}

fn append(
    mut batch: Batch,
    [rows, boundary]: [&'static str; 2],
    viewer: Value,
    whose: Value,
    page: &PageRequest,
    after: &TimedPlace,
) -> List {
    let mut params = params![
        viewer,
        whose,
        after.time,
        after.id.as_str(),
        page.candidates()
    ];
    let boundary = batch.query(boundary, params.clone());
    params.push(page.rows().into());
    let rows = batch.query(rows, params);
    (batch, rows, boundary)
}

/// Who follows whoever has this username, newest follow first.
pub(in crate::graph) fn followers(
    viewer: &MaybeViewer,
    username: &str,
    page: &PageRequest,
    after: &TimedPlace,
) -> List {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    users::require_person(&mut batch, viewer, username);
    let list = list!(
        by_time!(
            "follows indexed by follows_by_followee",
            "follower_id",
            "followee_id = (select id from users where username = ?2) and state = 'accepted'"
        ),
        is_met!("u", "?1")
    );
    let viewer = viewer.user_id().into();
    append(batch, list, viewer, username.into(), page, after)
}

/// Whom whoever has this username follows, newest account first: by the key, because a follow is not to write a
/// second index. The key has the state before the account, so that what is only asked for is no candidate: its place
/// in a cursor, or a page that it shortens, would tell of it.
pub(in crate::graph) fn following(
    viewer: &MaybeViewer,
    username: &str,
    page: &PageRequest,
) -> List {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    users::require_person(&mut batch, viewer, username);
    let list = list!(
        "select followee_id as id, followee_id as key
    from follows
    where follower_id = (select id from users where username = ?2)
      and state = 'accepted'
      and followee_id < ?4
      and ?3 is ?3
    order by followee_id desc
    limit ?5",
        is_met!("u", "?1")
    );
    let viewer = viewer.user_id().into();
    let after = TimedPlace {
        time: 0,
        id: page.before_id().to_owned(),
    };
    append(batch, list, viewer, username.into(), page, &after)
}

/// Who asks to follow the viewer, newest request first.
pub(in crate::graph) fn requests(viewer: &Viewer, page: &PageRequest, after: &TimedPlace) -> List {
    let list = list!(
        by_time!(
            "follows indexed by follows_by_followee",
            "follower_id",
            "followee_id = ?2 and state = 'pending'"
        ),
        is_met!("u", "?1")
    );
    of_viewer(viewer, list, page, after)
}

/// Whom the viewer blocks, newest block first.
pub(in crate::graph) fn blocks(viewer: &Viewer, page: &PageRequest, after: &TimedPlace) -> List {
    let list = list!(
        by_time!(
            "blocks indexed by blocks_newest",
            "blocked_id",
            "blocker_id = ?2"
        ),
        is_found!("u", "?1")
    );
    of_viewer(viewer, list, page, after)
}

/// Whom the viewer mutes, newest mute first.
pub(in crate::graph) fn mutes(viewer: &Viewer, page: &PageRequest, after: &TimedPlace) -> List {
    let list = list!(
        by_time!("mutes indexed by mutes_newest", "muted_id", "muter_id = ?2"),
        is_found!("u", "?1")
    );
    of_viewer(viewer, list, page, after)
}

/// A list of the viewer's own.
fn of_viewer(
    viewer: &Viewer,
    list: [&'static str; 2],
    page: &PageRequest,
    after: &TimedPlace,
) -> List {
    let batch = Batch::guarded(viewer);
    let me = viewer.user_id();
    append(batch, list, me.into(), me.into(), page, after)
}
