//! `GET /health`, `GET /health/ready`.

use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::flags;
use crate::http::respond::json;
use crate::jobs;

/// A job that waits longer than this past its time says that neither the queue nor the sweep works.
const LATE: Duration = Duration::from_mins(10);

/// The routes of health. They have no base path, because they belong to the deployment and not to a
/// version of the API.
pub fn router() -> Router {
    Router::new()
        .route("/health", get(get_health))
        .route("/health/ready", get(get_readiness))
}

/// The state of a thing, in the words of `application/health+json`.
#[derive(Clone, Copy, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthStatus")]
enum Status {
    /// It works.
    Pass,
    /// Kith works without it, but someone should look.
    Warn,
    /// Kith does not work without it.
    Fail,
}

/// Whether Kith answers.
#[derive(JsonSchema, Serialize)]
pub(super) struct Liveness {
    status: Status,
}

/// Whether Kith can serve, and what it depends on.
#[derive(JsonSchema, Serialize)]
pub(super) struct Readiness {
    status: Status,
    checks: Checks,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "HealthChecks")]
struct Checks {
    /// How long the database takes to answer.
    #[serde(rename = "d1:responseTime")]
    database: [Check; 1],
    /// How long the key–value store takes to answer.
    #[serde(rename = "kv:responseTime")]
    key_value: [Check; 1],
    /// How long the oldest job that is due has waited.
    #[serde(rename = "jobs:backlogAge")]
    jobs: [Check; 1],
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "HealthCheck")]
struct Check {
    status: Status,
    /// Absent where nothing answered.
    #[serde(rename = "observedValue", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0), example = 4)]
    value: Option<i64>,
    #[serde(rename = "observedUnit")]
    #[schemars(extend("const" = "ms"))]
    unit: &'static str,
}

/// `GET /health`
///
/// Says that Kith answers.
///
/// It asks nothing of anyone.
pub(super) async fn get_health(_: App) -> Response {
    health_json(
        StatusCode::OK,
        &Liveness {
            status: Status::Pass,
        },
    )
}

/// `GET /health/ready`
///
/// Says whether Kith can serve.
///
/// Without its database it cannot. Without the key–value store, or with jobs that are late, it can, but
/// someone should look.
pub(super) async fn get_readiness(app: App) -> Response {
    // One question asks the database both whether it answers and how late the jobs are.
    let asked = app.now();
    let backlog = jobs::backlog(&app).await.ok();
    let answered = app.now();
    let key_value = flags::read(app.ports()).await;
    let told = app.now();

    let database = if backlog.is_some() {
        Status::Pass
    } else {
        Status::Fail
    };
    let jobs = match backlog {
        Some(backlog) if backlog < LATE => Status::Pass,
        _ => Status::Warn,
    };
    let readiness = Readiness {
        status: if database == Status::Fail {
            Status::Fail
        } else {
            Status::Pass
        },
        checks: Checks {
            database: [Check {
                status: database,
                value: backlog.map(|_| answered.millis_since(asked)),
                unit: "ms",
            }],
            key_value: [Check {
                status: if key_value.is_some() {
                    Status::Pass
                } else {
                    Status::Warn
                },
                value: key_value.map(|_| told.millis_since(answered)),
                unit: "ms",
            }],
            jobs: [Check {
                status: jobs,
                value: backlog.and_then(|age| i64::try_from(age.as_millis()).ok()),
                unit: "ms",
            }],
        },
    };
    if readiness.status == Status::Fail {
        let mut response = health_json(StatusCode::SERVICE_UNAVAILABLE, &readiness);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("10"));
        return response;
    }
    health_json(StatusCode::OK, &readiness)
}

fn health_json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let mut response = json(value);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/health+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
