//! The operator's switches, kept in the key–value store: what is changed there holds everywhere
//! within two minutes. Without the store everything is open.
//!
//! The store is asked at most once a minute per isolate, in the background: no request waits for it
//! or pays for it, and the first minute of an isolate knows no flag.

use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::platform::{Level, Ports};
use crate::time::Timestamp;

/// The key that holds all flags, as one JSON object: one read tells all.
pub const KEY: &str = "flags";

/// How long an isolate trusts what it has read.
const FRESH: Duration = Duration::from_mins(1);

/// The switches.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Flags {
    /// Whether new accounts may register.
    pub registration_open: bool,
    /// Whether everything but health answers 503.
    pub maintenance: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            registration_open: true,
            maintenance: false,
        }
    }
}

/// What an isolate knows of the flags: plain values, safe to share between its requests.
#[derive(Debug, Default)]
pub struct KnownFlags(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    flags: Flags,
    asked: Option<Timestamp>,
}

impl KnownFlags {
    /// Nothing known yet: everything open.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Known {
            flags: Flags {
                registration_open: true,
                maintenance: false,
            },
            asked: None,
        }))
    }

    /// The flags as far as this isolate knows.
    #[must_use]
    pub fn get(&self) -> Flags {
        self.0.lock().map(|known| known.flags).unwrap_or_default()
    }

    /// Whether it is time to ask again. Says so once, to one request; the others go on with what is
    /// known.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let Ok(mut known) = self.0.lock() else {
            return false;
        };
        let stale = known.asked.is_none_or(|asked| now >= asked.plus(FRESH));
        if stale {
            known.asked = Some(now);
        }
        stale
    }

    /// Asks the store. If it does not answer, or with nonsense, what was known stays.
    pub async fn refresh(&self, ports: &Ports) {
        if let Some(flags) = read(ports).await
            && let Ok(mut known) = self.0.lock()
        {
            known.flags = flags;
        }
    }
}

/// What the store says, for whoever must know now; `None`, and a line in the log, if it does not
/// answer or with nonsense.
pub async fn read(ports: &Ports) -> Option<Flags> {
    let answer = ports
        .key_value
        .get(KEY)
        .await
        .map_err(|error| error.to_string());
    let flags = answer.and_then(|text| {
        text.map_or(Ok(Flags::default()), |text| {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })
    });
    flags
        .inspect_err(|cause| {
            let line = json!({"level": "warn", "event": "flags_unknown", "cause": cause});
            ports.log.write(Level::Warn, &line.to_string());
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_open_until_the_store_says_otherwise() {
        assert_eq!(KnownFlags::new().get(), Flags::default());
        let flags: Flags = serde_json::from_str(r#"{"maintenance":true,"later":1}"#).unwrap();
        assert_eq!(
            flags,
            Flags {
                registration_open: true,
                maintenance: true
            }
        );
    }

    #[test]
    fn one_request_a_minute_is_told_to_ask() {
        let known = KnownFlags::new();
        let start = Timestamp::from_millis(1_000);
        assert!(known.is_stale(start));
        assert!(!known.is_stale(start));
        assert!(!known.is_stale(start.plus(Duration::from_secs(59))));
        assert!(known.is_stale(start.plus(FRESH)));
    }
}
