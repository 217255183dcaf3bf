//! What an answer must be.

use serde_json::{Value, json};

use super::{Caller, Window};
use crate::refresh_tokens::RefreshToken;

/// Stands for a value that cannot be predicted: a token, a text for humans, the time of an answer.
pub const ANYTHING: &str = "<anything>";

/// What an answer must be: the whole of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub status: u16,
    /// The body, to the last field.
    pub body: Value,
    /// Whom the tokens of the answer must speak for.
    pub session: Option<Caller>,
    /// Which refresh token it must bear, where that is known.
    pub refresh_token: Option<Box<RefreshToken>>,
    /// Whether it must say that it was answered before.
    pub replayed: bool,
    /// The window that it says is used up, if nothing opens it again.
    pub closed: Option<Box<Window>>,
}

impl Prediction {
    pub fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            session: None,
            refresh_token: None,
            replayed: false,
            closed: None,
        }
    }

    /// A problem (RFC 9457) with this code.
    pub fn refusal(status: u16, code: &str) -> Self {
        Self::new(
            status,
            json!({
                "type": "about:blank",
                "title": ANYTHING,
                "status": status,
                "detail": ANYTHING,
                "code": code,
                "request_id": ANYTHING,
            }),
        )
    }

    /// 422, because of what stands at `pointer`.
    pub fn invalid(pointer: &str, code: &str) -> Self {
        let mut refusal = Self::refusal(422, "invalid");
        refusal.body["errors"] = json!([
            {"pointer": pointer, "code": code, "detail": ANYTHING},
        ]);
        refusal
    }

    pub fn not_found() -> Self {
        Self::refusal(404, "not_found")
    }
}

/// Compares an answer with what it must be.
///
/// # Errors
/// Where they differ.
pub fn agrees(prediction: &Prediction, status: u16, body: &Value) -> Result<(), String> {
    if prediction.status == status && is_as_expected(body, &prediction.body) {
        return Ok(());
    }
    Err(format!(
        "answered {status} {body}, where {} {} was right",
        prediction.status, prediction.body
    ))
}

/// Whether two values are equal, but for what stands for anything.
fn is_as_expected(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            actual.len() == expected.len()
                && expected.iter().all(|(key, expected)| {
                    let actual = actual.get(key);
                    actual.is_some_and(|actual| is_as_expected(actual, expected))
                })
        }
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual
                    .iter()
                    .zip(expected)
                    .all(|(actual, expected)| is_as_expected(actual, expected))
        }
        _ if expected == ANYTHING => !actual.is_null(),
        _ => actual == expected,
    }
}
