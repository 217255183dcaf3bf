//! What the mails say of accounts, sessions and registrations. Only reads.

use serde::Deserialize;

use super::Letter;
use crate::id::{RegistrationId, SessionId, UserId};
use crate::platform::{Batch, Rows, flag, params};
use crate::time::Timestamp;

/// What there is for a letter to say: of an active account, or of a registration that waits. What a letter
/// does not need is as empty as here: one row for all of them keeps the code small.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    /// The account.
    pub(super) id: Option<UserId>,
    pub(super) username: String,
    pub(super) email: String,
    /// Whether the account's address is verified.
    #[serde(deserialize_with = "flag")]
    pub(super) verified: bool,
    pub(super) credential_version: i64,
    /// When the registration is over.
    pub(super) expires_at: Option<Timestamp>,
    /// Of the account that has the registration's address, if there is one by now.
    pub(super) owner_status: Option<String>,
    /// What the new device has said of itself.
    pub(super) user_agent: Option<String>,
    /// Whether the new address has an account, of whatever kind.
    #[serde(deserialize_with = "flag")]
    pub(super) taken: bool,
}

/// Appends what a letter needs to know; there is no row if it needs an active account and there is none, or
/// a registration.
pub(super) fn select_facts(batch: &mut Batch, letter: &Letter) -> Rows<Facts> {
    match letter {
        Letter::Registration { registration_id } => select_registration(batch, registration_id),
        Letter::ResetPassword { email } => select_account_of(batch, email),
        Letter::VerifyEmail { user_id }
        | Letter::PasswordChanged { user_id, .. }
        | Letter::EmailChangeRequested { user_id, .. }
        | Letter::EmailChanged { user_id, .. } => select_account(batch, user_id),
        Letter::NewDevice {
            user_id,
            session_id,
            ..
        } => select_device(batch, user_id, session_id),
        Letter::ConfirmEmail {
            user_id, new_email, ..
        } => select_change(batch, user_id, new_email),
    }
}

fn select_account(batch: &mut Batch, user: &UserId) -> Rows<Facts> {
    batch.query(
        "select id, username, email, email_verified_at is not null as verified
from users
where id = ?1 and status = 'active'",
        params![user],
    )
}

fn select_account_of(batch: &mut Batch, email: &str) -> Rows<Facts> {
    batch.query(
        "select id, username, email, credential_version
from users
where email = ?1 and status = 'active'",
        params![email],
    )
}

fn select_device(batch: &mut Batch, user: &UserId, session: &SessionId) -> Rows<Facts> {
    batch.query(
        "select
  id,
  username,
  email,
  (select user_agent from sessions where sessions.id = ?2 and user_id = users.id) as user_agent
from users
where id = ?1 and status = 'active'",
        params![user, session],
    )
}

fn select_change(batch: &mut Batch, user: &UserId, new_email: &str) -> Rows<Facts> {
    batch.query(
        "select
  id,
  username,
  email,
  credential_version,
  exists (select 1 from users where email = ?2) as taken
from users
where id = ?1 and status = 'active'",
        params![user, new_email],
    )
}

fn select_registration(batch: &mut Batch, registration: &RegistrationId) -> Rows<Facts> {
    batch.query(
        "select
  username,
  email,
  expires_at,
  (select status from users where users.email = registrations.email) as owner_status
from registrations
where id = ?1",
        params![registration],
    )
}
