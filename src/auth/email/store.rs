//! What proofs and changes of an address ask of the `users` table.

use serde::Deserialize;

use crate::audit;
use crate::id::UserId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, flag, params};
use crate::time::Timestamp;
use crate::users;
use crate::viewer::Viewer;

/// The account of whoever asks for a change of its address.
#[derive(Deserialize)]
pub(super) struct AccountRow {
    pub(super) email: String,
    pub(super) password_hash: String,
    pub(super) credential_version: i64,
}

/// Appends a query for the viewer's account.
pub(super) fn select_account(batch: &mut Batch, viewer: &Viewer) -> Rows<AccountRow> {
    batch.query(
        "select email, password_hash, credential_version
from users
where id = ?1",
        params![viewer.user_id()],
    )
}

/// Appends the condition that neither password nor address of the viewer's account was changed since its
/// `credential_version` was read.
pub(super) fn require_same_credentials(batch: &mut Batch, viewer: &Viewer, version: i64) {
    batch.require(
        "select json_extract('{}', iif(exists (
  select 1
  from users
  where id = ?1 and credential_version = ?2
), '$', 'abort:credentials_changed'))",
        params![viewer.user_id(), version],
    );
}

/// Appends the letter by which the viewer proves their address, if that is not proved.
pub(super) fn append_verification(
    batch: &mut Batch,
    viewer: &Viewer,
    letter: NewJob,
) -> AppendedJob {
    letter.append(
        batch,
        insert_job!(
            "json_object('kind', 'mail', 'letter', 'verify_email', 'user_id', id)",
            "from users
where id = ?6 and email_verified_at is null"
        ),
        params![viewer.user_id()],
    )
}

/// Whether an active account has an address.
#[derive(Deserialize)]
pub(super) struct ProofRow {
    #[serde(deserialize_with = "flag")]
    pub(super) is_proved: bool,
}

/// Proves the address of an account, if it still is `email`, which is the event `verified`.
pub(super) fn prove(
    user: &UserId,
    email: &str,
    verified: &audit::Event,
    now: Timestamp,
) -> (Batch, Rows<ProofRow>) {
    let mut batch = Batch::public();
    users::append_email_proof(&mut batch, user, email, now);
    audit::append_if_changed(&mut batch, verified);
    let state = batch.query(
        "select exists (
  select 1
  from users
  where id = ?1 and email = ?2 and status = 'active'
) as is_proved",
        params![user, email],
    );
    (batch, state)
}

/// What has become of a change of address.
#[derive(Deserialize)]
pub(super) struct ChangeRow {
    /// The account has the address now.
    #[serde(deserialize_with = "flag")]
    pub(super) is_done: bool,
    /// Nothing was changed since it was asked for.
    #[serde(deserialize_with = "flag")]
    pub(super) is_current: bool,
}

/// Gives an active account another address, if that is free and neither password nor address was changed
/// since `version` was read, and tells the address it had, which is the event `changed`. There is no row if
/// it is not active.
pub(super) fn change(
    user: &UserId,
    new_email: &str,
    version: i64,
    now: Timestamp,
    (letter, changed): (NewJob, &audit::Event),
) -> (Batch, Rows<ChangeRow>, AppendedJob) {
    let mut batch = Batch::public();
    let letter = letter.append(
        &mut batch,
        insert_job!(
            "json_object(
  'kind', 'mail', 'letter', 'email_changed', 'user_id', id, 'old_email', email
)",
            "from users
where id = ?6
  and status = 'active'
  and credential_version = ?7
  and not exists (select 1 from users where email = ?8)"
        ),
        params![user, version, new_email],
    );
    users::append_email(&mut batch, user, new_email, now);
    audit::append_if_changed(&mut batch, changed);
    let state = batch.query(
        "select email = ?2 as is_done, credential_version = ?3 as is_current
from users
where id = ?1 and status = 'active'",
        params![user, new_email, version],
    );
    (batch, state, letter)
}
