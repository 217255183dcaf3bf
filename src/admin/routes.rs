//! `GET /admin/users`, `PATCH /admin/users/{username}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::{get, patch};
use schemars::JsonSchema;
use serde::Deserialize;

use super::rules::{ChangeStandingRequest, Picked};
use super::store::{self, Events};
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::error::Error;
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::{IfMatch, IfNoneMatch};
use crate::http::exchange::Exchange;
use crate::http::extract::{Json, Path, Query};
use crate::http::pagination::{self, List, PageQuery};
use crate::users::{Status, fold_case};
use crate::viewer::{Admin, Moderator};

/// The routes of those who run Kith.
pub fn router() -> Router {
    Router::new()
        .route(api!("/admin/users"), get(list_accounts))
        .route(api!("/admin/users/{username}"), patch(change_standing))
}

impl JsonBody for ChangeStandingRequest {
    const LIMIT: usize = 16 * 1024;
}

/// The query string of the list of accounts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountsQuery {
    #[schemars(with = "pagination::Limit")]
    limit: Option<pagination::Limit>,
    #[schemars(with = "pagination::Cursor")]
    cursor: Option<pagination::Cursor>,
    /// Only whoever has this username, in any case.
    #[schemars(with = "String", example = &"asha")]
    username: Option<String>,
    /// Only those of this status.
    #[schemars(with = "Status")]
    status: Option<String>,
}

/// `GET /admin/users`
///
/// Lists the accounts, newest first.
///
/// For moderators and admins. Nobody's e-mail address is shown, and no account that was deleted.
pub(super) async fn list_accounts(
    app: App,
    moderator: Moderator,
    known: IfNoneMatch,
    Query(query): Query<AccountsQuery>,
) -> Result<Response, Error> {
    let picked = Picked::parse(query.username.as_deref(), query.status.as_deref())?;
    let list = List::from("admin/users")
        .selected_by("username", picked.username.as_deref())
        .selected_by("status", picked.status.map(Status::as_str));
    let request = PageQuery::new(query.limit, query.cursor).parse(list, app.secret_keys())?;
    let accounts = store::list(&moderator, &picked, &request);
    Ok(app.page(&request, accounts).await?.show(&request, &known))
}

/// `PATCH /admin/users/{username}`
///
/// Changes an account's role, status or plan.
///
/// For admins. It acts on the account's very next request, and what of it changes anything is in the
/// audit log. What is left out stays as it is. With `If-Match` it is changed only if nobody else has
/// changed it since it was read. A change that would leave no active admin is refused.
pub(super) async fn change_standing(
    app: App,
    admin: Admin,
    Extension(cause): Extension<Arc<Exchange>>,
    seen: IfMatch,
    Path(username): Path<String>,
    Json(request): Json<ChangeStandingRequest>,
) -> Result<Response, Error> {
    let new = request.parse()?;
    let event = |kind| Event::new(&app, &cause, kind);
    let events = Events {
        role: event(Kind::RoleChanged),
        status: event(Kind::StatusChanged),
        plan: event(Kind::PlanChanged),
    };
    let (username, versions) = (fold_case(&username), seen.versions());
    let (batch, changed, account) =
        store::change_standing(&admin, &username, new, versions.as_deref(), &events);
    let outcome = app.run(batch).await?;
    if outcome.changes(changed)? == 0 {
        return Err(Error::PreconditionFailed);
    }
    let account = outcome.first(&account)?.ok_or(Error::NotFound)?;
    Ok(IfNoneMatch::default().show(account.version, &account))
}
