//! `GET /feed`.

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::store::{self, Candidate};
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::extract::Query;
use crate::http::pagination::{Page, PageQuery};
use crate::viewer::Viewer;

/// The routes of the feed.
pub fn router() -> Router {
    Router::new().route(api!("/feed"), get(list_feed))
}

/// `GET /feed`
///
/// Lists the posts of those one follows, and one's own, newest first.
///
/// Without comments, and without those of people one mutes.
pub(super) async fn list_feed(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    // A cursor is good for the list of its own account only.
    let list = format!("feed of {}", viewer.user_id());
    let request = query.parse(list, app.secret_keys())?;
    let (batch, rows) = store::list(&viewer, &request);
    let rows = store::newest_first(app.run(batch).await?.rows(&rows)?);
    let page = Page::from_candidates(rows, Candidate::post, &request, app.secret_keys());
    Ok(page.show(&request, &known))
}
