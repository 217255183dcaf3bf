//! `POST /auth/refresh`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::post;

use super::rules::RefreshRequest;
use super::store;
use super::token::RefreshToken;
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::auth::routes::Tokens;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::exchange::Exchange;
use crate::http::extract::Json;
use crate::http::respond::json;

/// The route of refresh tokens.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/refresh"), post(refresh))
}

impl JsonBody for RefreshRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `POST /auth/refresh`
///
/// Gives new tokens for a refresh token.
///
/// A refresh token is used once. For ten seconds after that it is answered with the same new one, so a
/// client that got no answer asks again, and parallel calls do no harm. Later, or once the new one has
/// been used, it ends the session: two must then hold its tokens, and one of them may be a thief.
///
/// A session lives for 60 days after its last renewal, and for 365 days at the most.
pub(in crate::auth) async fn refresh(
    app: App,
    Extension(cause): Extension<Arc<Exchange>>,
    Json(request): Json<RefreshRequest>,
) -> Result<Response, Error> {
    let invalid = || Error::Unauthenticated(Code::InvalidRefreshToken);
    let keys = app.secret_keys();
    let parent = RefreshToken::read(&request.parse()?, keys).ok_or_else(invalid)?;
    let children = parent.children(keys);
    let offered = children
        .first()
        .ok_or_else(|| Error::internal("there is no secret key"))?;
    let reused = Event::new(&app, &cause, Kind::RefreshReused);
    let (batch, session) = store::redeem(&parent, offered, &reused, app.now());
    let session = app
        .run(batch)
        .await?
        .first(&session)?
        .ok_or_else(|| Error::internal("a session that was guarded is gone"))?;
    if session.is_ended {
        return Err(Error::Unauthenticated(Code::RefreshReused));
    }
    // Another than the one offered, if the token was redeemed before under another key; none, if that
    // key was taken away since.
    let child = children
        .iter()
        .find(|child| child.hash() == session.current_hash)
        .ok_or_else(invalid)?;
    let tokens = Tokens::issue(&app, &session.user_id, parent.session(), child)?;
    Ok(json(&tokens))
}
