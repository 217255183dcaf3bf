//! What an answer says of limits: `RateLimit-Policy` and `RateLimit`, structured fields as
//! draft-ietf-httpapi-ratelimit-headers-10 has them.

use std::fmt::{self, Display, Write};
use std::sync::{Mutex, PoisonError};

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::policy::Policy;
use crate::http::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// What one request has met on its way: noted by whoever counts, told by the pipeline.
#[derive(Debug, Default)]
pub struct Told(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    policies: Vec<Policy>,
    counters: Vec<Counter>,
}

/// What an exact counter says.
#[derive(Clone, Copy, Debug)]
struct Counter {
    name: &'static str,
    left: u32,
    /// Seconds until there is a new quota.
    resets_in: u32,
}

/// Its entry in `RateLimit`.
impl Display for Counter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, left, seconds) = (self.name, self.left, self.resets_in);
        write!(formatter, "\"{name}\";r={left};t={seconds}")
    }
}

impl Told {
    /// The request is subject to `policy`.
    pub(super) fn policy(&self, policy: Policy) {
        self.with(|entries| entries.policies.push(policy));
    }

    /// The counter of `policy` has so many `left`.
    pub(super) fn counter(&self, policy: Policy, left: u32, resets_in: u32) {
        self.with(|entries| {
            entries.counters.push(Counter {
                name: policy.name,
                left,
                resets_in,
            });
        });
    }

    /// The counter of `policy` has one more left than was noted.
    pub(super) fn given_back(&self, policy: Policy) {
        self.with(|entries| {
            let mut counters = entries.counters.iter_mut();
            if let Some(counter) = counters.find(|counter| counter.name == policy.name) {
                counter.left = counter.left.saturating_add(1);
            }
        });
    }

    /// Adds the headers.
    pub fn add(&self, headers: &mut HeaderMap) {
        self.with(|entries| {
            insert(headers, RATE_LIMIT_POLICY, &entries.policies);
            insert(headers, RATE_LIMIT, &entries.counters);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Entries) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A list as RFC 9651, section 3.1, writes it; nothing for an empty one.
fn insert(headers: &mut HeaderMap, name: HeaderName, entries: &[impl Display]) {
    let mut list = String::new();
    for entry in entries {
        let comma = if list.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(list, "{comma}{entry}");
    }
    // ASCII of Kith's own making.
    if let (false, Ok(list)) = (list.is_empty(), HeaderValue::from_str(&list)) {
        headers.insert(name, list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_told_as_two_lists() {
        let policy = |name, quota| Policy {
            name,
            quota,
            window: 60,
        };
        let told = Told::default();
        let mut headers = HeaderMap::new();
        told.add(&mut headers);
        assert!(headers.is_empty());
        told.policy(policy("address", 600));
        told.policy(policy("sign-in-name", 5));
        told.counter(policy("sign-in-name", 5), 3, 41);
        told.given_back(policy("sign-in-name", 5));
        told.add(&mut headers);
        assert_eq!(
            headers[RATE_LIMIT_POLICY],
            "\"address\";q=600;w=60, \"sign-in-name\";q=5;w=60"
        );
        assert_eq!(headers[RATE_LIMIT], "\"sign-in-name\";r=4;t=41");
    }
}
