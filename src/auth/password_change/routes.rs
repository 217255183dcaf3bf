//! `POST /auth/password`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::routing::post;
use http::StatusCode;

use super::rules::ChangePasswordRequest;
use super::store;
use crate::app::App;
use crate::audit::{self, Event, Kind};
use crate::auth::letters::{self, Letter};
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
use crate::viewer::Viewer;

/// The route of changes.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/password"), post(change_password))
}

impl JsonBody for ChangePasswordRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `POST /auth/password`
///
/// Changes one's password, and ends all other sessions.
///
/// The session that asks goes on. Too many wrong current passwords, and this session cannot try for a
/// while; others can.
pub(in crate::auth) async fn change_password(
    app: App,
    viewer: Viewer,
    limiter: Limiter,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<ChangePasswordRequest>,
) -> Result<StatusCode, Error> {
    let change = request.parse()?;
    let (user, now, cost) = (viewer.user_id(), app.now(), &app.ports().cost);
    let mut batch = Batch::guarded(&viewer);
    let subject = viewer.session_id().to_string();
    // Counted before the password is looked at, so that no number of guesses at once has more than the
    // quota.
    let attempt = limiter.count(&mut batch, now, [(Limit::SessionPassword, subject)])?;
    let row = store::select_credentials(&mut batch, &viewer);
    let outcome = attempt.run(batch, app.ports().database.as_ref()).await?;
    let account = outcome
        .first(&row)?
        .ok_or_else(|| Error::internal("an account that was guarded is gone"))?;
    let wrong = || Error::Forbidden(Code::WrongPassword);
    if !password::verify(&change.current, Some(&account.password_hash), cost)? {
        return Err(wrong());
    }
    let names = [account.username.as_str(), account.email.as_str()];
    check_is_no_name("/new_password", &change.new, names)
        .map_err(|broken| Error::Invalid(vec![broken]))?;
    let hash = password::hash(&change.new, app.ports().random.as_ref(), cost)?;
    let changed = Event::new(&app, &cause, Kind::PasswordChanged)
        .by(user)
        .about(user)
        .in_session(viewer.session_id());
    let mut batch = Batch::guarded(&viewer);
    let written = users::append_password(&mut batch, user, &account.password_hash, &hash);
    audit::append_if_changed(&mut batch, &changed);
    let letter = Letter::PasswordChanged {
        user_id: user.clone(),
        email: account.email.clone(),
    };
    let letter = letters::append_if_changed(&mut batch, &app, &cause, letter)?;
    attempt.give_back(&mut batch);
    sessions::append_end(&mut batch, user, Some(viewer.session_id()), &hash, now);
    let outcome = app.run(batch).await?;
    // Somebody else was faster, so that what was typed is wrong by now.
    if outcome.changes(written)? != 1 {
        return Err(wrong());
    }
    letter.wake(&app, &outcome)?;
    attempt.tell_given_back();
    Ok(StatusCode::NO_CONTENT)
}
