//! The port for the key–value store, which holds only what may be a minute old.

use std::fmt;

use super::BoxFuture;

/// The store did not answer; the text is the platform's, for the log.
#[derive(Clone, Debug)]
pub struct KeyValueError(pub String);

impl fmt::Display for KeyValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key-value store: {}", self.0)
    }
}

/// Reads values, up to 60 s stale. Every caller works without it.
pub trait KeyValue: Send + Sync {
    /// The value of `key`, if it has one.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>>;
}
