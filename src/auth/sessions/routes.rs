//! `POST /auth/logout`.

use axum::Router;
use axum::routing::post;
use http::StatusCode;

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::viewer::Viewer;

/// The routes of sessions.
pub(in crate::auth) fn router() -> Router {
    Router::new().route(api!("/auth/logout"), post(logout))
}

/// `POST /auth/logout`
///
/// Logs out: ends the session, and its tokens with it.
pub(in crate::auth) async fn logout(app: App, viewer: Viewer) -> Result<StatusCode, Error> {
    app.run(store::revoke(&viewer, app.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
