//! `POST /auth/logout`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::routing::post;
use http::StatusCode;

use super::store;
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::error::Error;
use crate::http::api;
use crate::http::exchange::Exchange;
use crate::viewer::Viewer;

/// The routes of sessions.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/logout"), post(logout))
}

/// `POST /auth/logout`
///
/// Logs out: ends the session, and its tokens with it.
pub(in crate::auth) async fn logout(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
) -> Result<StatusCode, Error> {
    let signed_out = Event::new(&app, &cause, Kind::SignedOut)
        .by(viewer.user_id())
        .about(viewer.user_id())
        .in_session(viewer.session_id());
    app.run(store::revoke(&viewer, app.now(), &signed_out))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
