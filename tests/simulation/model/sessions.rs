//! Sessions, and how they are renewed.

use std::time::Duration;

use kith::time::Timestamp;

use super::{Caller, Id, Model, Prediction};
use crate::refresh_tokens::RefreshToken;

/// How long a session lives from its last renewal.
pub const LIFETIME: Duration = Duration::from_hours(60 * 24);

/// How long it lives from its beginning, at the most.
pub const LONGEST_LIFE: Duration = Duration::from_hours(365 * 24);

/// How long a session is kept from its beginning.
pub const KEPT: Duration = Duration::from_hours(366 * 24);

/// For how long the parent of the newest token still leads to it, in milliseconds.
const GRACE: i64 = 10_000;

/// One login on one device.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: Id,
    /// What its device calls itself.
    pub user_agent: &'static str,
    pub lives: bool,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The hash of its newest token.
    pub newest: String,
    /// The hash of the token before.
    pub parent: Option<String>,
    /// How many tokens it has had.
    pub generation: i64,
    /// When it was opened or renewed last.
    pub renewed_at: Timestamp,
}

impl Session {
    /// A session that was just opened.
    pub fn open(user: &str, newest: String, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            user: user.to_owned(),
            user_agent: "",
            lives: true,
            created_at: now,
            expires_at,
            newest,
            parent: None,
            generation: 1,
            renewed_at: now,
        }
    }

    /// Whether it has neither ended nor run out.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.lives && self.expires_at > now
    }
}

impl Model {
    /// Redeems a token that Kith issued. `offered` says what it leads to if it was not used before.
    /// Whose session it is, and the hash of what it leads to.
    ///
    /// # Errors
    /// The refusal.
    pub fn redeem(
        &mut self,
        token: &RefreshToken,
        offered: String,
        now: Timestamp,
    ) -> Result<(Caller, String), Prediction> {
        let ended = || Prediction::refusal(401, "session_ended");
        let session = self.sessions.get(&token.session).ok_or_else(ended)?;
        let caller = Caller {
            user: session.user.clone(),
            session: token.session.clone(),
        };
        self.guard(&caller, now)?;
        let session = self.sessions.get_mut(&token.session).unwrap();
        if token.hash() == session.newest {
            session.parent = Some(std::mem::replace(&mut session.newest, offered));
            session.generation += 1;
            session.renewed_at = now;
            let last = session.created_at.plus(LONGEST_LIFE);
            session.expires_at = now.plus(LIFETIME).min(last);
        }
        let in_time = now.millis() - session.renewed_at.millis() <= GRACE;
        if session.parent == Some(token.hash()) && in_time {
            return Ok((caller, session.newest.clone()));
        }
        session.lives = false;
        Err(Prediction::refusal(401, "refresh_reused"))
    }

    /// Forgets sessions that began too long ago to be alive.
    pub fn forget_sessions(&mut self, now: Timestamp) {
        let oldest = now.minus(KEPT);
        self.sessions
            .retain(|_, session| session.created_at >= oldest);
    }
}
