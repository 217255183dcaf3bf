//! Request and response bodies, and the limit they are read under.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

pub use axum::body::Body;

/// The largest JSON body Kith reads, in bytes. The largest legitimate one is a caption of 2,200
/// characters, escaped: 26 KiB.
pub const JSON_LIMIT: usize = 64 * 1024;

/// How much of a body that is too large is read to be thrown away, in bytes.
pub const DISCARD_LIMIT: usize = 4 * 1024 * 1024;

/// The length the client declares, if it declares one.
#[must_use]
pub fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
