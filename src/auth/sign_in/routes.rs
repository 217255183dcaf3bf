//! `POST /auth/login`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::post;
use http::header::HeaderMap;

use super::rules::LoginRequest;
use super::store;
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::auth::password;
use crate::auth::sessions::Session;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::rate_limit::{Limit, Limiter};
use crate::http::respond::json;
use crate::platform::Batch;
use crate::users;

/// The route of sign-ins.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/login"), post(login))
}

impl JsonBody for LoginRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `POST /auth/login`
///
/// Logs in, which begins a session.
///
/// The answer to an unknown name is that to a wrong password. Too many wrong ones, and the name cannot
/// sign in for a while; who is signed in stays so.
pub(in crate::auth) async fn login(
    app: App,
    limiter: Limiter,
    headers: HeaderMap,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<LoginRequest>,
) -> Result<Response, Error> {
    let (name, typed) = request.parse()?;
    let database = app.ports().database.as_ref();
    let mut batch = Batch::public();
    // Counted before the password is looked at, so that no number of guesses at once has more than
    // the quota.
    let subjects = [
        (Limit::SignInAddress, limiter.address()),
        (Limit::SignInName, name.subject()),
    ];
    let attempt = limiter.count(&mut batch, app.now(), subjects)?;
    let row = store::select_credentials(&mut batch, &name);
    let row = attempt.run(batch, database).await?.first(&row)?;
    // The same work for an unknown name as for a wrong password, and the same answer.
    let stored = row.as_ref().map(|row| row.password_hash.as_str());
    let matches = password::verify(&typed, stored, &app.ports().cost)?;
    let refused = || Error::Unauthenticated(Code::InvalidCredentials);
    let failed = Event::new(&app, &cause, Kind::SignInFailed);
    let account = match row {
        Some(row) if matches && row.status == "active" => row,
        row => {
            let failed = match &row {
                Some(row) => failed.about(&row.id),
                None => failed,
            };
            app.run(store::refuse(&failed)).await?;
            return Err(match row {
                Some(row) if matches && row.status == "suspended" => {
                    Error::Forbidden(Code::AccountSuspended)
                }
                _ => refused(),
            });
        }
    };
    let upgraded = password::upgrade(&typed, &account.password_hash, &app.ports().cost)?;
    let (session, tokens) = Session::begin(&app, &account.id, &headers)?;
    let signed_in = Event::new(&app, &cause, Kind::SignedIn);
    let mut batch = Batch::public();
    // A session begins under the hash that is the account's by then, so its upgrade comes first. Of two
    // sign-ins at once, the second finds in its place what it would have put there itself.
    let hash = if let Some(upgraded) = &upgraded {
        users::append_password_upgrade(&mut batch, &account.id, &account.password_hash, upgraded);
        upgraded
    } else {
        &account.password_hash
    };
    let opened = session.append(&mut batch, hash);
    store::append_outcome(&mut batch, &account.id, session.id(), &signed_in, &failed);
    attempt.give_back(&mut batch);
    let letter = session.append_device_and_tell(&mut batch, &cause, &account.email);
    let outcome = app.run(batch).await?;
    if outcome.changes(opened)? != 1 {
        return Err(refused());
    }
    letter.wake(&app, &outcome)?;
    attempt.tell_given_back();
    Ok(json(&tokens))
}
