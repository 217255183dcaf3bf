//! The operator's switches, kept in the key–value store. Without the store everything is open.
//!
//! Maintenance is looked up at most once a minute per isolate, beside the requests: none waits for it
//! or pays for it. So an isolate learns of a change with the second request after it, and no sooner
//! than the store, which may be a minute behind. Registration, which is rare, asks for itself.

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

/// Why it is time to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// This isolate has never asked.
    First,
    /// It asked a minute ago.
    Again,
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
    pub fn due(&self, now: Timestamp) -> Option<Due> {
        let mut known = self.0.lock().ok()?;
        let due = match known.asked {
            None => Due::First,
            Some(asked) if now >= asked.plus(FRESH) => Due::Again,
            Some(_) => return None,
        };
        known.asked = Some(now);
        Some(due)
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
        assert_eq!(known.due(start), Some(Due::First));
        assert_eq!(known.due(start), None);
        assert_eq!(known.due(start.plus(Duration::from_secs(59))), None);
        assert_eq!(known.due(start.plus(FRESH)), Some(Due::Again));
    }
}
