//! `GET /admin/audit`.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use schemars::JsonSchema;
use serde::Deserialize;

use super::rules::Picked;
use super::{Kind, store};
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::extract::Query;
use crate::http::pagination::{self, List, PageQuery};
use crate::id::UserId;
use crate::viewer::Admin;

/// The route of the audit log.
pub fn router() -> Router {
    Router::new().route(api!("/admin/audit"), get(list_events))
}

/// The query string of the audit log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    #[schemars(with = "pagination::Limit")]
    limit: Option<pagination::Limit>,
    #[schemars(with = "pagination::Cursor")]
    cursor: Option<pagination::Cursor>,
    /// Only what concerns this account.
    #[schemars(with = "UserId")]
    account: Option<String>,
    /// Only what is of this kind.
    #[schemars(with = "Kind")]
    kind: Option<String>,
}

/// `GET /admin/audit`
///
/// Lists what happened to accounts and sessions, newest first.
///
/// For admins. With `account` or `kind` a page may be short, or empty though more follows: it is looked
/// for among a bounded number of events at a time.
pub(super) async fn list_events(
    app: App,
    admin: Admin,
    known: IfNoneMatch,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Error> {
    let picked = Picked::parse(query.account.as_deref(), query.kind.as_deref())?;
    let list = List::from("admin/audit")
        .selected_by("account", picked.account.as_ref().map(UserId::as_str))
        .selected_by("kind", picked.kind.map(Kind::as_str));
    let request = PageQuery::new(query.limit, query.cursor).parse(list, app.secret_keys())?;
    let events = store::list(&admin, &picked, &request);
    Ok(app.page(&request, events).await?.show(&request, &known))
}
