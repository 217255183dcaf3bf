//! `Idempotency-Key`: a request that creates something, sent twice with the same key, creates it once.
//!
//! Invariants: the key is looked up and the answer recorded in the batch of the effect, so that of any
//! number of requests one has it and the others answer what it answered; a key belongs to its account
//! and to one request, for a day; only what succeeded is recorded.

mod store;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::body::JsonBody;
use super::extract::{parse, read_json};
use super::forget::forget;
use super::headers::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use super::problem::Refusal;
use super::rate_limit::Attempt;
use super::respond::created;
use crate::error::{Code, Error};
use crate::platform::{Abort, Batch, Database, DatabaseError, Outcome, Rows};
use crate::time::Timestamp;
use crate::viewer::Viewer;

pub use store::Recorded;
pub(crate) use store::record_answer;

/// The longest key, in characters.
const MAX_LENGTH: usize = 255;

/// A key as the client sent it, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    /// SHA-256 of method, path, query and body.
    fingerprint: String,
}

/// A JSON body of type `T` that asks to create something, and the key it may bear.
///
/// Refuses as [`Json`](super::extract::Json) does, and with 400 a key of another form.
pub struct Creation<T> {
    /// What to create.
    pub request: T,
    /// The key, if the client sent one.
    pub key: Option<IdempotencyKey>,
}

impl<S: Sync, T: JsonBody> FromRequest<S> for Creation<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let text = sent_key(request.headers())?;
        let mut hash = Sha256::new();
        hash.update(request.method().as_str());
        hash.update(" ");
        hash.update(
            request
                .uri()
                .path_and_query()
                .map_or("", PathAndQuery::as_str),
        );
        hash.update("\n");
        let body = read_json(request, T::LIMIT).await?;
        hash.update(&body);
        let key = text.map(|key| IdempotencyKey {
            key,
            fingerprint: URL_SAFE_NO_PAD.encode(hash.finalize()),
        });
        Ok(Self {
            request: parse(&body)?,
            key,
        })
    }
}

/// The key of a request: a string in quotes, as the standard to come has it, or bare, as others do.
fn sent_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let malformed = || Error::Malformed(Code::MalformedIdempotencyKey);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed());
    }
    let text = value.to_str().map_err(|_| malformed())?.trim();
    let text = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted).ok_or_else(malformed)?,
        None => text.to_owned(),
    };
    let fits = (1..=MAX_LENGTH).contains(&text.len());
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (fits && printable)
        .then_some(Some(text))
        .ok_or_else(malformed)
}

/// What stands between quotes, of which the first is gone (RFC 9651, section 3.3.3).
fn unquote(text: &str) -> Option<String> {
    let mut rest = text.chars();
    let mut unquoted = String::new();
    loop {
        match rest.next()? {
            '"' => break,
            '\\' => match rest.next()? {
                escaped @ ('"' | '\\') => unquoted.push(escaped),
                _ => return None,
            },
            plain => unquoted.push(plain),
        }
    }
    rest.as_str().is_empty().then_some(unquoted)
}

/// Where in its batch the row of a new thing stands.
pub enum NewRow<T> {
    /// A query for the row.
    Plain(Rows<T>),
    /// The record of it, under the request's key.
    Recorded(Rows<Recorded>),
}

/// Something that was created, now or by the same request before.
pub struct Created<T> {
    /// As it was then.
    pub value: T,
    /// What the batch did that created it; none where it was created before.
    pub outcome: Option<Outcome>,
}

