//! The `users` table, as far as others see it.

use super::PersonRow;
use crate::http::pagination::{Boundary, PageRequest, select_boundary};
use crate::platform::{Batch, Rows, params};
use crate::users::store::person;
use crate::users::{is_found, is_met, relation};
use crate::viewer::MaybeViewer;

/// The public profile of whoever has this username, if the viewer may see them. The relation is told
/// to others who are signed in.
pub(in crate::users) fn read(viewer: &MaybeViewer, username: &str) -> (Batch, Rows<PersonRow>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let person = batch.query(
        concat!(
            "select ",
            person!("u"),
            ",
  ",
            relation!("u.id", "?2"),
            " as relation
from users u
where u.username = ?1 and ",
            is_found!("u", "?2")
        ),
        params![username, viewer.user_id()],
    );
    (batch, person)
}

/// The candidates of the directory: `$most` accounts before the id `$before`, newest first.
macro_rules! candidates {
    ($before:literal, $most:literal) => {
        concat!(
            "select id
    from users
    where id < ",
            $before,
            "
    order by id desc
    limit ",
            $most
        )
    };
}

/// A page of the directory: people who are there and whom no block hides, newest account first, without the
/// viewer; and where its candidates end.
pub(in crate::users) fn list(
    viewer: &MaybeViewer,
    page: &PageRequest,
) -> (Batch, Rows<PersonRow>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let rows = batch.query(
        concat!(
            "select ",
            person!("u"),
            ",
  ",
            relation!("u.id", "?1"),
            " as relation
from (
    ",
            candidates!("?2", "?3"),
            "
) c
cross join users u on u.id = c.id
where u.id is not ?1 and ",
            is_met!("u", "?1"),
            "
order by c.id desc
limit ?4"
        ),
        params![
            viewer.user_id(),
            page.before_id(),
            page.candidates(),
            page.rows()
        ],
    );
    let boundary = batch.query(
        select_boundary!("min(id)", "?2", candidates!("?1", "?2")),
        params![page.before_id(), page.candidates()],
    );
    (batch, rows, boundary)
}
