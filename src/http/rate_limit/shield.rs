//! The outer shield: the platform's own limiter, asked before anything that costs more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::RateLimits;
use crate::error::Error;
use crate::http::exchange::Exchange;
use crate::platform::{Level, Ports, Shield};

impl RateLimits {
    /// Counts a request for its client's address.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`].
    pub async fn shield_address(&self, exchange: &Exchange, ports: &Ports) -> Result<(), Error> {
        let address = &exchange.client_address;
        self.shield(Shield::Address, address, exchange, ports).await
    }

    /// Counts a request for the account behind it, by its id.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`].
    pub async fn shield_account(
        &self,
        account: &str,
        exchange: &Exchange,
        ports: &Ports,
    ) -> Result<(), Error> {
        self.shield(Shield::Account, account, exchange, ports).await
    }

    /// A limiter that does not answer stops nobody: what keeps floods away must not itself take the
    /// service down.
    async fn shield(
        &self,
        shield: Shield,
        subject: &str,
        exchange: &Exchange,
        ports: &Ports,
    ) -> Result<(), Error> {
        let policy = self.policies.of_shield(shield);
        exchange.told.policy(policy);
        let key = self.turns.key(subject, self.policies.multiplier());
        match ports.rate_limiter.admit(shield, &key).await {
            Ok(true) => Ok(()),
            // The platform does not tell when the window ends; after a whole one it surely has.
            Ok(false) => Err(Error::TooManyRequests {
                policy: policy.name,
                retry_after: policy.window,
            }),
            Err(error) => {
                let line = json!({
                    "level": "warn",
                    "event": "shield_down",
                    "policy": policy.name,
                    "request_id": exchange.request_id,
                    "cause": error.to_string(),
                });
                ports.log.write(Level::Warn, &line.to_string());
                Ok(())
            }
        }
    }
}

/// How many subjects are remembered.
const MOST: usize = 1_024;

/// Whose turn it is at which of the platform's counters: the quota of one is fixed, so a deployment
/// with larger quotas takes several in turn for each subject.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, u32>>);

impl Turns {
    /// The counter of `subject` that it is the turn of, among so many.
    fn key(&self, subject: &str, counters: u32) -> String {
        if counters <= 1 {
            return subject.to_owned();
        }
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MOST && !turns.contains_key(subject) {
            turns.clear();
        }
        let turn = turns.entry(subject.to_owned()).or_default();
        *turn = turn.wrapping_add(1).checked_rem(counters).unwrap_or(0);
        format!("{subject} {turn}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_takes_its_counters_in_turn() {
        let turns = Turns::default();
        let keys: Vec<_> = ["a", "b", "a", "b", "a", "a"]
            .map(|subject| turns.key(subject, 3))
            .into_iter()
            .collect();
        assert_eq!(keys, ["a 1", "b 1", "a 2", "b 2", "a 0", "a 1"]);
        assert_eq!(turns.key("a", 1), "a");
    }

    #[test]
    fn memory_is_bounded() {
        let turns = Turns::default();
        for number in 0..2 * MOST {
            turns.key(&number.to_string(), 2);
        }
        assert!(turns.0.lock().unwrap().len() <= MOST);
    }
}
