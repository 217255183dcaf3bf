//! The headers of Kith's own, and those that every answer bears.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

/// Names a request, from the edge to the last delivery it causes.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// W3C Trace Context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Names what is to be created, so that the same request sent again creates nothing.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is that of the same request before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The client's address, which the platform writes over whatever the client sent.
pub const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// The limits that the request is subject to.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is left of those that are counted exactly.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Names the state of the database that a write has made, for reads to come.
pub const D1_BOOKMARK: HeaderName = HeaderName::from_static("d1-bookmark");

/// How long the answer took, and how long of that the database.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What the answer cost.
pub const KITH_COST: HeaderName = HeaderName::from_static("kith-cost");

/// Adds what every answer bears. An answer that says itself how it may be cached keeps that.
pub fn add_common(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    );
    headers.insert(
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=63072000; includeSubDomains"),
    );
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
}
