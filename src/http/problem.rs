//! The one place where an [`Error`] becomes a status and an `application/problem+json` (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::Body;
use crate::error::{Code, Error, Violation};

/// Seconds after which a client may try again when a dependency was down.
const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request was refused: Kith's own errors, and those that exist only in HTTP.
///
/// It travels in the response's extensions until the pipeline renders it, because only the pipeline
/// knows the request's id.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The product says no.
    Error(Error),
    /// The route exists, but not with this method; the router has set `Allow`.
    MethodNotAllowed,
    /// The client takes no JSON, and Kith has nothing else.
    NotAcceptable,
    /// The body is larger than the route reads.
    PayloadTooLarge,
    /// The body is not of the type the route reads.
    UnsupportedMediaType,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Refusal::from(self).into_response()
    }
}

/// The type of the problem that a quota is used up (draft-ietf-httpapi-ratelimit-headers-10, section
/// 5.1), with the title it is registered under.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const QUOTA_EXCEEDED_TITLE: &str =
    "Request cannot be satisfied as assigned quota has been exceeded";

/// The body of an error answer. It never repeats an identifier or a value that the client sent.
#[derive(JsonSchema, Serialize)]
pub(super) struct Problem<'a> {
    /// `about:blank` where `status` and `code` say it all; else the address of what the type of problem
    /// is registered as.
    #[schemars(extend("enum" = ["about:blank", QUOTA_EXCEEDED]))]
    r#type: &'static str,
    /// The type in words; the status in words for `about:blank`.
    title: &'static str,
    /// The status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// One sentence for a developer.
    detail: &'static str,
    code: &'static str,
    /// The request, as in `X-Request-Id` and in the server's log.
    request_id: &'a str,
    /// The rules that the input broke, with the code `invalid` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<BrokenRule<'a>>,
    /// The policy whose quota is used up, by its name in `RateLimit-Policy`, with the code
    /// `too_many_requests` only.
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "[&'static str; 1]")]
    violated_policies: Option<[&'static str; 1]>,
}

/// One entry of a problem's `errors`.
#[derive(JsonSchema, Serialize)]
struct BrokenRule<'a> {
    /// An RFC 6901 pointer into the body; for a query parameter, `/` and its name. Empty when the
    /// input as a whole is meant.
    pointer: &'a str,
    code: &'static str,
    /// One sentence for a developer.
    detail: String,
}

impl<'a> Problem<'a> {
    /// The body of this refusal.
    pub(super) fn of(refusal: &'a Refusal, request_id: &'a str) -> Self {
        let (code, detail) = refusal.text();
        let violated_policies = refusal.violated_policy().map(|policy| [policy]);
        let (r#type, title) = match violated_policies {
            Some(_) => (QUOTA_EXCEEDED, QUOTA_EXCEEDED_TITLE),
            None => ("about:blank", refusal.title()),
        };
        Self {
            r#type,
            title,
            status: refusal.status().as_u16(),
            detail,
            code,
            request_id,
            errors: refusal
                .violations()
                .iter()
                .map(|violation| BrokenRule {
                    pointer: &violation.pointer,
                    code: violation.rule.as_str(),
                    detail: violation.rule.to_string(),
                })
                .collect(),
            violated_policies,
        }
    }
}

