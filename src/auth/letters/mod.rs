//! The mails that accounts get: what each is about, and how it comes to be sent.
//!
//! Invariants: a letter is a job written in the batch of its cause, so that none is lost; a job says whom
//! and what a mail is about and never holds what opens an account: that is made when the mail is composed,
//! and stands in the mail only.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Code, Error};
use crate::http::exchange::Exchange;
use crate::id::{JobId, RegistrationId, SessionId, UserId};
use crate::jobs::{AppendedJob, Job, NewJob};
use crate::platform::Batch;

/// What a mail is about.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub enum Letter {
    /// To the address of a registration that waits for it: how to finish it, or, where the address has an
    /// account, that it has one.
    Registration {
        /// The registration.
        registration_id: RegistrationId,
    },
    /// To the address of an account: how to prove that it is one's own.
    VerifyEmail {
        /// The account.
        user_id: UserId,
    },
    /// To an address for which somebody asked for a new password: how to choose one. There may be no
    /// account with it; then no mail is sent.
    ResetPassword {
        /// The address, case-folded.
        email: String,
    },
    /// To an account's address: its password was changed.
    PasswordChanged {
        /// The account.
        user_id: UserId,
    },
    /// To an account's address: it was signed in from a device it has not been seen on before.
    NewDevice {
        /// The account.
        user_id: UserId,
        /// The session that began there.
        session_id: SessionId,
    },
    /// To the address that an account is to have: how to confirm it.
    ConfirmEmail {
        /// The account.
        user_id: UserId,
        /// The address to be confirmed, case-folded.
        new_email: String,
        /// The account's `credential_version` when this was asked for.
        credential_version: i64,
    },
    /// To an account's address: another one is to take its place.
    EmailChangeRequested {
        /// The account.
        user_id: UserId,
    },
    /// To the address that an account had: another has taken its place.
    EmailChanged {
        /// The account.
        user_id: UserId,
        /// The address it had.
        old_email: String,
    },
}

/// Appends a letter to the batch of its cause.
///
/// # Errors
/// [`Error::Internal`] only.
pub(super) fn append(
    batch: &mut Batch,
    app: &App,
    cause: &Arc<Exchange>,
    letter: Letter,
) -> Result<AppendedJob, Error> {
    NewJob::new(app, Arc::clone(cause)).append_job(batch, &Job::Mail { letter })
}

/// Appends a letter that is sent only if the statement before changed a row.
///
/// # Errors
/// [`Error::Internal`] only.
pub(super) fn append_if_changed(
    batch: &mut Batch,
    app: &App,
    cause: &Arc<Exchange>,
    letter: Letter,
) -> Result<AppendedJob, Error> {
    NewJob::new(app, Arc::clone(cause)).append_job_if_changed(batch, &Job::Mail { letter })
}

/// Sends the mail of a job, and deletes the job.
///
/// # Errors
/// When it could not be sent; it is to be tried again.
pub async fn deliver(_app: &App, _job: &JobId, _letter: &Letter) -> Result<(), Error> {
    Err(Error::Unavailable {
        code: Code::DependencyUnavailable,
        source: "there is no way to send a mail".to_owned(),
    })
}
