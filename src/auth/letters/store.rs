//! What the mails say of accounts, sessions and registrations. Only reads.

use serde::Deserialize;

use super::Letter;
use crate::error::Error;
use crate::id::{RegistrationId, SessionId, UserId};
use crate::platform::{Batch, Outcome, Rows, flag, params};
use crate::time::Timestamp;

/// An active account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Account {
    pub(super) id: UserId,
    pub(super) username: String,
    pub(super) email: String,
    #[serde(deserialize_with = "flag")]
    pub(super) verified: bool,
    pub(super) credential_version: i64,
}

/// A registration that waits for its mail.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Registration {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) expires_at: Timestamp,
    /// Of the account that has its address, if there is one by now.
    pub(super) owner_status: Option<String>,
}

/// What a device has said of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Device {
    pub(super) user_agent: String,
}

/// Whether an address has an account, of whatever kind.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Taken {
    #[serde(deserialize_with = "flag")]
    taken: bool,
}

/// What there is for a letter to say. What it does not need is not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) account: Option<Account>,
    pub(super) registration: Option<Registration>,
    pub(super) device: Option<Device>,
    pub(super) address_taken: bool,
}

/// The queries of a letter, whose batch has yet to run.
#[derive(Default)]
pub(super) struct Asked {
    account: Option<Rows<Account>>,
    registration: Option<Rows<Registration>>,
    device: Option<Rows<Device>>,
    taken: Option<Rows<Taken>>,
}

/// Appends what a letter needs to know.
pub(super) fn select_facts(batch: &mut Batch, letter: &Letter) -> Asked {
    let mut asked = Asked::default();
    match letter {
        Letter::Registration { registration_id } => {
            asked.registration = Some(select_registration(batch, registration_id));
        }
        Letter::ResetPassword { email } => asked.account = Some(select_account_of(batch, email)),
        Letter::VerifyEmail { user_id }
        | Letter::PasswordChanged { user_id }
        | Letter::EmailChangeRequested { user_id }
        | Letter::EmailChanged { user_id, .. } => {
            asked.account = Some(select_account(batch, user_id));
        }
        Letter::NewDevice {
            user_id,
            session_id,
        } => {
            asked.account = Some(select_account(batch, user_id));
            asked.device = Some(select_device(batch, session_id, user_id));
        }
        Letter::ConfirmEmail {
            user_id, new_email, ..
        } => {
            asked.account = Some(select_account(batch, user_id));
            asked.taken = Some(select_taken(batch, new_email));
        }
    }
    asked
}

impl Asked {
    /// What the batch has found.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(super) fn facts(self, outcome: &Outcome) -> Result<Facts, Error> {
        let account = self.account.map(|rows| outcome.first(&rows)).transpose()?;
        let registration = self.registration.map(|rows| outcome.first(&rows));
        let device = self.device.map(|rows| outcome.first(&rows)).transpose()?;
        let taken = self.taken.map(|rows| outcome.first(&rows)).transpose()?;
        Ok(Facts {
            account: account.flatten(),
            registration: registration.transpose()?.flatten(),
            device: device.flatten(),
            address_taken: taken.flatten().is_some_and(|row| row.taken),
        })
    }
}

fn select_account(batch: &mut Batch, user: &UserId) -> Rows<Account> {
    batch.query(
        "select id, username, email, email_verified_at is not null as verified, credential_version
from users
where id = ?1 and status = 'active'",
        params![user],
    )
}

fn select_account_of(batch: &mut Batch, email: &str) -> Rows<Account> {
    batch.query(
        "select id, username, email, email_verified_at is not null as verified, credential_version
from users
where email = ?1 and status = 'active'",
        params![email],
    )
}

fn select_registration(batch: &mut Batch, registration: &RegistrationId) -> Rows<Registration> {
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

fn select_device(batch: &mut Batch, session: &SessionId, user: &UserId) -> Rows<Device> {
    batch.query(
        "select user_agent
from sessions
where id = ?1 and user_id = ?2",
        params![session, user],
    )
}

fn select_taken(batch: &mut Batch, email: &str) -> Rows<Taken> {
    batch.query(
        "select exists (select 1 from users where email = ?1) as taken",
        params![email],
    )
}
