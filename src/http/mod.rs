//! What crosses all routes: the pipeline, the extractors, how errors look, how lists page.
//!
//! Knows no slice. A slice's `routes.rs` takes its extractors from here and returns plain values.

pub mod body;
pub mod bookmark;
pub mod conditional;
pub mod cors;
pub mod exchange;
pub mod extract;
pub mod forget;
pub mod headers;
pub mod idempotency;
pub mod negotiation;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod pagination;
pub mod pipeline;
pub mod problem;
pub mod rate_limit;
pub mod respond;

/// Joins the base path of the API (`/api/v1`) with a route's own.
macro_rules! api {
    ($path:literal) => {
        concat!("/api/v1", $path)
    };
}
pub(crate) use api;
pub(crate) use forget::forget;
