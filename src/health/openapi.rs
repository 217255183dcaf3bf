//! What the document says of health beyond its handlers' signatures.

use http::StatusCode;

use super::routes::{Liveness, Readiness, get_health, get_readiness};
use crate::error::Code;
use crate::http::openapi::{Answer, Document, Operation};

/// The media type of the answers.
const HEALTH_JSON: &str = "application/health+json";

/// Adds the slice's operations. They answer in maintenance too, and fail with nobody.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get("/health", get_health)
            .answers(Answer::new(StatusCode::OK, "It answers.").bearing::<Liveness>(HEALTH_JSON)),
        Operation::get("/health/ready", get_readiness)
            .answers(Answer::new(StatusCode::OK, "It can serve.").bearing::<Readiness>(HEALTH_JSON))
            .answers(
                Answer::new(StatusCode::SERVICE_UNAVAILABLE, "It cannot serve.")
                    .bearing::<Readiness>(HEALTH_JSON)
                    .header("Retry-After"),
            ),
    ]
    .map(|operation| {
        operation
            .never(Code::Maintenance)
            .never(Code::DependencyUnavailable)
    });
    document.slice(
        "health",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
