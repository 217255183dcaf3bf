//! The identity of one request and its answer: what ties its log lines and its jobs together.

use std::fmt::Write;
use std::sync::OnceLock;

use http::HeaderMap;

use super::headers::{TRACEPARENT, X_REQUEST_ID};
use super::rate_limit::{Told, client_address};
use crate::platform::Ports;
use crate::time::Timestamp;

/// One request on its way through the pipeline. Extractors note in it what they learn.
#[derive(Debug)]
pub struct Exchange {
    /// The client's `X-Request-Id` if it sent a proper one, else made here.
    pub request_id: String,
    /// The trace this request belongs to: 32 hexadecimal digits.
    pub trace_id: String,
    /// This request's own span in it: 16 hexadecimal digits.
    pub span_id: String,
    /// The trace flags, as received: 2 hexadecimal digits.
    trace_flags: String,
    /// When it arrived.
    pub started: Timestamp,
    /// The client's address as limits tell clients apart. For no log and no table.
    pub client_address: String,
    /// What the answer says of limits.
    pub told: Told,
    /// The pattern of the route taken, noted by the extractor of the App.
    pub route: OnceLock<String>,
    /// The account behind it, noted by the extractor of the viewer.
    pub user_id: OnceLock<String>,
}

impl Exchange {
    /// The exchange that `headers` begin.
    #[must_use]
    pub fn begin(headers: &HeaderMap, ports: &Ports) -> Self {
        // Request id, trace and span from one draw: each costs a call across the border.
        let mut drawn = [0; 40];
        ports.random.fill(&mut drawn);
        let drawn = hexadecimal(&drawn);
        let (request_id, rest) = drawn.split_at(32);
        let (trace_id, span_id) = rest.split_at(32);
        let (trace_id, trace_flags) =
            continued_trace(headers).unwrap_or_else(|| (trace_id.to_owned(), "00".to_owned()));
        Self {
            request_id: given_request_id(headers).unwrap_or_else(|| request_id.to_owned()),
            trace_id,
            span_id: span_id.to_owned(),
            trace_flags,
            started: ports.clock.now(),
            client_address: client_address(headers),
            told: Told::default(),
            route: OnceLock::new(),
            user_id: OnceLock::new(),
        }
    }

    /// The `traceparent` of this request's span.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.trace_id, self.span_id, self.trace_flags)
    }
}

/// A client's id is kept only if it cannot disturb a log line or a header.
fn given_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let proper = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    proper.then(|| id.to_owned())
}

/// Trace id and flags of a valid `traceparent` (W3C Trace Context, section 3.2.2).
fn continued_trace(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut fields = value.split('-');
    let (version, trace, parent, flags) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let last = fields.next().is_none();
    let valid = is_hexadecimal(version, 2)
        && version != "ff"
        && (last || version != "00")
        && is_hexadecimal(trace, 32)
        && trace.bytes().any(|byte| byte != b'0')
        && is_hexadecimal(parent, 16)
        && parent.bytes().any(|byte| byte != b'0')
        && is_hexadecimal(flags, 2);
    valid.then(|| (trace.to_owned(), flags.to_owned()))
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(
        String::with_capacity(bytes.len().saturating_mul(2)),
        |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_valid_trace_is_continued() {
        let headers = with(
            TRACEPARENT,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        assert_eq!(
            continued_trace(&headers),
            Some(("4bf92f3577b34da6a3ce929d0e0e4736".into(), "01".into()))
        );
    }

    #[test]
    fn a_trace_that_breaks_the_standard_is_not_continued() {
        for value in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(continued_trace(&with(TRACEPARENT, value)), None, "{value}");
        }
    }

    #[test]
    fn a_request_id_that_could_disturb_a_log_is_replaced() {
        assert_eq!(
            given_request_id(&with(X_REQUEST_ID, "a-1.B_2")),
            Some("a-1.B_2".into())
        );
        for value in ["", "a b", "a\"b", "{}"] {
            assert_eq!(
                given_request_id(&with(X_REQUEST_ID, value)),
                None,
                "{value}"
            );
        }
    }
}
