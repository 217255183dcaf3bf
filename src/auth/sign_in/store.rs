//! What a sign-in asks of the `users` table.

use serde::Deserialize;

use super::rules::Name;
use crate::id::UserId;
use crate::platform::{Batch, Rows, params};

/// What a sign-in is held against.
#[derive(Deserialize)]
pub(super) struct CredentialsRow {
    pub(super) id: UserId,
    pub(super) password_hash: String,
    pub(super) status: String,
}

/// Appends a query for the credentials of whoever has this name.
pub(super) fn select_credentials(batch: &mut Batch, name: &Name) -> Rows<CredentialsRow> {
    match name {
        Name::Username(username) => batch.query(
            "select id, password_hash, status
from users
where username = ?1",
            params![username.as_str()],
        ),
        Name::Email(email) => batch.query(
            "select id, password_hash, status
from users
where email = ?1",
            params![email.as_str()],
        ),
    }
}
