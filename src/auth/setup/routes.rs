//! `POST /setup`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::HeaderMap;
use sha2::{Digest, Sha256};

use super::rules::SetUpRequest;
use super::store;
use crate::app::App;
use crate::audit::{self, Event, Kind};
use crate::auth::password;
use crate::auth::registration::routes::Registered;
use crate::auth::sessions::Session;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::rate_limit::{Limit, Limiter};
use crate::http::respond::created;
use crate::id::UserId;
use crate::platform::Batch;
use crate::users::{self, NewAccount};

/// The route of the first admin.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/setup"), post(set_up))
}

impl JsonBody for SetUpRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `POST /setup`
///
/// Makes the first admin, by the one-time link that the operator was given, and signs them in.
///
/// The operator vouches for the e-mail address, so it counts as verified. A link that is wrong, was used
/// or is too old is refused alike, and so is any link once there is an admin.
pub(in crate::auth) async fn set_up(
    app: App,
    limiter: Limiter,
    headers: HeaderMap,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<SetUpRequest>,
) -> Result<Response, Error> {
    let (token, registration) = request.parse()?;
    let (ports, now) = (app.ports(), app.now());
    let mut batch = Batch::public();
    let subjects = [(Limit::SetupAddress, limiter.address())];
    let attempt = limiter.count(&mut batch, now, subjects)?;
    // The same work for a wrong token as for the right one.
    let password_hash = password::hash(&registration.password, ports.random.as_ref(), &ports.cost)?;
    let user = UserId::generate(ports.clock.as_ref(), ports.random.as_ref());
    let admin = NewAccount {
        id: &user,
        username: registration.username.as_str(),
        email: registration.email.as_str(),
        password_hash,
        display_name: &registration.display_name,
        created_at: now,
    };
    let token_hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
    let admin_created = Event::new(&app, &cause, Kind::AdminCreated)
        .about(&user)
        .noting("by", "link");
    let found = store::redeem(&mut batch, &token_hash, &admin, &admin_created, now);
    let (session, tokens) = Session::begin(&app, &user, &headers)?;
    let opened = session.append(&mut batch, &admin.password_hash);
    let signed_in = Event::new(&app, &cause, Kind::SignedIn)
        .by(&user)
        .about(&user)
        .in_session(session.id());
    audit::append_if_changed(&mut batch, &signed_in);
    session.append_device(&mut batch, &cause);
    let me = users::select_me(&mut batch, &user);
    let outcome = attempt.run(batch, ports.database.as_ref()).await?;
    let found = outcome
        .first(&found)?
        .ok_or_else(|| Error::internal("a query that always has a row has none"))?;
    if !found.is_usable {
        return Err(Error::Unauthenticated(Code::InvalidSetupToken));
    }
    // Whoever has the link may know whose names are taken.
    if found.username_taken {
        return Err(Error::Conflict(Code::UsernameTaken));
    }
    if found.email_taken {
        return Err(Error::Conflict(Code::EmailTaken));
    }
    if outcome.changes(opened)? != 1 {
        return Err(Error::internal("a new account is not active"));
    }
    let user = outcome
        .first(&me)?
        .ok_or_else(|| Error::internal("a new account is gone"))?;
    let location = format!(api!("/users/{}"), admin.username);
    Ok(created(&location, &Registered { user, tokens }))
}
