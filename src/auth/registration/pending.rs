//! Registrations that wait for their mail: how they begin, how they are finished, how they are forgotten.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::rules::Registration;
use super::store;
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::auth::devices::Birthplace;
use crate::auth::letters::{self, Letter};
use crate::auth::sessions::user_agent;
use crate::error::{Code, Error};
use crate::http::exchange::Exchange;
use crate::http::forget::forget;
use crate::http::rate_limit::{Attempt, Limit};
use crate::id::RegistrationId;
use crate::platform::{Batch, Database};
use crate::time::Timestamp;

/// For how long a registration waits, and holds its username.
const LIFETIME: Duration = Duration::from_hours(24);

/// Appends a registration and its mail to `batch`, which counts it, and runs that. The username is looked
/// for among the accounts and among the registrations with other addresses, the address nowhere.
///
/// # Errors
/// [`Code::UsernameTaken`]; else as [`Attempt::run`].
pub(super) async fn begin(
    app: &App,
    cause: &Arc<Exchange>,
    registration: &Registration,
    password_hash: String,
    mut batch: Batch,
    attempt: &Attempt,
) -> Result<(), Error> {
    let ports = app.ports();
    let now = app.now();
    let id = RegistrationId::generate(ports.clock.as_ref(), ports.random.as_ref());
    let written = store::append_registration(
        &mut batch,
        store::NewRegistration {
            id: &id,
            username: registration.username.as_str(),
            email: registration.email.as_str(),
            password_hash,
            display_name: &registration.display_name,
            created_at: now,
            expires_at: now.plus(LIFETIME),
        },
    );
    let letter = Letter::Registration {
        registration_id: id,
    };
    let mail = letters::append_if_changed(&mut batch, app, cause, letter)?;
    // Who wants a name that is taken has sent nobody a mail.
    attempt.give_back_unless_changed(&mut batch, Limit::MailRecipient);
    let outcome = attempt.run(batch, ports.database.as_ref()).await?;
    if outcome.changes(written)? == 0 {
        attempt.tell_not_counted(Limit::MailRecipient);
        return Err(Error::Conflict(Code::UsernameTaken));
    }
    mail.wake(app, &outcome)
}

/// Makes the account of a registration whose mail was answered, with the registration's id. Whoever
/// answers it again finds the account there, and that is well.
///
/// # Errors
/// [`Code::EmailTaken`] or [`Code::UsernameTaken`] if an account has one of them by now;
/// [`Code::InvalidMailToken`] if the registration is over, or its account is suspended or deleted.
pub(in crate::auth) async fn finish(
    app: &App,
    cause: &Exchange,
    headers: &HeaderMap,
    id: &RegistrationId,
) -> Result<(), Error> {
    let registered = Event::new(app, cause, Kind::Registered);
    let birthplace = Birthplace::of(app, cause, id.as_str(), &user_agent(headers));
    let (batch, state) = store::finish(id, &birthplace, &registered, app.now());
    let state = app
        .run(batch)
        .await?
        .first(&state)?
        .ok_or_else(|| Error::internal("a query that always has a row has none"))?;
    if state.is_finished {
        Ok(())
    } else if state.email_taken {
        // Who reads the mails to an address may know that it has an account; and who has registered twice
        // with it is helped by this, not by what became of the username.
        Err(Error::Conflict(Code::EmailTaken))
    } else if state.username_taken {
        Err(Error::Conflict(Code::UsernameTaken))
    } else {
        Err(Error::Unprocessable(Code::InvalidMailToken))
    }
}

/// Forgets registrations that are over.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_old_registrations(
    database: &dyn Database,
    now: Timestamp,
) -> Result<(), Error> {
    let over = now.minus(LIFETIME);
    forget(database, store::SWEEP_LIMIT, || store::sweep(over)).await
}
