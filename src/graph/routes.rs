//! Follows, requests to follow, blocks and mutes, and their lists.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::{delete, get, put};
use http::StatusCode;

use super::blocks::store as blocks;
use super::follows::store as follows;
use super::lists::store as lists;
use super::store::RelationRow;
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::exchange::Exchange;
use crate::http::extract::{Path, Query};
use crate::http::pagination::{Listed, PageQuery, PageRequest};
use crate::http::respond::json;
use crate::jobs::{Job, NewJob, News};
use crate::notifications::Kind;
use crate::platform::{Batch, Rows};
use crate::users::{FollowState, ListedPerson, Relation, fold_case};
use crate::viewer::{MaybeViewer, Viewer};

/// The routes of follows, blocks and mutes.
pub fn router() -> Router {
    Router::new()
        .route(
            api!("/users/{username}/follow"),
            put(put_follow).delete(delete_follow),
        )
        .route(
            api!("/users/{username}/block"),
            put(put_block).delete(delete_block),
        )
        .route(
            api!("/users/{username}/mute"),
            put(put_mute).delete(delete_mute),
        )
        .route(api!("/users/{username}/followers"), get(list_followers))
        .route(api!("/users/{username}/following"), get(list_following))
        .route(api!("/followers/{username}"), delete(delete_follower))
        .route(api!("/follow-requests"), get(list_follow_requests))
        .route(
            api!("/follow-requests/{username}"),
            put(accept_follow_request).delete(refuse_follow_request),
        )
        .route(api!("/blocks"), get(list_blocks))
        .route(api!("/mutes"), get(list_mutes))
}

/// Runs a batch, and tells how the two stand to each other after it.
async fn show_relation(app: App, batch: Batch, row: Rows<RelationRow>) -> Result<Response, Error> {
    let row = app.run(batch).await?.first(&row)?;
    let relation = row.and_then(|row| row.relation).ok_or(Error::NotFound)?;
    Ok(json(&relation))
}

/// `PUT /users/{username}/follow`
///
/// Follows a person, or asks to.
///
/// A locked account is asked, and accepts or refuses. A second follow changes nothing, unless the account has
/// been unlocked since it was asked: then it is followed. The person is told, once and for all of each.
pub(super) async fn put_follow(
    app: App,
    viewer: Viewer,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let job = NewJob::new(&app, cause);
    let (batch, row, job) = follows::follow(&viewer, &fold_case(&username), job, app.now());
    let outcome = app.run(batch).await?;
    let row = outcome.first(&row)?.ok_or(Error::NotFound)?;
    let relation = row.relation.ok_or(Error::Forbidden(Code::OwnAccount))?;
    if relation.blocking {
        return Err(Error::Conflict(Code::PersonBlocked));
    }
    if !relation.following && !relation.requested {
        // Nothing else forbids a follow.
        return Err(Error::Conflict(Code::FollowLimitReached));
    }
    let news = News {
        kind: if relation.following {
            Kind::Follow
        } else {
            Kind::FollowRequest
        },
        post_id: None,
        actor_id: Some(viewer.user_id().clone()),
        recipient_id: row.id,
    };
    job.wake(&app, &outcome, Job::Tell(news))?;
    Ok(json(&relation))
}

/// `DELETE /users/{username}/follow`
///
/// Follows a person no longer, or takes the request back.
///
/// Changes nothing where there is neither.
pub(super) async fn delete_follow(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, row) = follows::unfollow(&viewer, &fold_case(&username));
    show_relation(app, batch, row).await
}

/// `PUT /users/{username}/block`
///
/// Blocks a person.
///
/// Neither sees the other any more, and neither follows or asks to follow the other. Of whom one blocks, only
/// what it takes to lift the block is shown.
pub(super) async fn put_block(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, row) = blocks::block(&viewer, &fold_case(&username), app.now());
    show_relation(app, batch, row).await
}

/// `DELETE /users/{username}/block`
///
/// Lifts a block.
///
/// The follows that it has ended do not come back.
pub(super) async fn delete_block(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, row) = blocks::unblock(&viewer, &fold_case(&username));
    show_relation(app, batch, row).await
}

