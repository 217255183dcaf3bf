//! What a change of password asks of the `users` table.

use serde::Deserialize;

use crate::platform::{Batch, Rows, params};
use crate::viewer::Viewer;

/// What a change is held against.
#[derive(Deserialize)]
pub(super) struct CredentialsRow {
    pub(super) password_hash: String,
    pub(super) username: String,
    pub(super) email: String,
}

/// Appends a query for the viewer's credentials.
pub(super) fn select_credentials(batch: &mut Batch, viewer: &Viewer) -> Rows<CredentialsRow> {
    batch.query(
        "select password_hash, username, email
from users
where id = ?1",
        params![viewer.user_id()],
    )
}
