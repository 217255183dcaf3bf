//! `GET /profile`, `GET /users/{username}`.

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::{rules, store};
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::extract::Path;
use crate::http::respond::json;
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of people.
pub fn router() -> Router {
    Router::new()
        .route(api!("/profile"), get(get_my_profile))
        .route(api!("/users/{username}"), get(get_profile))
}

/// `GET /profile`
///
/// Shows one's own account.
pub(super) async fn get_my_profile(app: App, viewer: Viewer) -> Result<Response, Error> {
    let (batch, me) = store::my_profile(&viewer);
    let outcome = app.run(batch).await?;
    let me = outcome.first(&me)?.ok_or(Error::NotFound)?;
    Ok(json(&me))
}

/// `GET /users/{username}`
///
/// Shows a person's public profile.
///
/// Whoever is suspended or deleted, and whoever blocks the one who asks, is not found.
pub(super) async fn get_profile(
    app: App,
    viewer: MaybeViewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, person) = store::profile(&viewer, &rules::fold_case(&username));
    let outcome = app.run(batch).await?;
    let person = outcome.first(&person)?.ok_or(Error::NotFound)?;
    Ok(json(&person))
}
