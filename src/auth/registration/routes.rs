//! `POST /auth/register`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::pending;
use super::rules::{RegisterRequest, Registration};
use crate::app::App;
use crate::audit::{self, Event, Kind};
use crate::auth::letters::{self, Letter};
use crate::auth::password;
use crate::auth::routes::Tokens;
use crate::auth::sessions::Session;
use crate::error::{Code, Error};
use crate::flags;
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::rate_limit::{Limit, Limiter};
use crate::http::respond::{created, json};
use crate::id::UserId;
use crate::platform::{Batch, Rows};
use crate::users::{self, Me, Taken};

/// The route of registration.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/register"), post(register))
}

impl JsonBody for RegisterRequest {
    const LIMIT: usize = 16 * 1024;
}

/// A new account and its first session.
#[derive(JsonSchema, Serialize)]
pub(in crate::auth) struct Registered {
    pub(in crate::auth) user: Me,
    #[serde(flatten)]
    pub(in crate::auth) tokens: Tokens,
}

/// A registration of which is not told whether it made an account.
#[derive(JsonSchema, Serialize)]
pub(in crate::auth) struct Accepted {
    /// What comes next.
    #[schemars(extend("const" = "verify_email"))]
    status: &'static str,
}

/// `POST /auth/register`
///
/// Registers an account.
///
/// A deployment for development signs the new account in at once and tells which name is taken. Any
/// other answers 202 whether or not the e-mail address was taken, and sends a mail there; whoever
/// answers that has the account, and the tokens come from the first login.
pub(in crate::auth) async fn register(
    app: App,
    limiter: Limiter,
    Extension(cause): Extension<Arc<Exchange>>,
    headers: HeaderMap,
    Json(request): Json<RegisterRequest>,
) -> Result<Response, Error> {
    let registration = request.parse()?;
    let flags = flags::read(app.ports()).await;
    if !flags.unwrap_or_else(|| app.known_flags()).registration_open {
        return Err(Error::Forbidden(Code::RegistrationClosed));
    }
    if app.config().reveal_email {
        register_openly(&app, limiter, &cause, &headers, &registration).await
    } else {
        register_discreetly(&app, limiter, &cause, &registration).await
    }
}

fn hash_of(app: &App, registration: &Registration) -> Result<String, Error> {
    let ports = app.ports();
    password::hash(&registration.password, ports.random.as_ref(), &ports.cost)
}

/// Creates the account and signs it in, and tells which name is taken: for development. A mail asks its
/// owner to verify the address.
async fn register_openly(
    app: &App,
    limiter: Limiter,
    cause: &Arc<Exchange>,
    headers: &HeaderMap,
    registration: &Registration,
) -> Result<Response, Error> {
    let mut batch = Batch::public();
    let subjects = [(Limit::RegistrationAddress, limiter.address())];
    let attempt = limiter.count(&mut batch, app.now(), subjects)?;
    let hash = hash_of(app, registration)?;
    let user = new_user_id(app);
    let taken = append_account(&mut batch, app, &user, registration, hash.clone());
    let (session, tokens) = Session::begin(app, &user, headers)?;
    let opened = session.append(&mut batch, &hash);
    let registered = Event::new(app, cause, Kind::Registered)
        .by(&user)
        .about(&user)
        .in_session(session.id());
    audit::append_if_changed(&mut batch, &registered);
    let letter = Letter::VerifyEmail {
        user_id: user.clone(),
    };
    let mail = letters::append_if_changed(&mut batch, app, cause, letter)?;
    session.append_device(&mut batch, cause);
    let me = users::select_me(&mut batch, &user);
    let outcome = attempt.run(batch, app.ports().database.as_ref()).await?;
    let taken = outcome.first(&taken)?.ok_or_else(no_row)?;
    if taken.username {
        return Err(Error::Conflict(Code::UsernameTaken));
    }
    if taken.email {
        return Err(Error::Conflict(Code::EmailTaken));
    }
    if outcome.changes(opened)? != 1 {
        return Err(Error::internal("a new account is not active"));
    }
    mail.wake(app, &outcome)?;
    let user = outcome
        .first(&me)?
        .ok_or_else(|| Error::internal("a new account is gone"))?;
    let location = format!(api!("/users/{}"), registration.username.as_str());
    Ok(created(&location, &Registered { user, tokens }))
}

/// Writes the registration down and sends its mail, and answers the same whatever there is at the address.
async fn register_discreetly(
    app: &App,
    limiter: Limiter,
    cause: &Arc<Exchange>,
    registration: &Registration,
) -> Result<Response, Error> {
    let mut batch = Batch::public();
    let recipient = format!("registration {}", registration.email.as_str());
    let subjects = [
        (Limit::RegistrationAddress, limiter.address()),
        (Limit::MailRecipient, recipient),
    ];
    let attempt = limiter.count(&mut batch, app.now(), subjects)?;
    let hash = hash_of(app, registration)?;
    pending::begin(app, cause, registration, hash, batch, &attempt).await?;
    // Nobody is signed in yet who could ask for the state.
    app.ports().reached.withhold();
    Ok((
        StatusCode::ACCEPTED,
        json(&Accepted {
            status: "verify_email",
        }),
    )
        .into_response())
}

fn no_row() -> Error {
    Error::internal("a query that always has a row has none")
}

fn new_user_id(app: &App) -> UserId {
    UserId::generate(app.ports().clock.as_ref(), app.ports().random.as_ref())
}

fn append_account(
    batch: &mut Batch,
    app: &App,
    user: &UserId,
    registration: &Registration,
    password_hash: String,
) -> Rows<Taken> {
    users::append_account(
        batch,
        users::NewAccount {
            id: user,
            username: registration.username.as_str(),
            email: registration.email.as_str(),
            password_hash,
            display_name: &registration.display_name,
            created_at: app.now(),
        },
    )
}
