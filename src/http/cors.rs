//! Cross-origin requests (the Fetch standard, section 3.2): which pages of other origins may call Kith
//! from a browser, and what they may read.
//!
//! An access token travels in a header that no browser sends by itself, so there are no credentials to
//! guard here, and `Access-Control-Allow-Credentials` is never answered.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, StatusCode};

use super::body::Body;
use crate::origins::AllowedOrigins;

/// The methods that a page may use.
const METHODS: &str = "GET,HEAD,POST,PUT,PATCH,DELETE";

/// The headers that a page may send besides those that any may.
const REQUEST_HEADERS: &str = "authorization,content-type,d1-bookmark,idempotency-key,if-match,\
                               if-none-match,traceparent,x-request-id";

/// The headers that a page may read besides those that any may.
const ANSWER_HEADERS: &str = "allow,d1-bookmark,etag,idempotent-replayed,kith-cost,link,location,\
                              ratelimit,ratelimit-policy,retry-after,server-timing,traceparent,\
                              www-authenticate,x-request-id";

/// Seconds for which a browser need not ask again: the most that every browser keeps.
const MAX_AGE: &str = "7200";

/// What a request says of where it comes from.
#[derive(Debug)]
pub(super) struct CrossOrigin {
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl CrossOrigin {
    pub(super) fn of(request: &Request<Body>) -> Self {
        let headers = request.headers();
        let origin = headers.get(ORIGIN).cloned();
        let is_preflight = origin.is_some()
            && request.method() == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self {
            origin,
            is_preflight,
        }
    }

    /// The answer to a preflight, which asks whether a request may be sent. It is the same for every
    /// path, so that the request itself learns of a path that is not there.
    pub(super) fn preflight(&self) -> Option<Response> {
        self.is_preflight
            .then(|| StatusCode::NO_CONTENT.into_response())
    }

    /// Tells a page of an allowed origin what it may do and read, and every cache that this depends
    /// on the origin.
    pub(super) fn permit(&self, origins: &AllowedOrigins, headers: &mut HeaderMap) {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        let allowed =
            |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| origins.allow(origin));
        let Some(origin) = self.origin.as_ref().filter(allowed) else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.is_preflight {
            for (name, value) in [
                (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
                (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
                (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
        } else {
            let exposed = HeaderValue::from_static(ANSWER_HEADERS);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::openapi;

    /// What a browser keeps to itself or obeys without a page's help, and what any page may read.
    const NOT_EXPOSED: [&str; 10] = [
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "cache-control",
        "content-security-policy",
        "strict-transport-security",
        "vary",
        "x-content-type-options",
    ];

    fn names<'a>(list: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        list.into_iter().map(str::to_ascii_lowercase).collect()
    }

    #[test]
    fn a_page_may_read_every_header_there_is_for_it() {
        let mut exposed = names(ANSWER_HEADERS.split(','));
        exposed.extend(names(NOT_EXPOSED));
        assert_eq!(exposed, names(openapi::answered()));
    }

    #[test]
    fn a_page_may_send_every_header_that_is_read() {
        let mut sent = names(REQUEST_HEADERS.split(','));
        for (name, means) in [
            ("authorization", "the security scheme"),
            ("content-type", "the body's"),
        ] {
            assert!(sent.remove(name), "{means}");
        }
        let mut read = names(openapi::read());
        assert!(read.remove("user-agent"), "a browser's own");
        assert_eq!(sent, read);
    }
}
