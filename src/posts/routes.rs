//! `POST /posts`, `GET /posts/{id}`, `PUT /posts/{id}`, `DELETE /posts/{id}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;

use super::captions::Caption;
use super::rules::{CaptionRequest, CreatePostRequest, NewPost};
use super::writing::{self, NewPostJobs, NewRow};
use super::{comments, removal, store, timelines};
use crate::app::App;
use crate::error::{Error, Rule};
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::{IfMatch, IfNoneMatch};
use crate::http::exchange::Exchange;
use crate::http::extract::{Json, Path};
use crate::http::idempotency::{self, Creation, IdempotencyKey};
use crate::id::PostId;
use crate::jobs::{NewJob, NewJobs};
use crate::platform::nfkc;
use crate::posts::Removal;
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of posts.
pub fn router() -> Router {
    timelines::routes::router()
        .route(api!("/posts"), post(create_post))
        .route(
            api!("/posts/{id}"),
            get(get_post).put(update_post).delete(delete_post),
        )
        .merge(comments::routes::router())
}

impl JsonBody for CreatePostRequest {
    const LIMIT: usize = 64 * 1024;
}

impl JsonBody for CaptionRequest {
    const LIMIT: usize = 64 * 1024;
}

/// `POST /posts`
///
/// Writes a post, or with `reply_to` a comment.
///
/// Its hashtags and the people it names are found in what it says. Whoever is named is notified, and so is
/// whoever wrote what it answers.
pub(super) async fn create_post(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Creation { request, key }: Creation<CreatePostRequest>,
) -> Result<Response, Error> {
    let published = publish(&app, &viewer, cause, request.parse()?, key.as_ref()).await;
    published.map_err(|error| match error {
        // All that can be missing is what it answers.
        Error::NotFound => Error::invalid("/reply_to", Rule::InvalidValue),
        other => other,
    })
}

/// The jobs that tell whoever is named in a caption, if anybody is.
fn mention_jobs(app: &App, cause: &Arc<Exchange>, caption: &Caption) -> Option<NewJobs> {
    let people = caption.people();
    (!people.is_empty()).then(|| NewJobs::new(app, cause.clone(), people))
}

/// Stores a post or a comment, once for each key, and shows it. [`Error::NotFound`] where there is nothing to comment
/// on.
pub(super) async fn publish(
    app: &App,
    viewer: &Viewer,
    cause: Arc<Exchange>,
    new: NewPost,
    key: Option<&IdempotencyKey>,
) -> Result<Response, Error> {
    let caption = Caption::read(new.caption, nfkc);
    let now = app.now();
    let ports = app.ports();
    let new = NewRow {
        id: &PostId::generate(ports.clock.as_ref(), ports.random.as_ref()),
        caption: &caption,
        visibility: new.visibility,
        reply_to: new.reply_to.as_ref(),
    };
    let jobs = NewPostJobs {
        mentions: mention_jobs(app, &cause, &caption),
        comment: NewJob::new(app, cause),
    };
    let (batch, row, jobs) = writing::create(viewer, &new, key, jobs, now);
    let database = ports.database.as_ref();
    let post = idempotency::commit(database, viewer, key, batch, &row, now).await?;
    if let Some(outcome) = &post.outcome {
        for job in jobs {
            job.wake(app, outcome)?;
        }
    }
    Ok(post.at(&format!(api!("/posts/{}"), post.value.id)))
}

/// `GET /posts/{id}`
///
/// Shows a post.
///
/// One that is absent and one that the viewer may not see look the same. Of one that was deleted or removed a stub
/// is left while it has replies.
pub(super) async fn get_post(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(id): Path<PostId>,
) -> Result<Response, Error> {
    let (batch, row) = store::read(&viewer, &id);
    let post = app.run(batch).await?.first(&row)?.ok_or(Error::NotFound)?;
    Ok(known.show(post.0.version, &post))
}

/// `PUT /posts/{id}`
///
/// Edits one's own post.
///
/// Nothing changes where it says that already. A comment in a thread that one may not see any more is not found; it
/// can only be read and deleted. Whoever is newly named is notified. With `If-Match` it is changed only
/// if nobody else has changed it since it was read; a like is no such change.
pub(super) async fn update_post(
    app: App,
    viewer: Viewer,
    seen: IfMatch,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(id): Path<PostId>,
    Json(request): Json<CaptionRequest>,
) -> Result<Response, Error> {
    let caption = Caption::read(request.parse()?, nfkc);
    let jobs = mention_jobs(&app, &cause, &caption);
    let versions = seen.versions();
    let now = app.now();
    let (batch, row, job) = writing::update(&viewer, &id, &caption, versions.as_deref(), jobs, now);
    let outcome = app.run(batch).await?;
    if let Some(job) = job {
        job.wake(&app, &outcome)?;
    }
    let post = outcome.first(&row)?.ok_or(Error::NotFound)?;
    Ok(IfNoneMatch::default().show(post.version, &post))
}

/// `DELETE /posts/{id}`
///
/// Deletes one's own post, or, as a moderator or an admin, removes another's.
///
/// What is deleted is erased. What is removed nobody sees, and its author is told. A post that still has replies leaves a stub. What people
/// were told about it disappears from their notifications.
pub(super) async fn delete_post(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(id): Path<PostId>,
) -> Result<StatusCode, Error> {
    let removal = Removal::new(&app, &cause);
    let (batch, jobs) = removal::store::delete(&viewer, &id, removal, app.now());
    let outcome = app.run(batch).await?;
    for job in jobs {
        job.wake(&app, &outcome)?;
    }
    Ok(StatusCode::NO_CONTENT)
}
