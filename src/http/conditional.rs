//! Conditional requests: entity tags of lists.

use http::header::{HeaderMap, IF_NONE_MATCH};

/// The weak entity tags a client says it has (RFC 9110, section 13.1.2), without `W/` and quotes.
///
/// A list's tag is its version, which holds no space: a tag that does is none of Kith's. So
/// a handler can ask the database for rows only if the version is
/// none of these.
#[must_use]
pub fn known_versions(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|tag| {
            let tag = tag.trim();
            tag.strip_prefix("W/")
                .unwrap_or(tag)
                .strip_prefix('"')?
                .strip_suffix('"')
        })
        .filter(|tag| !tag.contains(' '))
        .collect()
}

/// The `ETag` of a list at `version`.
#[must_use]
pub fn weak_tag(version: &str) -> String {
    format!("W/\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn tags_are_read_weak_or_strong_from_a_list() {
        let headers = HeaderMap::from_iter([(
            IF_NONE_MATCH,
            HeaderValue::from_static("W/\"1.0\", \"2.0\",x,\"a 1.0 b\""),
        )]);
        assert_eq!(known_versions(&headers), ["1.0", "2.0"]);
    }
}