/// `PUT /users/{username}/mute`
///
/// Mutes a person.
///
/// What they say stays out of the lists that are not theirs. They never learn of it.
pub(super) async fn put_mute(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, row) = blocks::mute(&viewer, &fold_case(&username), app.now());
    show_relation(app, batch, row).await
}

/// `DELETE /users/{username}/mute`
///
/// Lifts a mute.
pub(super) async fn delete_mute(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, row) = blocks::unmute(&viewer, &fold_case(&username));
    show_relation(app, batch, row).await
}

/// `DELETE /followers/{username}`
///
/// Takes a follower away.
///
/// They are not told. Changes nothing where there is none.
pub(super) async fn delete_follower(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<StatusCode, Error> {
    let batch = follows::dismiss(&viewer, &fold_case(&username), FollowState::Accepted);
    app.run(batch).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /follow-requests/{username}`
///
/// Accepts a request to follow.
///
/// Changes nothing where the person follows already. Whoever has not asked is not found.
pub(super) async fn accept_follow_request(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<Response, Error> {
    let (batch, row) = follows::accept(&viewer, &fold_case(&username), app.now());
    let row = app.run(batch).await?.first(&row)?;
    let relation = row.and_then(|row| row.relation);
    let relation = relation.filter(|relation: &Relation| relation.followed_by);
    Ok(json(&relation.ok_or(Error::NotFound)?))
}

/// `DELETE /follow-requests/{username}`
///
/// Refuses a request to follow.
///
/// The person is not told, and may ask again. Changes nothing where there is no request.
pub(super) async fn refuse_follow_request(
    app: App,
    viewer: Viewer,
    Path(username): Path<String>,
) -> Result<StatusCode, Error> {
    let batch = follows::dismiss(&viewer, &fold_case(&username), FollowState::Pending);
    app.run(batch).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a list of people, and shows the page.
async fn show_people(
    app: App,
    known: IfNoneMatch,
    request: PageRequest,
    people: Listed<ListedPerson>,
) -> Result<Response, Error> {
    let page = app.page(&request, people).await?;
    let page = page.map(|listed| listed.person);
    Ok(page.show(&request, &known))
}

/// `GET /users/{username}/followers`
///
/// Lists who follows a person, newest follow first.
///
/// Whoever is suspended, and whom a block hides, is left out, though counted. Of somebody whom one blocks, or who
/// blocks the one who asks, there is no such list.
pub(super) async fn list_followers(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(username): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let username = fold_case(&username);
    let request = query.parse(format!("users/{username}/followers"), app.secret_keys())?;
    let list = lists::followers(&viewer, &username, &request, &request.timed_place()?);
    show_people(app, known, request, list).await
}

/// `GET /users/{username}/following`
///
/// Lists whom a person follows, newest account first.
///
/// Whoever is suspended, and whom a block hides, is left out, though counted. Of somebody whom one blocks, or who
/// blocks the one who asks, there is no such list.
pub(super) async fn list_following(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Path(username): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let username = fold_case(&username);
    let request = query.parse(format!("users/{username}/following"), app.secret_keys())?;
    let list = lists::following(&viewer, &username, &request);
    show_people(app, known, request, list).await
}

/// `GET /follow-requests`
///
/// Lists who asks to follow oneself, newest request first.
pub(super) async fn list_follow_requests(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse(
        format!("follow-requests/{}", viewer.user_id()),
        app.secret_keys(),
    )?;
    let list = lists::requests(&viewer, &request, &request.timed_place()?);
    show_people(app, known, request, list).await
}

/// `GET /blocks`
///
/// Lists whom one blocks, newest block first.
pub(super) async fn list_blocks(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse(format!("blocks/{}", viewer.user_id()), app.secret_keys())?;
    let list = lists::blocks(&viewer, &request, &request.timed_place()?);
    show_people(app, known, request, list).await
}

/// `GET /mutes`
///
/// Lists whom one mutes, newest mute first.
pub(super) async fn list_mutes(
    app: App,
    viewer: Viewer,
    known: IfNoneMatch,
    Query(query): Query<PageQuery>,
) -> Result<Response, Error> {
    let request = query.parse(format!("mutes/{}", viewer.user_id()), app.secret_keys())?;
    let list = lists::mutes(&viewer, &request, &request.timed_place()?);
    show_people(app, known, request, list).await
}
