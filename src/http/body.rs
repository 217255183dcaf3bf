//! Request and response bodies, and the limits they are read under.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use serde::de::DeserializeOwned;

pub use axum::body::Body;

/// What a route reads as JSON.
pub trait JsonBody: DeserializeOwned {
    /// The largest body of it that is read, in bytes: room for the largest legitimate one with each of
    /// its characters escaped, which takes up to 12 bytes a character, and as much again.
    const LIMIT: usize;
}

/// A body that says it is no longer than this, in bytes, is read at once; another piece by piece.
pub const READ_AT_ONCE: usize = 64 * 1024;

/// How much of a body that is too large is read to be thrown away, in bytes.
pub const DISCARD_LIMIT: usize = 4 * 1024 * 1024;

/// The length the client declares, if it declares one.
#[must_use]
pub fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
