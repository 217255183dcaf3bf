//! Typed values as answers.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde::Serialize;

use crate::error::Error;

/// 200 with `value` as JSON.
pub fn json<T: Serialize>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (
            [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body,
        )
            .into_response(),
        Err(error) => Error::internal(error).into_response(),
    }
}

/// 201 with `value` as JSON, which is now to be found at `location`.
pub fn created<T: Serialize>(location: &str, value: &T) -> Response {
    let mut response = json(value);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::CREATED;
        // A path of Kith's own making: ASCII.
        if let Ok(location) = HeaderValue::from_str(location) {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    response
}
