//! The routes of accounts and sessions, `GET /.well-known/jwks.json`, and the extractors of who asks.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::get;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use schemars::JsonSchema;
use serde::Serialize;

use super::refresh::{self, RefreshToken};
use super::{
    email, password_change, password_reset, registration, sessions, setup, sign_in, token,
};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::bookmark;
use crate::http::exchange::Exchange;
use crate::http::problem::Refusal;
use crate::http::respond::json;
use crate::id::{SessionId, UserId};
use crate::viewer::{Admin, MaybeViewer, Moderator, Viewer};

/// The routes of accounts and sessions.
pub fn router() -> Router {
    Router::new()
        .merge(registration::routes::router())
        .merge(sign_in::routes::router())
        .merge(sessions::routes::router())
        .merge(refresh::routes::router())
        .merge(setup::routes::router())
        .merge(email::routes::router())
        .merge(password_change::routes::router())
        .merge(password_reset::routes::router())
        .route("/.well-known/jwks.json", get(get_public_keys))
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

/// The keys that verify access tokens (RFC 7517).
#[derive(JsonSchema, Serialize)]
pub(super) struct PublicKeys<'a> {
    keys: Vec<token::PublicKey<'a>>,
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

/// Their role is not in the token; the guard of their batches asks for it.
impl<S: Sync> FromRequestParts<S> for Moderator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Ok(Viewer::from_request_parts(parts, state).await?.into())
    }
}

/// Likewise.
impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Ok(Viewer::from_request_parts(parts, state).await?.into())
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
