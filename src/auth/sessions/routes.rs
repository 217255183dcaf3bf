//! `POST /auth/logout`, `GET /auth/sessions`, `DELETE /auth/sessions/{id}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::{delete, get, post};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::store::ListedSession;
use super::{rules, store};
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::exchange::Exchange;
use crate::http::extract::{Path, Query};
use crate::http::pagination::PageQuery;
use crate::id::SessionId;
use crate::time::Timestamp;
use crate::viewer::Viewer;

/// The routes of sessions.
pub(in crate::auth) fn router() -> Router {
    Router::new()
        .route(api!("/auth/logout"), post(logout))
        .route(api!("/auth/sessions"), get(list_sessions))
        .route(api!("/auth/sessions/{id}"), delete(delete_session))
}

/// One of one's own sessions.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Session")]
pub(in crate::auth) struct ShownSession {
    id: SessionId,
    /// What the device called itself when it signed in; empty if it said nothing.
    #[schemars(example = &"Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0")]
    user_agent: String,
    /// When it signed in.
    created_at: Timestamp,
    /// When it signed in or last got new tokens.
    last_used_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

impl From<ListedSession> for ShownSession {
    fn from(session: ListedSession) -> Self {
        Self {
            id: session.id,
            user_agent: rules::user_agent(&session.user_agent),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            current: session.current,
        }
    }
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

/// `GET /auth/sessions`
///
/// Lists where the account is signed in, newest first.
pub(in crate::auth) async fn list_sessions(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    // A cursor is good for the list of its own account only.
    let list = format!("sessions of {}", viewer.user_id());
    let request = query.parse(list, app.secret_keys())?;
    let sessions = store::list(&viewer, &request, app.now());
    let page = app.page(&request, sessions).await?.map(ShownSession::from);
    Ok(page.show(&request, &known))
}

/// `DELETE /auth/sessions/{id}`
///
/// Ends one of one's own sessions, and its tokens with it.
///
/// It may be the one that asks. One that has ended already is not there any more.
pub(in crate::auth) async fn delete_session(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(session): Path<SessionId>,
) -> Result<StatusCode, Error> {
    let ended = Event::new(&app, &cause, Kind::SessionEnded)
        .by(viewer.user_id())
        .about(viewer.user_id())
        .in_session(&session);
    let (batch, ended) = store::end(&viewer, &session, app.now(), &ended);
    match app.run(batch).await?.changes(ended)? {
        0 => Err(Error::NotFound),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
