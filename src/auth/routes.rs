//! `POST /auth/register`, `/auth/login`, `/auth/logout`, `GET /.well-known/jwks.json`, and the
//! extractors of who asks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, USER_AGENT};
use http::request::Parts;
use schemars::JsonSchema;
use serde::Serialize;

use super::refresh::{self, RefreshToken};
use super::rules::{LoginRequest, RegisterRequest, Registration};
use super::{password, store, token};
use crate::app::App;
use crate::error::{Code, Error};
use crate::flags;
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::bookmark;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::problem::Refusal;
use crate::http::rate_limit::{Attempt, Limit, Limiter};
use crate::http::respond::{created, json};
use crate::id::{SessionId, UserId};
use crate::platform::{Batch, Rows};
use crate::users::{self, Me, Taken};
use crate::viewer::{MaybeViewer, Viewer};

/// How long a session lives without being renewed.
pub(super) const SESSION_LIFETIME: Duration = Duration::from_hours(60 * 24);

/// The most of a `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 256;

/// The routes of accounts and sessions.
pub fn router() -> Router {
    Router::new()
        .route(api!("/auth/register"), post(register))
        .route(api!("/auth/login"), post(login))
        .route(api!("/auth/logout"), post(logout))
        .merge(refresh::routes::router())
        .route("/.well-known/jwks.json", get(get_public_keys))
}

impl JsonBody for RegisterRequest {
    const LIMIT: usize = 16 * 1024;
}

impl JsonBody for LoginRequest {
    const LIMIT: usize = 16 * 1024;
}

/// The tokens of a session.
#[derive(JsonSchema, Serialize)]
pub(super) struct Tokens {
    /// Signs requests in, as `Authorization: Bearer`.
    #[schemars(
        example = &"eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.eyJzdWIiOiIwMTllOGY3YSJ9.c2lnbmF0dXJl"
    )]
    access_token: String,
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schemars(range(min = 1), example = 600)]
    expires_in: u64,
    /// For new tokens when these are over.
    #[schemars(example = refresh::EXAMPLE)]
    refresh_token: String,
}

impl Tokens {
    /// New tokens of a session: `refresh`, and an access token.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(super) fn issue(
        app: &App,
        user: &UserId,
        session: &SessionId,
        refresh: &RefreshToken,
    ) -> Result<Self, Error> {
        let random = app.ports().random.as_ref();
        Ok(Self {
            access_token: app.token_keys().issue(user, session, app.now(), random)?,
            token_type: "Bearer",
            expires_in: token::LIFETIME.as_secs(),
            refresh_token: refresh.text(app.secret_keys()),
        })
    }
}

/// A new account and its first session.
#[derive(JsonSchema, Serialize)]
pub(super) struct Registered {
    user: Me,
    #[serde(flatten)]
    tokens: Tokens,
}

/// A registration of which is not told whether it made an account.
#[derive(JsonSchema, Serialize)]
pub(super) struct Accepted {
    /// What comes next.
    #[schemars(extend("const" = "verify_email"))]
    status: &'static str,
}

/// The keys that verify access tokens (RFC 7517).
#[derive(JsonSchema, Serialize)]
pub(super) struct PublicKeys<'a> {
    keys: Vec<token::PublicKey<'a>>,
}

/// `POST /auth/register`
///
/// Registers an account.
///
/// A deployment for development signs the new account in at once and tells which name is taken. Any
/// other answers 202 whether or not the e-mail address was taken; the tokens come from the first login.
pub(super) async fn register(
    app: App,
    limiter: Limiter,
    headers: HeaderMap,
    Json(request): Json<RegisterRequest>,
) -> Result<Response, Error> {
    let registration = request.parse()?;
    let flags = flags::read(app.ports()).await;
    if !flags.unwrap_or_else(|| app.known_flags()).registration_open {
        return Err(Error::Forbidden(Code::RegistrationClosed));
    }
    let mut batch = Batch::public();
    let subjects = [(Limit::RegistrationAddress, limiter.address())];
    let attempt = limiter.count(&mut batch, app.now(), subjects)?;
    let hash = password::hash(&registration.password, app.ports().random.as_ref())?;
    if app.config().reveal_email {
        register_openly(&app, &headers, &registration, &hash, batch, &attempt).await
    } else {
        register_discreetly(&app, &registration, hash, batch, &attempt).await
    }
}

