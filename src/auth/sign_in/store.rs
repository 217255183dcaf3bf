//! What a sign-in asks of the `users` table, and leaves in the audit log when it is refused.

use serde::Deserialize;

use super::rules::Name;
use crate::audit::{self, Event, insert_event};
use crate::id::{SessionId, UserId};
use crate::platform::{Batch, Rows, params};

/// What a sign-in is held against.
#[derive(Deserialize)]
pub(super) struct CredentialsRow {
    pub(super) id: UserId,
    pub(super) email: String,
    pub(super) password_hash: String,
    pub(super) status: String,
}

/// Appends a query for the credentials of whoever has this name.
pub(super) fn select_credentials(batch: &mut Batch, name: &Name) -> Rows<CredentialsRow> {
    match name {
        Name::Username(username) => batch.query(
            "select id, email, password_hash, status
from users
where username = ?1",
            params![username.as_str()],
        ),
        Name::Email(email) => batch.query(
            "select id, email, password_hash, status
from users
where email = ?1",
            params![email.as_str()],
        ),
    }
}

/// Records that a sign-in was refused, which is the event `failed`.
pub(super) fn refuse(failed: &Event) -> Batch {
    let mut batch = Batch::public();
    audit::append(&mut batch, failed);
    batch
}

/// Appends, after the session, what came of it: that it began, which is the event `signed_in`, or that the
/// sign-in of `user` was refused after all, which is `failed`. Of the two statements the one that writes
/// keeps the other from it. The statement after them may ask for `changes() = 1`, whether it began.
pub(super) fn append_outcome(
    batch: &mut Batch,
    user: &UserId,
    session: &SessionId,
    signed_in: &Event,
    failed: &Event,
) {
    audit::append_selected(
        batch,
        failed,
        insert_event!("null", "?5", "null", "'{}'", "where changes() = 0"),
        params![user],
    );
    audit::append_selected(
        batch,
        signed_in,
        insert_event!("?5", "?5", "?6", "'{}'", "where changes() = 0"),
        params![user, session],
    );
}
