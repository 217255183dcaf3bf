//! `POST /auth/refresh`.

use axum::Router;
use axum::response::Response;
use axum::routing::post;
use schemars::JsonSchema;
use serde::Deserialize;

use super::store;
use super::token::RefreshToken;
use crate::app::App;
use crate::auth::routes::{SESSION_LIFETIME, Tokens};
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::extract::Json;
use crate::http::respond::json;
use crate::text::Checks;

/// The route of refresh tokens.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/refresh"), post(refresh))
}

/// The body of `POST /auth/refresh`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "A refresh token.")]
pub(in crate::auth) struct RefreshRequest {
    /// As it was answered last.
    #[schemars(required, example = &"AZ6PeixBez6dUm8KGyw9ThQq.4nMZ1wXk2vYc0sJ8pB5eRw")]
    refresh_token: Option<String>,
}

/// `POST /auth/refresh`
///
/// Gives new tokens for a refresh token.
///
/// A refresh token is used once. For ten seconds after that it is answered with the same new one, so a
/// client that got no answer asks again, and parallel calls do no harm. Later, or once the new one has
/// been used, it ends the session: two must then hold its tokens, and one of them may be a thief.
pub(in crate::auth) async fn refresh(
    app: App,
    Json(request): Json<RefreshRequest>,
) -> Result<Response, Error> {
    let mut checks = Checks::default();
    let text = checks.required("/refresh_token", request.refresh_token);
    let text = checks.finish(text)?;
    let keys = app.secret_keys();
    let invalid = || Error::Unauthenticated(Code::InvalidRefreshToken);
    let parent = RefreshToken::read(&text, keys).ok_or_else(invalid)?;
    let child = parent.children(keys).next().ok_or_else(invalid)?;
    let now = app.now();
    let (batch, session) = store::redeem(&parent, &child, now, now.plus(SESSION_LIFETIME));
    let session = app.run(batch).await?.first(&session)?;
    let session = session.ok_or_else(|| Error::internal("a session that was guarded is gone"))?;
    if session.is_ended {
        return Err(Error::Unauthenticated(Code::RefreshReused));
    }
    // Not the child offered if another request was faster, under another key. None only if that key
    // was taken away since.
    let mut children = parent.children(keys);
    let child = children
        .find(|child| child.hash() == session.current_hash)
        .ok_or_else(invalid)?;
    let tokens = Tokens::issue(&app, &session.user_id, parent.session(), &child)?;
    Ok(json(&tokens))
}
