//! What an isolate remembers of the tokens it has checked: checking a signature costs more CPU than
//! all the rest of a request, and a person at their phone sends the same token again and again.
//!
//! Only genuine tokens are remembered, by their hash, until they expire. Whether the session still
//! lives is not remembered: that is the guard's to say, each time.

use std::collections::HashMap;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::id::{SessionId, UserId};

/// How many tokens are remembered: about 200 KB.
const MOST: usize = 1_024;

/// The SHA-256 of a token.
pub(super) type Fingerprint = [u8; 32];

/// What a genuine token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Genuine {
    pub(super) user_id: UserId,
    pub(super) session_id: SessionId,
    /// Seconds since the epoch.
    pub(super) expires: i64,
}

/// The tokens remembered. Plain values, safe to share between the requests of an isolate.
#[derive(Debug, Default)]
pub(super) struct VerifiedTokens(Mutex<HashMap<Fingerprint, Genuine>>);

impl VerifiedTokens {
    /// Under what a token is remembered.
    pub(super) fn fingerprint(token: &str) -> Fingerprint {
        Sha256::digest(token.as_bytes()).into()
    }

    /// What the token says, if it was found genuine before.
    pub(super) fn recall(&self, fingerprint: &Fingerprint) -> Option<Genuine> {
        self.0.lock().ok()?.get(fingerprint).cloned()
    }

    /// Remembers a genuine token. When there are too many, first those that have expired by `now`
    /// are forgotten, then, if that is not enough, all.
    pub(super) fn remember(&self, fingerprint: Fingerprint, genuine: Genuine, now: i64) {
        let Ok(mut tokens) = self.0.lock() else {
            return;
        };
        if tokens.len() >= MOST {
            tokens.retain(|_, genuine| now < genuine.expires);
        }
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(fingerprint, genuine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890000-0000-7000-8000-000000000001";

    fn genuine(expires: i64) -> Genuine {
        Genuine {
            user_id: ID.parse().unwrap(),
            session_id: ID.parse().unwrap(),
            expires,
        }
    }

    fn numbered(number: usize) -> Fingerprint {
        VerifiedTokens::fingerprint(&number.to_string())
    }

    #[test]
    fn a_remembered_token_is_recalled_by_its_own_fingerprint_only() {
        let tokens = VerifiedTokens::default();
        tokens.remember(numbered(1), genuine(100), 0);
        assert_eq!(tokens.recall(&numbered(1)), Some(genuine(100)));
        assert_eq!(tokens.recall(&numbered(2)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_expired_go_first() {
        let tokens = VerifiedTokens::default();
        for number in 0..MOST {
            tokens.remember(
                numbered(number),
                genuine(if number == 0 { 100 } else { 10 }),
                0,
            );
        }
        tokens.remember(numbered(MOST), genuine(100), 50);
        assert_eq!(tokens.recall(&numbered(0)), Some(genuine(100)));
        assert_eq!(tokens.recall(&numbered(1)), None);
        for number in 0..2 * MOST {
            tokens.remember(numbered(number), genuine(100), 50);
        }
        assert!(tokens.0.lock().unwrap().len() <= MOST);
    }
}
