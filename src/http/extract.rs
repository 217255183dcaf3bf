//! Extractors that refuse with Kith's own errors: JSON bodies, path parameters, query strings.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body::{Body, DISCARD_LIMIT, JsonBody};
use super::negotiation::is_json;
use super::problem::Refusal;
use crate::error::{Code, Error, Rule};
use crate::platform::Objects;

/// A JSON body of type `T`.
///
/// Refuses with 415 another type, 413 a larger body than [`JsonBody::LIMIT`], 400 broken syntax (nesting
/// deeper than 127 included), 422 what does not fit `T`.
pub struct Json<T>(pub T);

impl<S: Sync, T: JsonBody> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let body = read_json(request, T::LIMIT).await?;
        Ok(Self(parse(&body)?))
    }
}

/// The bytes of a body that says it is JSON, at most `limit` of them.
pub(super) async fn read_json(request: Request, limit: usize) -> Result<Vec<u8>, Refusal> {
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(Refusal::UnsupportedMediaType);
    }
    read(request.into_body(), limit).await
}

/// A body of at most `limit` bytes. Of a larger one the rest is read too, within reason, and thrown
/// away: a client that is still sending would see its connection die instead of the answer.
async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut kept = Vec::new();
    let mut length: usize = 0;
    while let Some(frame) = body.frame().await {
        // The client broke off: what arrived is not JSON, and nobody waits for the answer.
        let frame = frame.map_err(|_| Error::Malformed(Code::MalformedJson))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length > DISCARD_LIMIT {
            break;
        }
        if length <= limit {
            kept.extend_from_slice(&data);
        }
    }
    if length > limit {
        Err(Refusal::PayloadTooLarge)
    } else {
        Ok(kept)
    }
}

/// A JSON text as type `T`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    // The whole syntax first, so that what is no JSON is never called a wrong field; this is also
    // where nesting is limited, because a typed reader skips what it does not know at any depth.
    let value: Value =
        serde_json::from_slice(body).map_err(|_| Error::Malformed(Code::MalformedJson))?;
    if !value.is_object() {
        // A typed reader would take an array for the fields in their order.
        return Err(Error::invalid("", Rule::InvalidType));
    }
    let mut source = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(Objects(&mut source))
        .map_err(|error| misfit(&error, Rule::InvalidType))
}

/// What does not fit the type asked for: a field it does not have, or one that breaks `rule`.
fn misfit<E: Display>(error: &serde_path_to_error::Error<E>, rule: Rule) -> Error {
    let unknown = error.inner().to_string().starts_with("unknown field");
    let rule = if unknown { Rule::UnknownField } else { rule };
    Error::invalid(pointer(error.path()), rule)
}

/// An RFC 6901 pointer from the path to the value that does not fit.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;

    path.iter().fold(String::new(), |mut pointer, segment| {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => {}
        }
        pointer
    })
}

/// The one parameter of a route's path, of type `T`.
///
/// A text that is no `T` names nothing, so it is refused with 404, like a `T` that nothing has.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            // The path holds bytes that are not UTF-8.
            .map_err(|_| Error::NotFound)?;
        let value = params
            .iter()
            .next()
            .and_then(|(_, value)| value.parse().ok());
        value.map(Self).ok_or_else(|| Error::NotFound.into())
    }
}

/// The query string as type `T`, whose fields are all optional texts.
///
/// Refuses unknown and repeated parameters with 422, so that a typo is never silently lost.
pub struct Query<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        let source = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(source)
            .map(Self)
            .map_err(|error| misfit(&error, Rule::InvalidValue).into())
    }
}
