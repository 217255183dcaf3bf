//! `GET /posts/{id}/comments`, `POST /posts/{id}/comments`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::get;

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::exchange::Exchange;
use crate::http::extract::{Path, Query};
use crate::http::idempotency::Creation;
use crate::http::pagination::PageQuery;
use crate::id::PostId;
use crate::posts::routes::publish;
use crate::posts::rules::{CaptionRequest, NewPost, Visibility};
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of comments.
pub(in crate::posts) fn router() -> Router {
    Router::new().route(
        api!("/posts/{id}/comments"),
        get(list_comments).post(create_comment),
    )
}

/// `GET /posts/{id}/comments`
///
/// Lists the direct replies to a post, oldest first.
///
/// One that was deleted or removed and still has replies is shown as a stub. Without those of people whom the one
/// who asks mutes, or who are blocked either way. Below one's own comment in a thread that one may not see any more there
/// is no such list.
pub(in crate::posts) async fn list_comments(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(post): Path<PostId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse(format!("posts/{post}/comments"), app.secret_keys())?;
    let comments = store::list(&viewer, &post, &request);
    Ok(app.page(&request, comments).await?.show(&request, &known))
}

/// `POST /posts/{id}/comments`
///
/// Comments on a post, or replies to a comment.
///
/// It has the visibility of what it answers. Whoever wrote that is notified, and whoever is named. One's own comment
/// is not found here if whoever began its thread has since blocked one or taken one from their followers.
pub(in crate::posts) async fn create_comment(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(parent): Path<PostId>,
    Creation { request, key }: Creation<CaptionRequest>,
) -> Result<Response, Error> {
    let new = NewPost {
        caption: request.parse()?,
        visibility: Visibility::Public,
        reply_to: Some(parent),
    };
    publish(&app, &viewer, cause, new, key.as_ref()).await
}
