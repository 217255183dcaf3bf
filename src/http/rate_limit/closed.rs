//! What an isolate remembers of quotas that are used up, so that whoever goes on costs neither a trip
//! to the database nor the hash of a password.
//!
//! Only of limits that give nothing back: such a window stays closed until it is over, so what is
//! remembered is never wrong.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::time::Timestamp;

/// How many are remembered: about 100 KB.
const MOST: usize = 1_024;

/// The windows that are closed, by key. Plain values, safe to share between the requests of an isolate.
#[derive(Debug, Default)]
pub(super) struct ClosedWindows(Mutex<HashMap<String, Timestamp>>);

impl ClosedWindows {
    /// Whether the window of `key` that ends at `resets_at` is closed, as far as this isolate knows.
    pub(super) fn knows(&self, key: &str, resets_at: Timestamp) -> bool {
        let closed = self.0.lock();
        closed.is_ok_and(|closed| closed.get(key) == Some(&resets_at))
    }

    /// Remembers a closed window. When there are too many, first those that are over by `now` are
    /// forgotten, then, if that is not enough, all.
    pub(super) fn remember(&self, key: &str, resets_at: Timestamp, now: Timestamp) {
        let Ok(mut closed) = self.0.lock() else {
            return;
        };
        if closed.len() >= MOST {
            closed.retain(|_, resets_at| now < *resets_at);
        }
        if closed.len() >= MOST {
            closed.clear();
        }
        closed.insert(key.to_owned(), resets_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_window_is_closed_for_its_key_and_until_it_is_over() {
        let closed = ClosedWindows::default();
        closed.remember("a", at(900), at(0));
        assert!(closed.knows("a", at(900)));
        assert!(!closed.knows("a", at(1_800)));
        assert!(!closed.knows("b", at(900)));
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_goes_first() {
        let closed = ClosedWindows::default();
        for number in 0..MOST {
            let resets_at = if number == 0 { 900 } else { 100 };
            closed.remember(&number.to_string(), at(resets_at), at(0));
        }
        closed.remember("one more", at(900), at(100));
        assert!(closed.knows("0", at(900)) && closed.knows("one more", at(900)));
        assert!(!closed.knows("1", at(100)));
        for number in 0..2 * MOST {
            closed.remember(&number.to_string(), at(900), at(100));
        }
        assert!(closed.0.lock().unwrap().len() <= MOST);
    }
}