impl<T: Serialize> Created<T> {
    /// 201 with `value`, which is to be found at `location`.
    pub fn at(&self, location: &str) -> Response {
        let mut response = created(location, &self.value).into_response();
        if self.outcome.is_none() {
            let headers = response.headers_mut();
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Runs the batch that creates something. If the viewer's key was used for it before, answers what was
/// answered then, which takes one more trip.
///
/// # Errors
/// [`Code::IdempotencyKeyReused`] for another request under the same key; else as the batch fails.
pub async fn commit<T: DeserializeOwned>(
    database: &dyn Database,
    viewer: &Viewer,
    key: Option<&IdempotencyKey>,
    batch: Batch,
    row: &NewRow<T>,
    now: Timestamp,
) -> Result<Created<T>, Error> {
    match (batch.run(database).await, key) {
        (Err(DatabaseError::Aborted(Abort::IdempotencyHit)), Some(key)) => {
            replay(database, viewer, key, now).await
        }
        (ran, _) => read_new(ran?, row),
    }
}

/// As [`commit`], for a batch that also counts what it creates. What is answered once more is not counted.
///
/// # Errors
/// As [`commit`], and [`Error::TooManyRequests`] if a quota is used up.
pub async fn commit_counted<T: DeserializeOwned>(
    database: &dyn Database,
    viewer: &Viewer,
    key: Option<&IdempotencyKey>,
    (batch, row): (Batch, &NewRow<T>),
    counted: &Attempt,
    now: Timestamp,
) -> Result<Created<T>, Error> {
    match (batch.run(database).await, key) {
        (Err(DatabaseError::Aborted(Abort::IdempotencyHit)), Some(key)) => {
            replay(database, viewer, key, now).await
        }
        (ran, _) => read_new(counted.settle(ran)?, row),
    }
}

/// What the batch has created.
fn read_new<T: DeserializeOwned>(outcome: Outcome, row: &NewRow<T>) -> Result<Created<T>, Error> {
    let value = match row {
        NewRow::Plain(rows) => outcome.first(rows)?,
        NewRow::Recorded(rows) => outcome
            .first(rows)?
            .map(|recorded| recorded.read())
            .transpose()?,
    };
    let value = value.ok_or_else(|| Error::internal("what was created cannot be seen"))?;
    Ok(Created {
        value,
        outcome: Some(outcome),
    })
}

/// Forgets keys that are a day old.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep(database: &dyn Database, now: Timestamp) -> Result<(), Error> {
    forget(database, store::SWEEP_LIMIT, || store::sweep(now)).await
}

async fn replay<T: DeserializeOwned>(
    database: &dyn Database,
    viewer: &Viewer,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Created<T>, Error> {
    let (batch, row) = store::find(viewer, key, now);
    let outcome = batch.run(database).await?;
    // It was there a moment ago. Asked again, the request will find what is so by then.
    let found = outcome.first(&row)?.ok_or_else(|| Error::Unavailable {
        code: Code::DependencyUnavailable,
        source: "an idempotency key was forgotten between two trips".to_owned(),
    })?;
    if found.fingerprint != key.fingerprint {
        return Err(Error::Unprocessable(Code::IdempotencyKeyReused));
    }
    Ok(Created {
        value: found.recorded.read()?,
        outcome: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &'static str) -> Result<Option<String>, ()> {
        let value = HeaderValue::from_static(value);
        sent_key(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, value)])).map_err(|_| ())
    }

    #[test]
    fn a_key_is_the_same_in_quotes_and_bare() {
        assert_eq!(key("\"k-1\""), Ok(Some("k-1".to_owned())));
        assert_eq!(key(" k-1 "), Ok(Some("k-1".to_owned())));
        assert_eq!(key(r#""a \"b\" \\""#), Ok(Some(r#"a "b" \"#.to_owned())));
        assert_eq!(sent_key(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn a_key_of_another_form_is_refused() {
        for value in ["", "\"\"", "\"k", "\"k\"x", "\"k\\x\"", "a\tb"] {
            assert_eq!(key(value), Err(()), "{value}");
        }
        let long = |length: usize| {
            let value = HeaderValue::from_str(&"k".repeat(length)).unwrap();
            sent_key(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, value)])).is_ok()
        };
        assert!(long(255));
        assert!(!long(256));
    }
}
