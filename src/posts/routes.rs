//! `GET /posts`, `POST /posts`, `GET /posts/{id}`, `DELETE /posts/{id}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;

use super::rules::CreatePostRequest;
use super::store;
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::IfNoneMatch;
use crate::http::exchange::Exchange;
use crate::http::extract::{Path, Query};
use crate::http::idempotency::{self, Creation};
use crate::http::pagination::{Page, PageQuery};
use crate::id::PostId;
use crate::jobs::NewJob;
use crate::viewer::{MaybeViewer, Viewer};

/// The name of the public list in its cursors.
const PUBLIC_LIST: &str = "posts";

/// The routes of posts.
pub fn router() -> Router {
    Router::new()
        .route(api!("/posts"), get(list_posts).post(create_post))
        .route(api!("/posts/{id}"), get(get_post).delete(delete_post))
}

impl JsonBody for CreatePostRequest {
    const LIMIT: usize = 64 * 1024;
}

/// `GET /posts`
///
/// Lists the public posts, newest first.
///
/// Without comments, and without those of people who are blocked either way.
pub(super) async fn list_posts(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse(PUBLIC_LIST, app.secret_keys())?;
    let (batch, rows, boundary) = store::list_public(&viewer, &request);
    let outcome = app.run(batch).await?;
    let (rows, boundary) = (outcome.rows(&rows)?, outcome.first(&boundary)?);
    let page = Page::from_visible(rows, boundary, &request, PUBLIC_LIST, app.secret_keys());
    Ok(page.show(&request, &known))
}

/// `POST /posts`
///
/// Writes a post.
pub(super) async fn create_post(
    app: App,
    viewer: Viewer,
    Creation { request, key }: Creation<CreatePostRequest>,
) -> Result<Response, Error> {
    let post = request.parse()?;
    let now = app.now();
    let id = PostId::generate(app.ports().clock.as_ref(), app.ports().random.as_ref());
    let (batch, row) = store::create(&viewer, &id, &post, key.as_ref(), now);
    let database = app.ports().database.as_ref();
    let post = idempotency::commit(database, &viewer, key.as_ref(), batch, &row, now).await?;
    Ok(post.at(&format!(api!("/posts/{}"), post.value.id)))
}

/// `GET /posts/{id}`
///
/// Shows a post.
///
/// One that is absent and one that the viewer may not see look the same.
pub(super) async fn get_post(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(id): Path<PostId>,
) -> Result<Response, Error> {
    let (batch, row) = store::read(&viewer, &id);
    let post = app.run(batch).await?.first(&row)?.ok_or(Error::NotFound)?;
    Ok(known.show(post.version, &post))
}

/// `DELETE /posts/{id}`
///
/// Deletes one's own post.
///
/// Its caption is erased, and what its author was told about it disappears from their notifications.
pub(super) async fn delete_post(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(id): Path<PostId>,
) -> Result<StatusCode, Error> {
    let job = NewJob::new(&app, cause);
    let (batch, deleted, job) = store::delete(&viewer, &id, job, app.now());
    let outcome = app.run(batch).await?;
    job.wake(&app, &outcome)?;
    match outcome.changes(deleted)? {
        0 => Err(Error::Forbidden(Code::NotTheAuthor)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
