//! Conditional requests (RFC 9110, section 13): entity tags of lists and of single resources.
//!
//! The tag of a list is weak, and the hash of the answer's bytes or, where the list has one, its version.
//! The tag of a single resource is strong, `"<version>.<hash>"`: the version grows with every change of the
//! resource itself. So what is read is compared whole, and what is to be changed by its version only:
//! somebody else's like is no conflict.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use http::request::Parts;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Bytes of the hash in a tag: nobody has two answers of one version with the same by chance.
const HASH_LENGTH: usize = 12;

/// What the client says it has: `If-None-Match`.
#[derive(Debug, Default)]
pub struct IfNoneMatch(Tags);

/// What the client says it changes: `If-Match`, for a resource whose tags hold its version.
#[derive(Debug)]
pub struct IfMatch(Option<Tags>);

/// The entity tags of a header. The form is not enforced: what is no tag of Kith's matches nothing.
#[derive(Debug, Default)]
struct Tags {
    /// `*`, which stands for whatever there is.
    any: bool,
    /// Each with whether it is weak, without `W/` and quotes.
    listed: Vec<(bool, String)>,
}

impl Tags {
    /// `None` without the header.
    fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut tags = Self::default();
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        let listed = values.filter_map(|value| value.to_str().ok());
        for tag in listed.flat_map(|value| value.split(',')).map(str::trim) {
            if tag == "*" {
                tags.any = true;
                continue;
            }
            let strong = tag.strip_prefix("W/");
            let opaque = strong.unwrap_or(tag).strip_prefix('"');
            if let Some(opaque) = opaque.and_then(|tag| tag.strip_suffix('"')) {
                tags.listed.push((strong.is_some(), opaque.to_owned()));
            }
        }
        Some(tags)
    }
}

impl IfNoneMatch {
    /// The tags as versions of a list, which hold no space: a tag that does is none of Kith's. So a
    /// handler can ask the database for rows only if the version is none of these.
    #[must_use]
    pub fn versions(&self) -> Vec<&str> {
        let opaque = self.0.listed.iter().map(|(_, opaque)| opaque.as_str());
        opaque.filter(|tag| !tag.contains(' ')).collect()
    }

    /// Whether the client has what this tag stands for. Weak and strong are the same here (RFC 9110,
    /// section 13.1.2).
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        self.0.any || self.0.listed.iter().any(|(_, opaque)| opaque == tag)
    }

    /// 200 with a single resource as JSON and its tag, or 304 where the client has it.
    pub fn show<T: Serialize>(&self, version: i64, value: &T) -> Response {
        self.answer(value, |hash| (format!("{version}.{hash}"), ""))
    }

    /// 200 with a page of a list as JSON and its tag, or 304 where the client has it. The tag is weak and
    /// is the hash of the answer's bytes.
    pub fn show_list<T: Serialize>(&self, page: &T) -> Response {
        self.answer(page, |hash| (hash, "W/"))
    }

    /// 200 with `value`, or 304. `tag` makes the tag from the answer's hash, and says what stands before
    /// its quotes.
    fn answer<T: Serialize>(
        &self,
        value: &T,
        tag: impl FnOnce(String) -> (String, &'static str),
    ) -> Response {
        let body = match serde_json::to_vec(value) {
            Ok(body) => body,
            Err(error) => return Error::internal(error).into_response(),
        };
        let hash = Sha256::digest(&body);
        let (tag, weak) = tag(URL_SAFE_NO_PAD.encode(hash.split_at(HASH_LENGTH).0));
        let mut response = if self.matches(&tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let json = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, json)], body).into_response()
        };
        let headers = response.headers_mut();
        // A number and base64url: ASCII.
        if let Ok(tag) = HeaderValue::from_str(&format!("{weak}\"{tag}\"")) {
            headers.insert(ETAG, tag);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(ASK_FIRST));
        response
    }
}

/// `Cache-Control` of what has a tag: kept by the client, but never shown without asking.
pub const ASK_FIRST: &str = "private, no-cache";

impl IfMatch {
    /// The versions that may be changed, as a JSON array for the database; `None` for whatever is
    /// there. Weak tags match nothing here (RFC 9110, section 13.1.1).
    #[must_use]
    pub fn versions(&self) -> Option<String> {
        let tags = self.0.as_ref().filter(|tags| !tags.any)?;
        let versions = tags.listed.iter().filter_map(|(weak, opaque)| {
            let (version, _) = opaque.split_once('.')?;
            version.parse::<u32>().ok().filter(|_| !weak)
        });
        let versions: Vec<_> = versions.map(|version| version.to_string()).collect();
        Some(format!("[{}]", versions.join(",")))
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let tags = Tags::read(&parts.headers, &IF_NONE_MATCH);
        Ok(Self(tags.unwrap_or_default()))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Tags::read(&parts.headers, &IF_MATCH)))
    }
}

/// The `ETag` of a list that has a version, at `version`.
#[must_use]
pub fn weak_tag(version: &str) -> String {
    format!("W/\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &HeaderName, value: &'static str) -> Option<Tags> {
        let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
        Tags::read(&headers, name)
    }

    fn if_none_match(value: &'static str) -> IfNoneMatch {
        IfNoneMatch(read(&IF_NONE_MATCH, value).unwrap())
    }

    fn versions(value: &'static str) -> Option<String> {
        IfMatch(read(&IF_MATCH, value)).versions()
    }

    #[test]
    fn the_versions_of_lists_are_read_weak_or_strong() {
        let known = if_none_match("W/\"1.0\", \"2.0\",x,\"a 1.0 b\"");
        assert_eq!(known.versions(), ["1.0", "2.0"]);
    }

    #[test]
    fn what_is_read_is_compared_whole_and_weakly() {
        let known = if_none_match("\"7.abc\", W/\"8.def\"");
        assert!(known.matches("7.abc"));
        assert!(known.matches("8.def"));
        assert!(!known.matches("7.abd"));
        assert!(if_none_match("*").matches("anything"));
        assert!(!IfNoneMatch::default().matches(""));
    }

    #[test]
    fn the_same_answer_has_the_same_tag_and_another_has_not() {
        let tag = |value: &str| {
            let shown = IfNoneMatch::default().show(7, &value);
            shown.headers()[ETAG].to_str().unwrap().to_owned()
        };
        assert_eq!(tag("one"), tag("one"));
        assert_ne!(tag("one"), tag("two"));
        assert!(tag("one").starts_with("\"7."));
    }

    #[test]
    fn what_is_to_be_changed_is_compared_by_its_version() {
        assert_eq!(versions("\"7.abc\", \"9.x\""), Some("[7,9]".to_owned()));
        assert_eq!(versions("*"), None);
        assert_eq!(IfMatch(None).versions(), None);
    }

    #[test]
    fn what_is_no_strong_tag_of_kiths_changes_nothing() {
        for value in [
            "",
            "7.abc",
            "W/\"7.abc\"",
            "\"7\"",
            "\"-7.abc\"",
            "\"7]' or 1.x\"",
        ] {
            assert_eq!(versions(value), Some("[]".to_owned()), "{value}");
        }
    }
}
