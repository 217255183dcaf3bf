//! Registrations that wait for their mail, and what the mails of an account allow.

use std::time::Duration;

use kith::time::Timestamp;

use super::{Id, Model, Prediction, Task, User};

/// For how long a registration waits.
pub const WAITS: Duration = Duration::from_hours(24);

/// For how long one that is over is kept.
const KEPT: Duration = Duration::from_mins(2);

/// A registration that waits for its mail.
#[derive(Clone, Debug)]
pub struct Registration {
    pub username: String,
    pub email: String,
    /// Which hash of the password is stored, as of an account.
    pub hash: &'static str,
    pub created_at: Timestamp,
}

impl Registration {
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus(WAITS)
    }
}

impl Model {
    /// Whether somebody with an address may register a username.
    pub fn is_free(&self, username: &str, email: &str, now: Timestamp) -> bool {
        let held = self.registrations.values().any(|other| {
            other.username == username && other.email != email && other.expires_at() > now
        });
        !held && self.by_username(username).is_none()
    }

    fn has_account(&self, email: &str) -> bool {
        self.users.values().any(|user| user.email == email)
    }

    /// The mail of a registration was answered. Whether that made the account.
    ///
    /// # Errors
    /// The refusal.
    pub fn finish_registration(
        &mut self,
        id: &str,
        password: &'static str,
        now: Timestamp,
    ) -> Result<bool, Prediction> {
        if self.users.contains_key(id) {
            return self.active(id).map(|_| false).ok_or_else(stale);
        }
        let waiting = self.registrations.get(id);
        let waiting = waiting.filter(|waiting| waiting.expires_at() > now);
        let waiting = waiting.ok_or_else(stale)?;
        if self.has_account(&waiting.email) {
            return Err(Prediction::refusal(409, "email_taken"));
        }
        if self.by_username(&waiting.username).is_some() {
            return Err(Prediction::refusal(409, "username_taken"));
        }
        let user = User {
            email: waiting.email.clone(),
            email_verified_at: Some(now),
            hash: waiting.hash,
            ..User::new(&waiting.username, password, now)
        };
        self.registrations.remove(id);
        self.users.insert(id.to_owned(), user);
        Ok(true)
    }

    /// The mail that proves an address was answered. Whether it was not proved before.
    ///
    /// # Errors
    /// The refusal.
    pub fn prove_email(
        &mut self,
        id: &str,
        email: &str,
        now: Timestamp,
    ) -> Result<bool, Prediction> {
        self.active(id)
            .filter(|user| user.email == email)
            .ok_or_else(stale)?;
        let user = self.users.get_mut(id).unwrap();
        let is_new = user.email_verified_at.is_none();
        user.email_verified_at.get_or_insert(now);
        Ok(is_new)
    }

    /// The mail to an address that an account is to have was answered; what that leaves to do.
    ///
    /// # Errors
    /// The refusal.
    pub fn change_email(
        &mut self,
        id: &Id,
        email: &str,
        version: i64,
        now: Timestamp,
    ) -> Result<Option<Task>, Prediction> {
        let user = self.active(id).ok_or_else(stale)?;
        if user.email == email {
            return Ok(None);
        }
        if user.credential_version != version {
            return Err(stale());
        }
        if self.has_account(email) {
            return Err(Prediction::refusal(409, "email_taken"));
        }
        let user = self.users.get_mut(id).unwrap();
        let old_email = std::mem::replace(&mut user.email, email.to_owned());
        user.email_verified_at = Some(now);
        user.credential_version += 1;
        Ok(Some(Task::letter(
            "email_changed",
            &[("user_id", id), ("old_email", &old_email)],
        )))
    }

    /// Forgets registrations that are over.
    pub fn forget_registrations(&mut self, now: Timestamp) {
        let kept = now.minus(WAITS).minus(KEPT);
        self.registrations
            .retain(|_, registration| registration.created_at >= kept);
    }
}

/// The refusal of a token that is no longer good, as of one that never was.
pub fn stale() -> Prediction {
    Prediction::refusal(422, "invalid_mail_token")
}
