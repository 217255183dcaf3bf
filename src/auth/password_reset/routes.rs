//! `POST /auth/password/forgot`, `POST /auth/password/reset`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::routing::post;
use http::StatusCode;

use super::rules::{ForgotPasswordRequest, ResetPasswordRequest};
use crate::app::App;
use crate::audit::{self, Event, Kind};
use crate::auth::letters::{self, Letter};
use crate::auth::mail_token::{MailToken, Permission};
use crate::auth::rules::check_is_no_name;
use crate::auth::{password, sessions};
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::rate_limit::{Limit, Limiter};
use crate::platform::Batch;
use crate::users;

/// The routes of forgotten passwords.
pub(in crate::auth) fn router() -> Router {
    Router::new()
        .route(api!("/auth/password/forgot"), post(forgot_password))
        .route(api!("/auth/password/reset"), post(reset_password))
}

impl JsonBody for ForgotPasswordRequest {
    const LIMIT: usize = 16 * 1024;
}

impl JsonBody for ResetPasswordRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `POST /auth/password/forgot`
///
/// Sends a mail with a link that leads to a new password, if there is an account with this address.
///
/// Whether there is one, neither the answer nor the work for it tells. A link is good for an hour and
/// once, and no longer than until the password or the address is changed.
pub(in crate::auth) async fn forgot_password(
    app: App,
    limiter: Limiter,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<ForgotPasswordRequest>,
) -> Result<StatusCode, Error> {
    let email = request.parse()?.as_str().to_owned();
    let mut batch = Batch::public();
    let subjects = [
        (Limit::MailAddress, limiter.address()),
        (Limit::MailRecipient, format!("reset {email}")),
    ];
    let attempt = limiter.count(&mut batch, app.now(), subjects)?;
    // Whose account it is, if anybody's, whoever composes the mail finds out. To look it up here would
    // read a row more where there is one.
    let requested = Event::new(&app, &cause, Kind::PasswordResetRequested);
    audit::append(&mut batch, &requested);
    let letter = letters::append(&mut batch, &app, &cause, Letter::ResetPassword { email })?;
    let outcome = attempt.run(batch, app.ports().database.as_ref()).await?;
    letter.wake(&app, &outcome)?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /auth/password/reset`
///
/// Sets a new password by the link of a mail, and ends all sessions.
///
/// It proves the address too. A link that is not Kith's, was used, is too old, or was made before another
/// change of the password or the address is refused alike.
pub(in crate::auth) async fn reset_password(
    app: App,
    limiter: Limiter,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<ResetPasswordRequest>,
) -> Result<StatusCode, Error> {
    let (token, new_password) = request.parse()?;
    let (ports, now) = (app.ports(), app.now());
    let refused = || Error::Unprocessable(Code::InvalidMailToken);
    let Some(Permission::ResetPassword {
        user_id,
        username,
        email,
        credential_version,
    }) = MailToken::read(&token, app.secret_keys(), now)
    else {
        return Err(refused());
    };
    check_is_no_name("/new_password", &new_password, [&username, &email])
        .map_err(|broken| Error::Invalid(vec![broken]))?;
    let mut batch = Batch::public();
    // A link that was used still costs a hash each time it is shown.
    let subjects = [(Limit::SignInAddress, limiter.address())];
    let attempt = limiter.count(&mut batch, now, subjects)?;
    let hash = password::hash(&new_password, ports.random.as_ref(), &ports.cost)?;
    let reset = Event::new(&app, &cause, Kind::PasswordReset)
        .by(&user_id)
        .about(&user_id);
    let written =
        users::append_password_by_mail(&mut batch, &user_id, credential_version, &hash, now);
    audit::append_if_changed(&mut batch, &reset);
    let letter = Letter::PasswordChanged {
        user_id: user_id.clone(),
        email,
    };
    let letter = letters::append_if_changed(&mut batch, &app, &cause, letter)?;
    sessions::append_end(&mut batch, &user_id, None, &hash, now);
    let outcome = attempt.run(batch, ports.database.as_ref()).await?;
    if outcome.changes(written)? != 1 {
        return Err(refused());
    }
    letter.wake(&app, &outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
