//! `GET /profile`, `PATCH /profile`, `GET /users`, `GET /users/{username}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::get;

use super::profiles::{self, Profile};
use super::rules::{self, UpdateProfileRequest};
use super::store;
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::{IfMatch, IfNoneMatch};
use crate::http::exchange::Exchange;
use crate::http::extract::{Json, Path, Query};
use crate::http::pagination::PageQuery;
use crate::jobs::NewJob;
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of people.
pub fn router() -> Router {
    Router::new()
        .route(
            api!("/profile"),
            get(get_my_profile).patch(update_my_profile),
        )
        .route(api!("/users"), get(list_people))
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
/// since it was read; a new follower is no such change. Whoever has asked to follow is accepted soon after the
/// account is unlocked.
pub(super) async fn update_my_profile(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    seen: IfMatch,
    Json(request): Json<UpdateProfileRequest>,
) -> Result<Response, Error> {
    let changes = request.parse()?;
    let job = NewJob::new(&app, cause);
    let (batch, me, job) = store::update_profile(&viewer, &changes, seen.versions(), job);
    let outcome = app.run(batch).await?;
    if let Some(job) = job {
        job.wake(&app, &outcome)?;
    }
    let me = outcome.first(&me)?.ok_or(Error::NotFound)?;
    Ok(IfNoneMatch::default().show(me.person.version, &me))
}

/// `GET /users`
///
/// Lists people to discover, newest account first.
///
/// Oneself is left out, and so is whoever is suspended, and whom a block hides.
pub(super) async fn list_people(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse("users", app.secret_keys())?;
    let people = profiles::list(&viewer, &request);
    Ok(app.page(&request, people).await?.show(&request, &known))
}

/// `GET /users/{username}`
///
/// Shows a person's public profile.
///
/// Whoever is suspended or deleted, and whoever blocks the one who asks, is not found. Of whom the one who asks
/// blocks, only what it takes to lift the block is shown.
pub(super) async fn get_profile(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, person) = profiles::read(&viewer, &rules::fold_case(&username));
    let outcome = app.run(batch).await?;
    let person = outcome.first(&person)?.ok_or(Error::NotFound)?;
    Ok(known.show(person.version(), &Profile::from(person)))
}
