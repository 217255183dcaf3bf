//! The mails that accounts get: what each is about, and how it comes to be sent.
//!
//! Invariants: a letter is a job written in the batch of its cause, so that none is lost; a job says whom
//! and what a mail is about and never holds what opens an account: that is made when the mail is composed,
//! and stands in the mail only.

mod compose;
mod store;
mod templates;
mod words;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::Error;
use crate::http::exchange::Exchange;
use crate::id::{JobId, RegistrationId, SessionId, UserId};
use crate::jobs::{self, AppendedJob, Handled, Job, NewJob};
use crate::platform::{Batch, MailError};

use compose::Draft;

/// What a mail is about. Written into its job, and read from there by [`Letter::read`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
        /// The address that the account had at its cause, case-folded: whoever has taken the account may
        /// have given it another by the time this is sent.
        email: String,
    },
    /// To an account's address: it was signed in from a device it has not been seen on before.
    NewDevice {
        /// The account.
        user_id: UserId,
        /// The session that began there.
        session_id: SessionId,
        /// The address that the account had then, case-folded.
        email: String,
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
        /// The address that the account had then, case-folded.
        email: String,
    },
    /// To the address that an account had: another has taken its place.
    EmailChanged {
        /// The account.
        user_id: UserId,
        /// The address it had.
        old_email: String,
    },
}

impl Letter {
    /// Reads what a job says. `None` if it is no letter. By hand, because what is made for an enum inside
    /// another is several times as large, and every byte is start-up time.
    #[must_use]
    pub fn read(job: &Map<String, Value>) -> Option<Self> {
        let text = |name| job.get(name).and_then(Value::as_str);
        let user_id = || text("user_id")?.parse().ok();
        Some(match text("letter")? {
            "registration" => Self::Registration {
                registration_id: text("registration_id")?.parse().ok()?,
            },
            "verify_email" => Self::VerifyEmail {
                user_id: user_id()?,
            },
            "reset_password" => Self::ResetPassword {
                email: text("email")?.to_owned(),
            },
            "password_changed" => Self::PasswordChanged {
                user_id: user_id()?,
                email: text("email")?.to_owned(),
            },
            "new_device" => Self::NewDevice {
                user_id: user_id()?,
                session_id: text("session_id")?.parse().ok()?,
                email: text("email")?.to_owned(),
            },
            "confirm_email" => Self::ConfirmEmail {
                user_id: user_id()?,
                new_email: text("new_email")?.to_owned(),
                credential_version: job.get("credential_version")?.as_i64()?,
            },
            "email_change_requested" => Self::EmailChangeRequested {
                user_id: user_id()?,
                email: text("email")?.to_owned(),
            },
            "email_changed" => Self::EmailChanged {
                user_id: user_id()?,
                old_email: text("old_email")?.to_owned(),
            },
            _ => return None,
        })
    }
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

/// Sends the mail of a job, and deletes the job: a trip that takes it and reads what it is about, the
/// mail, and a trip that deletes it. Whoever dies between leaves a job that comes again, and sends the same
/// mail under the same id. What cannot be sent now waits longer each time, and is dead in the end; what its
/// taker will never take is dead at once.
///
/// # Errors
/// When the database does not answer. The job comes again.
pub async fn deliver(app: &App, job: &JobId, letter: &Letter) -> Result<Handled, Error> {
    let mut batch = Batch::public();
    let asked = jobs::append_lease(&mut batch, job, app.now());
    let facts = store::select_facts(&mut batch, letter);
    let outcome = app.run(batch).await?;
    let Some(lease) = asked.lease(&outcome)? else {
        return Ok(Handled::Done);
    };
    let draft = Draft {
        config: app.config(),
        job,
        created_at: lease.created_at(),
        now: app.now(),
    };
    let mail = match outcome.first(&facts)? {
        Some(facts) => draft.compose(letter, facts)?,
        None => None,
    };
    let Some(mail) = mail else {
        return lease.finish(app).await;
    };
    let by = &app.config().mail_transport;
    match app.ports().mail.send(by, &mail).await {
        Ok(()) => lease.finish(app).await,
        Err(error @ MailError::Unavailable(_)) => lease.put_off(app, error.to_string()).await,
        Err(error @ MailError::Busy(_)) => lease.put_off_busy(app, error.to_string()).await,
        Err(error @ MailError::Refused(_)) => lease.give_up(app, error.to_string()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890000-0000-7000-8000-000000000001";

    fn read(letter: &Letter) -> Option<Letter> {
        let Value::Object(said) = serde_json::to_value(letter).unwrap() else {
            return None;
        };
        // Each part is needed, and nothing else.
        for part in said.keys() {
            let mut less = said.clone();
            less.remove(part);
            assert_eq!(Letter::read(&less), None, "{letter:?} without {part}");
            let mut other = said.clone();
            other.insert(part.clone(), Value::Bool(true));
            assert_eq!(Letter::read(&other), None, "{letter:?} with another {part}");
        }
        Letter::read(&said)
    }

    #[test]
    fn every_letter_is_read_as_it_was_written() {
        let user_id = || ID.parse().unwrap();
        let email = || "asha@example.com".to_owned();
        let letters = [
            Letter::Registration {
                registration_id: ID.parse().unwrap(),
            },
            Letter::VerifyEmail { user_id: user_id() },
            Letter::ResetPassword { email: email() },
            Letter::PasswordChanged {
                user_id: user_id(),
                email: email(),
            },
            Letter::NewDevice {
                user_id: user_id(),
                session_id: ID.parse().unwrap(),
                email: email(),
            },
            Letter::ConfirmEmail {
                user_id: user_id(),
                new_email: email(),
                credential_version: 7,
            },
            Letter::EmailChangeRequested {
                user_id: user_id(),
                email: email(),
            },
            Letter::EmailChanged {
                user_id: user_id(),
                old_email: email(),
            },
        ];
        for letter in letters {
            assert_eq!(read(&letter), Some(letter));
        }
    }
}
