//! `GET /posts`, `GET /tags/{tag}/posts`, `GET /users/{username}/posts`.

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::extract::{Path, Query};
use crate::http::pagination::PageQuery;
use crate::platform::nfkc;
use crate::posts::captions::fold_tag;
use crate::users::fold_case;
use crate::viewer::MaybeViewer;

/// The routes of lists.
pub(in crate::posts) fn router() -> Router {
    Router::new()
        .route(api!("/posts"), get(list_posts))
        .route(api!("/tags/{tag}/posts"), get(list_tag_posts))
        .route(api!("/users/{username}/posts"), get(list_person_posts))
}

/// `GET /posts`
///
/// Lists the public posts, newest first.
///
/// Without comments, and without those of people who are blocked either way or whom the one who asks mutes.
pub(in crate::posts) async fn list_posts(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse("posts", app.secret_keys())?;
    let posts = store::list_public(&viewer, &request);
    Ok(app.page(&request, posts).await?.show(&request, &known))
}

/// `GET /tags/{tag}/posts`
///
/// Lists the public posts with a hashtag, newest first.
///
/// Upper and lower case are the same, and so is what Unicode writes in several ways. A hashtag that nobody has used
/// has no posts. Comments and posts for followers are left out, and people as in the list of public posts.
pub(in crate::posts) async fn list_tag_posts(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(tag): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let tag = fold_tag(&tag, nfkc);
    let request = query.parse(format!("tags/{tag}/posts"), app.secret_keys())?;
    let posts = store::list_tagged(&viewer, &tag, &request);
    Ok(app.page(&request, posts).await?.show(&request, &known))
}

/// `GET /users/{username}/posts`
///
/// Lists a person's posts, newest first, without comments.
///
/// Of whoever is suspended or deleted, whoever blocks the one who asks, and whom one blocks oneself, there is no such
/// list.
pub(in crate::posts) async fn list_person_posts(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(username): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let username = fold_case(&username);
    let request = query.parse(format!("users/{username}/posts"), app.secret_keys())?;
    let posts = store::list_of_person(&viewer, &username, &request);
    Ok(app.page(&request, posts).await?.show(&request, &known))
}
