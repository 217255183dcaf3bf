//! `GET /profile`, `PATCH /profile`, `GET /users/{username}`.

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::rules::{self, UpdateProfileRequest};
use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::{IfMatch, IfNoneMatch};
use crate::http::extract::{Json, Path};
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of people.
pub fn router() -> Router {
    Router::new()
        .route(
            api!("/profile"),
            get(get_my_profile).patch(update_my_profile),
        )
        .route(api!("/users/{username}"), get(get_profile))
}

impl JsonBody for UpdateProfileRequest {
    const LIMIT: usize = 16 * 1024;
}

/// `GET /profile`
///
/// Shows one's own account.
pub(super) async fn get_my_profile(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
) -> Result<Response, Error> {
    let (batch, me) = store::my_profile(&viewer);
    let outcome = app.run(batch).await?;
    let me = outcome.first(&me)?.ok_or(Error::NotFound)?;
    Ok(known.show(me.person.version, &me))
}

/// `PATCH /profile`
///
/// Changes one's own profile.
///
/// What is left out stays as it is. With `If-Match` it is changed only if nobody else has changed it
/// since it was read; a new follower is no such change.
pub(super) async fn update_my_profile(
    app: App,
    viewer: Viewer,
    seen: IfMatch,
    Json(request): Json<UpdateProfileRequest>,
) -> Result<Response, Error> {
    let changes = request.parse()?;
    let (batch, written, me) = store::update_profile(&viewer, &changes, seen.versions());
    let outcome = app.run(batch).await?;
    if outcome.changes(written)? == 0 {
        return Err(Error::PreconditionFailed);
    }
    let me = outcome.first(&me)?.ok_or(Error::NotFound)?;
    Ok(IfNoneMatch::default().show(me.person.version, &me))
}

/// `GET /users/{username}`
///
/// Shows a person's public profile.
///
/// Whoever is suspended or deleted, and whoever blocks the one who asks, is not found.
pub(super) async fn get_profile(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, person) = store::profile(&viewer, &rules::fold_case(&username));
    let outcome = app.run(batch).await?;
    let person = outcome.first(&person)?.ok_or(Error::NotFound)?;
    Ok(known.show(person.version(), &person))
}