/// Creates the account and signs it in, and tells which name is taken: for development.
async fn register_openly(
    app: &App,
    headers: &HeaderMap,
    registration: &Registration,
    hash: &str,
    mut batch: Batch,
    attempt: &Attempt,
) -> Result<Response, Error> {
    let user = new_user_id(app);
    let taken = append_account(&mut batch, app, &user, registration, hash.to_owned());
    let (session, tokens) = Session::begin(app, &user, headers)?;
    let opened = session.append(&mut batch, hash);
    let me = users::select_me(&mut batch, &user);
    let outcome = attempt.run(batch, app.ports().database.as_ref()).await?;
    let taken = outcome.first(&taken)?.ok_or_else(no_row)?;
    require_free_username(taken)?;
    if taken.email {
        return Err(Error::Conflict(Code::EmailTaken));
    }
    if outcome.changes(opened)? != 1 {
        return Err(Error::internal("a new account is not active"));
    }
    let user = outcome
        .first(&me)?
        .ok_or_else(|| Error::internal("a new account is gone"))?;
    let location = format!(api!("/users/{}"), registration.username.as_str());
    Ok(created(&location, &Registered { user, tokens }))
}

/// Creates the account and answers the same whether or not the e-mail address was taken. Tokens come
/// from the first sign-in. Until an account waits for its mail, whether there is one under the new
/// username still tells (decision 0015).
async fn register_discreetly(
    app: &App,
    registration: &Registration,
    hash: String,
    mut batch: Batch,
    attempt: &Attempt,
) -> Result<Response, Error> {
    let taken = append_account(&mut batch, app, &new_user_id(app), registration, hash);
    let outcome = attempt.run(batch, app.ports().database.as_ref()).await?;
    require_free_username(outcome.first(&taken)?.ok_or_else(no_row)?)?;
    // Nobody is signed in yet who could ask for the state, and it must not show what was written.
    app.ports().reached.withhold();
    Ok((
        StatusCode::ACCEPTED,
        json(&Accepted {
            status: "verify_email",
        }),
    )
        .into_response())
}

/// The username is looked at first, whatever the address: which of two taken names is told must not
/// show whether the address has an account.
fn require_free_username(taken: Taken) -> Result<(), Error> {
    if taken.username {
        return Err(Error::Conflict(Code::UsernameTaken));
    }
    Ok(())
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

/// `POST /auth/login`
///
/// Logs in, which begins a session.
///
/// The answer to an unknown name is that to a wrong password. Too many wrong ones, and the name cannot
/// sign in for a while; who is signed in stays so.
pub(super) async fn login(
    app: App,
    limiter: Limiter,
    headers: HeaderMap,
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
    let matches = password::verify(&typed, row.as_ref().map(|row| row.password_hash.as_str()))?;
    let refused = || Error::Unauthenticated(Code::InvalidCredentials);
    let account = row
        .filter(|row| matches && row.status != "deleted")
        .ok_or_else(refused)?;
    if account.status == "suspended" {
        return Err(Error::Forbidden(Code::AccountSuspended));
    }
    let (session, tokens) = Session::begin(&app, &account.id, &headers)?;
    let mut batch = Batch::public();
    let opened = session.append(&mut batch, &account.password_hash);
    attempt.give_back(&mut batch);
    if app.run(batch).await?.changes(opened)? != 1 {
        return Err(refused());
    }
    attempt.tell_given_back();
    Ok(json(&tokens))
}

/// A session about to begin.
struct Session<'a> {
    app: &'a App,
    id: SessionId,
    user: &'a UserId,
    user_agent: String,
    refresh_hash: String,
}

