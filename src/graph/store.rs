//! What every batch of the slice asks of `users`: who is meant, and how the two stand to each other afterwards.

use serde::Deserialize;

use crate::id::UserId;
use crate::platform::{Batch, Rows, optional_json_text, params};
use crate::users::{Relation, is_found, relation};
use crate::viewer::Viewer;

/// Appends the condition that whoever has this username is there for the viewer, and is somebody else: absent,
/// suspended and blocking look the same.
pub(super) fn require_other(batch: &mut Batch, viewer: &Viewer, username: &str) {
    batch.require(
        concat!(
            "select json_extract('{}', coalesce((
  select iif(u.id = ?2, 'abort:own_account', '$')
  from users u
  where u.username = ?1 and ",
            is_found!("u", "?2"),
            "
), 'abort:not_found'))"
        ),
        params![username, viewer.user_id()],
    );
}

/// How the viewer stands to somebody.
#[derive(Debug, Deserialize)]
pub(super) struct RelationRow {
    /// The other.
    pub(super) id: UserId,
    /// None where the other is the viewer.
    #[serde(deserialize_with = "optional_json_text")]
    pub(super) relation: Option<Relation>,
}

/// Appends a query for how the viewer stands to whoever has this username, if they are there for the viewer.
pub(super) fn select_relation(
    batch: &mut Batch,
    viewer: &Viewer,
    username: &str,
) -> Rows<RelationRow> {
    batch.query(
        concat!(
            "select u.id, ",
            relation!("u.id", "?2"),
            " as relation
from users u
where u.username = ?1 and ",
            is_found!("u", "?2")
        ),
        params![username, viewer.user_id()],
    )
}
