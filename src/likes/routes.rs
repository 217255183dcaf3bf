//! `PUT /posts/{id}/like`, `DELETE /posts/{id}/like`, `GET /posts/{id}/likes`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::{get, put};
use schemars::JsonSchema;
use serde::Serialize;

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::exchange::Exchange;
use crate::http::extract::{Path, Query};
use crate::http::pagination::PageQuery;
use crate::http::respond::json;
use crate::id::PostId;
use crate::jobs::NewJob;
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of likes.
pub fn router() -> Router {
    Router::new()
        .route(api!("/posts/{id}/like"), put(put_like).delete(delete_like))
        .route(api!("/posts/{id}/likes"), get(list_likes))
}

/// Whether the viewer likes a post now, and how many do.
#[derive(JsonSchema, Serialize)]
pub(super) struct LikeState {
    #[schemars(example = true)]
    liked: bool,
    #[schemars(range(min = 0), example = 3)]
    like_count: i64,
}

/// That the viewer does not like a post, and how many do.
#[derive(JsonSchema, Serialize)]
pub(super) struct NoLike {
    #[schemars(extend("const" = false))]
    liked: bool,
    /// Null where the one who asks may not see the post any more.
    #[schemars(range(min = 0), example = 3)]
    like_count: Option<i64>,
}

/// `PUT /posts/{id}/like`
///
/// Likes a post.
///
/// A second like of the same account changes nothing. The author is notified, once and for all, unless
/// it is their own like.
pub(super) async fn put_like(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(post): Path<PostId>,
) -> Result<Response, Error> {
    let job = NewJob::new(&app, cause);
    let (batch, count, job) = store::like(&viewer, &post, job, app.now());
    let outcome = app.run(batch).await?;
    job.wake(&app, &outcome)?;
    let like_count = outcome.first(&count)?.ok_or(Error::NotFound)?.like_count;
    Ok(json(&LikeState {
        liked: true,
        like_count,
    }))
}

/// `DELETE /posts/{id}/like`
///
/// Takes a like back.
///
/// Changes nothing where there is none. A like may be taken back when one may not see the post any more; how many
/// there are is not told then.
pub(super) async fn delete_like(
    app: App,
    viewer: Viewer,
    Path(post): Path<PostId>,
) -> Result<Response, Error> {
    let (batch, count) = store::unlike(&viewer, &post);
    let count = app.run(batch).await?.first(&count)?;
    Ok(json(&NoLike {
        liked: false,
        like_count: count.map(|row| row.like_count),
    }))
}

/// `GET /posts/{id}/likes`
///
/// Lists who likes a post, newest like first.
///
/// Of one's own comment in a thread that one may not see any more there is no such list.
pub(super) async fn list_likes(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(post): Path<PostId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse(format!("posts/{post}/likes"), app.secret_keys())?;
    let likes = store::list(&viewer, &post, &request, &request.timed_place()?);
    let page = app.page(&request, likes).await?.map(|like| like.person);
    Ok(page.show(&request, &known))
}