impl<'a> Session<'a> {
    fn begin(app: &'a App, user: &'a UserId, headers: &HeaderMap) -> Result<(Self, Tokens), Error> {
        let ports = app.ports();
        let id = SessionId::generate(ports.clock.as_ref(), ports.random.as_ref());
        let refresh = refresh::first(&id, ports.random.as_ref());
        let tokens = Tokens::issue(app, user, &id, &refresh)?;
        let user_agent = headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let user_agent = user_agent
            .unwrap_or_default()
            .chars()
            .take(MAX_USER_AGENT)
            .collect();
        Ok((
            Self {
                app,
                id,
                user,
                user_agent,
                refresh_hash: refresh.hash(),
            },
            tokens,
        ))
    }

    fn append(&self, batch: &mut Batch, password_hash: &str) -> crate::platform::Write {
        let now = self.app.now();
        let session = store::NewSession {
            id: &self.id,
            user_id: self.user,
            user_agent: &self.user_agent,
            refresh_hash: &self.refresh_hash,
            created_at: now,
            expires_at: now.plus(SESSION_LIFETIME),
        };
        store::append_session(batch, &session, password_hash)
    }
}

/// `POST /auth/logout`
///
/// Logs out: ends the session, and its tokens with it.
pub(super) async fn logout(app: App, viewer: Viewer) -> Result<StatusCode, Error> {
    app.run(store::revoke(&viewer, app.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /.well-known/jwks.json`
///
/// Publishes the keys that verify access tokens.
pub(super) async fn get_public_keys(app: App) -> Response {
    let mut response = json(&PublicKeys {
        keys: app.token_keys().public_keys(),
    });
    // A new key is published before it signs, so an hour's delay harms nobody.
    let cached = HeaderValue::from_static("public, max-age=3600");
    response.headers_mut().insert(CACHE_CONTROL, cached);
    response
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let app = App::from_request_parts(parts, state).await?;
        let viewer = signed_in(&app, parts)
            .await?
            .ok_or(Error::Unauthenticated(Code::AuthenticationRequired))?;
        let bookmark = bookmark::sent(&parts.headers, app.secret_keys())?;
        Ok(viewer.with_bookmark(bookmark))
    }
}

/// Nobody only where there is no `Authorization` at all: a bad token is refused on every route.
impl<S: Sync> FromRequestParts<S> for MaybeViewer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let app = App::from_request_parts(parts, state).await?;
        let viewer = signed_in(&app, parts).await?;
        let bookmark = bookmark::sent(&parts.headers, app.secret_keys())?;
        Ok(match viewer {
            Some(viewer) => viewer.with_bookmark(bookmark).into(),
            None => Self::nobody(bookmark),
        })
    }
}

/// Whom the request's token speaks for; nobody where there is no `Authorization` at all.
async fn signed_in(app: &App, parts: &Parts) -> Result<Option<Viewer>, Error> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    // What is not ASCII is a wrong token, what is no bearer token is none.
    let header = header
        .to_str()
        .map_err(|_| Error::Unauthenticated(Code::InvalidToken))?;
    let token = bearer_token(header).ok_or(Error::Unauthenticated(Code::AuthenticationRequired))?;
    let viewer = app.token_keys().verify(token, app.now())?;
    if let Some(exchange) = parts.extensions.get::<Arc<Exchange>>() {
        let account = viewer.user_id().to_string();
        let account = exchange.user_id.get_or_init(|| account);
        app.rate_limits()
            .shield_account(account, exchange, app.ports())
            .await?;
    }
    Ok(Some(viewer))
}

/// The token of `Bearer <token>` (RFC 6750, section 2.1); the scheme's case does not matter.
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
