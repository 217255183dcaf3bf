//! `POST /auth/email`, `POST /auth/email/verify`, `POST /auth/email/resend`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::routing::post;
use http::{HeaderMap, StatusCode};

use super::rules::{ChangeEmailRequest, VerifyEmailRequest};
use super::store;
use crate::app::App;
use crate::audit::{self, Event, Kind};
use crate::auth::letters::{self, Letter};
use crate::auth::mail_token::{MailToken, Permission};
use crate::auth::{password, registration};
use crate::error::{Code, Error, Rule};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::rate_limit::{Limit, Limiter};
use crate::id::UserId;
use crate::jobs::NewJob;
use crate::platform::Batch;
use crate::viewer::Viewer;

/// The routes of addresses.
pub(in crate::auth) fn router() -> Router {
    Router::new()
        .route(api!("/auth/email"), post(change_email))
        .route(api!("/auth/email/verify"), post(verify_email))
        .route(api!("/auth/email/resend"), post(resend_verification))
}

impl JsonBody for ChangeEmailRequest {
    const LIMIT: usize = 16 * 1024;
}

impl JsonBody for VerifyEmailRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `POST /auth/email`
///
/// Asks for another e-mail address.
///
/// The account has it once the mail to it is answered; the address that the account has now is told. It
/// is answered the same whether or not another account has the new one.
pub(in crate::auth) async fn change_email(
    app: App,
    viewer: Viewer,
    limiter: Limiter,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<ChangeEmailRequest>,
) -> Result<StatusCode, Error> {
    let (typed, new_email) = request.parse()?;
    let database = app.ports().database.as_ref();
    let now = app.now();
    // The mails are counted in the batch that writes them: a mistyped password is no mail. Only a quota
    // that is known to be used up is refused before.
    let mut batch = Batch::guarded(&viewer);
    let recipient = format!("change {}", new_email.as_str());
    let subjects = [
        (Limit::MailAddress, limiter.address()),
        (Limit::MailRecipient, recipient),
    ];
    let mails = limiter.clone().count(&mut batch, now, subjects)?;

    let mut asked = Batch::guarded(&viewer);
    let subjects = [(Limit::SessionPassword, viewer.session_id().to_string())];
    let attempt = limiter.count(&mut asked, now, subjects)?;
    let account = store::select_account(&mut asked, &viewer);
    let account = attempt.run(asked, database).await?.first(&account)?;
    let account = account.ok_or_else(|| Error::internal("an account that was guarded is gone"))?;
    if account.email == new_email.as_str() {
        return Err(Error::invalid("/new_email", Rule::Unchanged));
    }
    if !password::verify(&typed, Some(&account.password_hash), &app.ports().cost)? {
        return Err(Error::Forbidden(Code::WrongPassword));
    }

    let version = account.credential_version;
    store::require_same_credentials(&mut batch, &viewer, version);
    let user_id = viewer.user_id().clone();
    let told = Letter::EmailChangeRequested {
        user_id: user_id.clone(),
        email: account.email,
    };
    let told = letters::append(&mut batch, &app, &cause, told)?;
    let confirmed = Letter::ConfirmEmail {
        user_id,
        new_email: new_email.as_str().to_owned(),
        credential_version: version,
    };
    let confirmed = letters::append(&mut batch, &app, &cause, confirmed)?;
    let requested = Event::new(&app, &cause, Kind::EmailChangeRequested)
        .by(viewer.user_id())
        .about(viewer.user_id())
        .in_session(viewer.session_id());
    audit::append(&mut batch, &requested);
    attempt.give_back(&mut batch);
    let outcome = mails.run(batch, database).await?;
    attempt.tell_given_back();
    told.wake(&app, &outcome)?;
    confirmed.wake(&app, &outcome)?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /auth/email/verify`
///
/// Answers a mail: finishes a registration, proves an address, or changes it.
///
/// The token stands in the mail's link and says which of these it is. Sent again, it is answered the same.
pub(in crate::auth) async fn verify_email(
    app: App,
    headers: HeaderMap,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<VerifyEmailRequest>,
) -> Result<StatusCode, Error> {
    let invalid = || Error::Unprocessable(Code::InvalidMailToken);
    let token = request.parse()?;
    let permission = MailToken::read(&token, app.secret_keys(), app.now()).ok_or_else(invalid)?;
    match permission {
        Permission::Register { registration_id } => {
            registration::finish(&app, &cause, &headers, &registration_id).await?;
        }
        Permission::VerifyEmail { user_id, email } => {
            let verified = Event::new(&app, &cause, Kind::EmailVerified)
                .by(&user_id)
                .about(&user_id);
            let (batch, state) = store::prove(&user_id, &email, &verified, app.now());
            let state = app.run(batch).await?.first(&state)?;
            state.filter(|state| state.is_proved).ok_or_else(invalid)?;
        }
        Permission::ChangeEmail {
            user_id,
            new_email,
            credential_version,
        } => change(&app, cause, &user_id, &new_email, credential_version).await?,
        Permission::ResetPassword { .. } => return Err(invalid()),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an account the address that it has asked for when its credentials were at `version`.
async fn change(
    app: &App,
    cause: Arc<Exchange>,
    user: &UserId,
    new_email: &str,
    version: i64,
) -> Result<(), Error> {
    let changed = Event::new(app, &cause, Kind::EmailChanged)
        .by(user)
        .about(user);
    let left = (NewJob::new(app, cause), &changed);
    let (batch, state, letter) = store::change(user, new_email, version, app.now(), left);
    let outcome = app.run(batch).await?;
    match outcome.first(&state)? {
        Some(state) if state.is_done => letter.wake(app, &outcome),
        // Nothing else can have stood in the way.
        Some(state) if state.is_current => Err(Error::Conflict(Code::EmailTaken)),
        _ => Err(Error::Unprocessable(Code::InvalidMailToken)),
    }
}

/// `POST /auth/email/resend`
///
/// Sends the mail that proves one's e-mail address once more.
///
/// If it is proved already, no mail is sent, and the answer is the same.
pub(in crate::auth) async fn resend_verification(
    app: App,
    viewer: Viewer,
    limiter: Limiter,
    Extension(cause): Extension<Arc<Exchange>>,
) -> Result<StatusCode, Error> {
    let mut batch = Batch::guarded(&viewer);
    let recipient = format!("verification {}", viewer.user_id());
    let subjects = [(Limit::MailRecipient, recipient)];
    let attempt = limiter.count(&mut batch, app.now(), subjects)?;
    let letter = NewJob::new(&app, cause);
    let letter = store::append_verification(&mut batch, &viewer, letter);
    let outcome = attempt.run(batch, app.ports().database.as_ref()).await?;
    letter.wake(&app, &outcome)?;
    Ok(StatusCode::ACCEPTED)
}
