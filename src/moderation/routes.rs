//! `POST /reports`, `GET /admin/reports`, `POST /admin/reports/{id}/resolve`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::{get, post};
use schemars::JsonSchema;
use serde::Deserialize;

use super::rules::{ReportRequest, ReportStatus, ResolveRequest};
use super::store::{self, Effects};
use crate::app::App;
use crate::audit::{Event, Kind};
use crate::error::Error;
use crate::http::api;
use crate::http::body::JsonBody;
use crate::http::conditional::IfNoneMatch;
use crate::http::exchange::Exchange;
use crate::http::extract::{Json, Path, Query};
use crate::http::idempotency::{self, Creation};
use crate::http::pagination::{self, List, Page, PageQuery};
use crate::http::rate_limit::{Limit, Limiter};
use crate::http::respond::json;
use crate::id::ReportId;
use crate::posts::Removal;
use crate::viewer::{Moderator, Viewer};

/// The routes of moderation.
pub fn router() -> Router {
    Router::new()
        .route(api!("/reports"), post(create_report))
        .route(api!("/admin/reports"), get(list_reports))
        .route(api!("/admin/reports/{id}/resolve"), post(resolve_report))
}

impl JsonBody for ReportRequest {
    const LIMIT: usize = 32 * 1024;
}

impl JsonBody for ResolveRequest {
    const LIMIT: usize = 32 * 1024;
}

/// `POST /reports`
///
/// Reports a post or a person to the moderators.
///
/// Only what the one who reports can see, or could if they blocked nobody, and nothing of their own. Whoever reports the same again before it is
/// resolved gets the report that there is. `Location` names the report as moderators resolve it.
pub(super) async fn create_report(
    app: App,
    viewer: Viewer,
    limiter: Limiter,
    Creation { request, key }: Creation<ReportRequest>,
) -> Result<Response, Error> {
    let report = request.parse()?;
    let now = app.now();
    let id = ReportId::generate(app.ports().clock.as_ref(), app.ports().random.as_ref());
    let subject = viewer.user_id().to_string();
    let (batch, row, counted) = store::report(
        &viewer,
        &id,
        &report,
        key.as_ref(),
        |batch| limiter.count(batch, now, [(Limit::ReportAccount, subject)]),
        now,
    );
    let (database, counted) = (app.ports().database.as_ref(), counted?);
    let created = (batch, &row);
    let report =
        idempotency::commit_counted(database, &viewer, key.as_ref(), created, &counted, now)
            .await?;
    Ok(report.at(&format!(api!("/admin/reports/{}"), report.value.id)))
}

/// The query string of the list of reports.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportsQuery {
    #[schemars(with = "pagination::Limit")]
    limit: Option<pagination::Limit>,
    #[schemars(with = "pagination::Cursor")]
    cursor: Option<pagination::Cursor>,
    /// Only those of this status; what is open unless said otherwise.
    #[schemars(with = "ReportStatus")]
    status: Option<String>,
}

/// `GET /admin/reports`
///
/// Lists what people have reported, newest first.
///
/// For moderators and admins. It shows what is reported even where it is hidden otherwise.
pub(super) async fn list_reports(
    app: App,
    moderator: Moderator,
    known: IfNoneMatch,
    Query(query): Query<ReportsQuery>,
) -> Result<Response, Error> {
    let status = ReportStatus::picked(query.status.as_deref())?;
    let list = List::from("admin/reports").selected_by("status", Some(status.as_str()));
    let request = PageQuery::new(query.limit, query.cursor).parse(list, app.secret_keys())?;
    let (batch, rows) = store::list(&moderator, status, &request);
    let rows = app.run(batch).await?.rows(&rows)?;
    let page = Page::from_visible(rows, None, &request, app.secret_keys());
    Ok(page.show(&request, &known))
}

/// `POST /admin/reports/{id}/resolve`
///
/// Resolves a report: once, and with effect at once.
///
/// For moderators and admins. Moderators suspend plain users only, and nobody suspends themselves. Whoever is
/// warned, or has a post removed, is told; who resolved the report is in the audit log.
pub(super) async fn resolve_report(
    app: App,
    moderator: Moderator,
    Extension(cause): Extension<Arc<Exchange>>,
    Path(report): Path<ReportId>,
    Json(request): Json<ResolveRequest>,
) -> Result<Response, Error> {
    let resolution = request.parse()?;
    let event = |kind| Event::new(&app, &cause, kind);
    let effects = Effects {
        resolved: event(Kind::ReportResolved),
        suspended: event(Kind::StatusChanged),
        removal: Removal::new(&app, &cause),
    };
    let (batch, row, jobs) = store::resolve(&moderator, &report, &resolution, effects, app.now());
    let outcome = app.run(batch).await?;
    for job in jobs {
        job.wake(&app, &outcome)?;
    }
    Ok(json(&outcome.first(&row)?.ok_or(Error::NotFound)?))
}