impl Refusal {
    /// The HTTP status of each kind of refusal.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Error(error) => match error {
                Error::Malformed(_) => StatusCode::BAD_REQUEST,
                Error::Invalid(_) | Error::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
                Error::Forbidden(_) => StatusCode::FORBIDDEN,
                Error::NotFound => StatusCode::NOT_FOUND,
                Error::Conflict(_) => StatusCode::CONFLICT,
                Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
                Error::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// The status in words.
    pub(super) fn title(&self) -> &'static str {
        self.status().canonical_reason().unwrap_or_default()
    }

    /// The code as the client sees it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.text().0
    }

    /// One sentence for a developer.
    #[must_use]
    pub fn detail(&self) -> &'static str {
        self.text().1
    }

    /// One of each kind whose code is not in [`Code`].
    #[must_use]
    pub fn without_code() -> [Self; 9] {
        [
            Self::Error(Error::Invalid(vec![])),
            Self::Error(Error::NotFound),
            Self::Error(Error::PreconditionFailed),
            Self::Error(Error::TooManyRequests {
                policy: "address",
                retry_after: 60,
            }),
            Self::Error(Error::internal("")),
            Self::MethodNotAllowed,
            Self::NotAcceptable,
            Self::PayloadTooLarge,
            Self::UnsupportedMediaType,
        ]
    }

    /// Code and detail, as documented in `docs/errors.md`.
    fn text(&self) -> (&'static str, &'static str) {
        match self {
            Self::Error(
                Error::Malformed(code)
                | Error::Unauthenticated(code)
                | Error::Forbidden(code)
                | Error::Conflict(code)
                | Error::Unprocessable(code)
                | Error::Unavailable { code, .. },
            ) => (code.as_str(), code.detail()),
            Self::Error(Error::Invalid(_)) => ("invalid", "Some of what was sent breaks a rule."),
            Self::Error(Error::NotFound) => {
                ("not_found", "There is no such thing, or not for you.")
            }
            Self::Error(Error::PreconditionFailed) => (
                "precondition_failed",
                "It has been changed since; read it again.",
            ),
            Self::Error(Error::TooManyRequests { .. }) => (
                "too_many_requests",
                "Too many requests; wait for as long as `Retry-After` says.",
            ),
            Self::Error(Error::Internal { .. }) => {
                ("internal", "Kith has a defect; it was logged.")
            }
            Self::MethodNotAllowed => {
                ("method_not_allowed", "`Allow` lists the methods there are.")
            }
            Self::NotAcceptable => ("not_acceptable", "The answer is `application/json`."),
            Self::PayloadTooLarge => ("payload_too_large", "The body is larger than is read here."),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                "The body must be `application/json`.",
            ),
        }
    }

    fn violations(&self) -> &[Violation] {
        if let Self::Error(Error::Invalid(violations)) = self {
            violations
        } else {
            &[]
        }
    }

    fn violated_policy(&self) -> Option<&'static str> {
        match self {
            Self::Error(Error::TooManyRequests { policy, .. }) => Some(policy),
            _ => None,
        }
    }

    /// What the log line says beyond the status: only what a defect or a dependency said, which
    /// never holds what a client sent.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Error(Error::Internal { source, location }) => {
                Some(format!("{location}: {source}"))
            }
            Self::Error(Error::Unavailable { source, .. }) => Some(source.clone()),
            _ => None,
        }
    }
}

/// Gives a refused answer its body. What the router refused by itself is recognised by its status.
/// Returns why it was refused, for the log line.
pub fn render(response: &mut Response, request_id: &str) -> Option<Refusal> {
    let refusal = match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => refusal,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Refusal::MethodNotAllowed,
        None => return None,
    };
    // A struct of texts and numbers always serialises.
    let body = serde_json::to_vec(&Problem::of(&refusal, request_id)).unwrap_or_default();
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match &refusal {
        Refusal::Error(Error::Unauthenticated(code)) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge(*code)));
        }
        Refusal::Error(Error::TooManyRequests { retry_after, .. }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        Refusal::Error(Error::Unavailable { .. }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        _ => {}
    }
    Some(refusal)
}

/// The challenge of a 401 (RFC 6750, section 3): no error code where no token was sent.
fn challenge(code: Code) -> &'static str {
    match code {
        Code::AuthenticationRequired | Code::InvalidCredentials => "Bearer",
        _ => "Bearer error=\"invalid_token\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a refusal's code is one of [`Code`]. Whoever adds a kind must say it here, and add it
    /// to [`Refusal::without_code`] if it has none.
    fn has_code(refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Error(
                Error::Malformed(_)
                | Error::Unauthenticated(_)
                | Error::Forbidden(_)
                | Error::Conflict(_)
                | Error::Unprocessable(_)
                | Error::Unavailable { .. },
            ) => true,
            Refusal::Error(
                Error::Invalid(_)
                | Error::NotFound
                | Error::PreconditionFailed
                | Error::TooManyRequests { .. }
                | Error::Internal { .. },
            )
            | Refusal::MethodNotAllowed
            | Refusal::NotAcceptable
            | Refusal::PayloadTooLarge
            | Refusal::UnsupportedMediaType => false,
        }
    }

    #[test]
    fn the_refusals_without_a_code_have_one_name_each() {
        let refusals = Refusal::without_code();
        assert!(!refusals.iter().any(has_code));
        let mut codes: Vec<_> = refusals.iter().map(Refusal::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), refusals.len());
    }
}
