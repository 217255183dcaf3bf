//! `GET /notifications`, `POST /notifications/read`.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderValue, LINK};
use schemars::JsonSchema;
use serde::Serialize;

use super::rules::MarkReadRequest;
use super::store::{self, ListedNotification, Notification};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::{ASK_FIRST, IfNoneMatch, weak_tag};
use crate::http::extract::{Json, Query};
use crate::http::pagination::{Page, PageQuery};
use crate::http::respond::json;
use crate::viewer::Viewer;

/// Above every sequence number: the first page.
const NEWEST: i64 = 1 << 53;

/// The routes of notifications.
pub fn router() -> Router {
    Router::new()
        .route(api!("/notifications"), get(list_notifications))
        .route(api!("/notifications/read"), post(mark_read))
}

impl JsonBody for MarkReadRequest {
    const LIMIT: usize = 4 * 1024;
}

/// A page of the list, and how much of the whole is unread.
#[derive(JsonSchema, Serialize)]
pub(super) struct NotificationPage {
    #[serde(flatten)]
    page: Page<Notification>,
    /// Exact below 200; from there on, at least that many are unread.
    #[schemars(range(min = 0), example = 1)]
    unread_count: i64,
}

/// `GET /notifications`
///
/// Lists what one was told, newest first.
///
/// Likes of one post form one entry with its latest actors. Polling with `If-None-Match` costs a 304
/// while there is nothing new.
pub(super) async fn list_notifications(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    // A cursor is good for the list of its own account only.
    let list = format!("notifications of {}", viewer.user_id());
    let request = query.parse(list, app.secret_keys())?;
    let after = match &request.after {
        None => NEWEST,
        Some(key) => key
            .parse()
            .map_err(|_| Error::Malformed(Code::MalformedCursor))?,
    };
    let (batch, inbox, rows) = store::list(&viewer, &request, after, &known.versions());
    let outcome = app.run(batch).await?;
    let inbox = outcome.first(&inbox)?.ok_or(Error::NotFound)?;

    let mut response = if known.matches(&inbox.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let rows = outcome.rows(&rows)?;
        let show = |row: ListedNotification| row.is_visible().then(|| row.show(inbox.read_seq));
        let page = Page::from_candidates(rows, show, &request, app.secret_keys());
        let link = page.link(&request);
        let mut response = json(&NotificationPage {
            page,
            unread_count: inbox.unread_count,
        });
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        response
    };
    let tag = HeaderValue::from_str(&weak_tag(&inbox.version)).map_err(Error::internal)?;
    response.headers_mut().insert(ETAG, tag);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static(ASK_FIRST));
    Ok(response)
}

/// `POST /notifications/read`
///
/// Marks everything up to a number as read.
///
/// The mark never moves back, and never beyond what there is.
pub(super) async fn mark_read(
    app: App,
    viewer: Viewer,
    Json(request): Json<MarkReadRequest>,
) -> Result<StatusCode, Error> {
    app.run(store::mark_read(&viewer, request.parse()?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
