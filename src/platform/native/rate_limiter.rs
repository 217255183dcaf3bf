//! A rate limiter in memory: fixed windows of a clock, exact, for one location.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::platform::{BoxFuture, Clock, RateLimiter, RateLimiterError, Shield};

/// How many requests of one key a window takes, by counter.
pub type Quotas = fn(Shield) -> (u32, Duration);

/// Counts what has been asked of it.
pub struct MemoryRateLimiter {
    clock: Arc<dyn Clock>,
    quotas: Quotas,
    /// By counter and key, the number of the window and how many it has taken.
    taken: Mutex<HashMap<(Shield, String), (i64, u32)>>,
}

impl MemoryRateLimiter {
    /// A limiter that has seen nobody yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, quotas: Quotas) -> Self {
        Self {
            clock,
            quotas,
            taken: Mutex::default(),
        }
    }

    fn count(&self, shield: Shield, key: &str) -> bool {
        let (quota, window) = (self.quotas)(shield);
        let millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1);
        let window = self.clock.now().millis().div_euclid(millis);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, count) = taken.entry((shield, key.to_owned())).or_default();
        if *of != window {
            (*of, *count) = (window, 0);
        }
        let admitted = *count < quota;
        *count = count.saturating_add(u32::from(admitted));
        admitted
    }
}

impl RateLimiter for MemoryRateLimiter {
    fn admit<'a>(
        &'a self,
        shield: Shield,
        key: &'a str,
    ) -> BoxFuture<'a, Result<bool, RateLimiterError>> {
        Box::pin(std::future::ready(Ok(self.count(shield, key))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native::{Timeline, VirtualClock};
    use crate::time::Timestamp;

    #[test]
    fn a_key_has_its_quota_in_each_window_and_at_each_counter() {
        let timeline = Timeline::new();
        let clock = VirtualClock::new(timeline.clone(), Timestamp::from_millis(0));
        let limiter = MemoryRateLimiter::new(Arc::new(clock), |shield| match shield {
            Shield::Address => (2, Duration::from_mins(1)),
            Shield::Account => (1, Duration::from_mins(1)),
        });
        let ask = |shield, key| limiter.count(shield, key);
        assert_eq!(
            [(); 3].map(|()| ask(Shield::Address, "a")),
            [true, true, false]
        );
        assert!(ask(Shield::Address, "b"));
        assert_eq!([(); 2].map(|()| ask(Shield::Account, "a")), [true, false]);
        timeline.advance(Duration::from_secs(59));
        assert!(!ask(Shield::Address, "a"));
        timeline.advance(Duration::from_secs(1));
        assert!(ask(Shield::Address, "a"));
    }
}
