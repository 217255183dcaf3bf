//! Accounts and sessions.

use super::{Caller, Id, Model, Prediction};

/// Whether an account may act. Nobody is deleted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Suspended,
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    pub username: String,
    pub email: String,
    /// `None` for whom nobody knows one.
    pub password: Option<String>,
    pub status: Status,
    pub posts: i64,
}

impl User {
    pub fn new(username: &str, password: Option<&str>) -> Self {
        Self {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            password: password.map(str::to_owned),
            status: Status::Active,
            posts: 0,
        }
    }
}

impl Model {
    pub fn by_username(&self, username: &str) -> Option<(&Id, &User)> {
        self.users
            .iter()
            .find(|(_, user)| user.username == username)
    }

    /// Whether a password opens an account, which is then named.
    ///
    /// # Errors
    /// The refusal.
    pub fn check_password(&self, username: &str, password: &str) -> Result<Id, Prediction> {
        let (id, user) = self
            .by_username(username)
            .filter(|(_, user)| user.password.as_deref() == Some(password))
            .ok_or_else(|| Prediction::refusal(401, "invalid_credentials"))?;
        match user.status {
            Status::Active => Ok(id.clone()),
            Status::Suspended => Err(Prediction::refusal(403, "account_suspended")),
        }
    }

    /// Whether a profile is there for whoever asks.
    pub fn may_see_profile(&self, caller: Option<&Caller>, id: &str) -> bool {
        let blocked = caller.is_some_and(|caller| {
            let block = (id.to_owned(), caller.user.clone());
            self.blocks.contains(&block)
        });
        self.users[id].status == Status::Active && !blocked
    }
}
