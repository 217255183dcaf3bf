//! Accounts and sessions.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Caller, Id, Model, Prediction};

/// Whether an account may act. Nobody is deleted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Suspended,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    pub fn named(name: &str) -> Self {
        if name == "suspended" {
            Self::Suspended
        } else {
            Self::Active
        }
    }
}
/// Names the hash of the usual password that was made with other parameters than today's.
pub const OLDER_HASH: &str = "made with other parameters";

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    pub username: String,
    pub email: String,
    /// When its owner has proved it.
    pub email_verified_at: Option<Timestamp>,
    /// How often password or address were changed, from 1.
    pub credential_version: i64,
    pub password: &'static str,
    /// Which hash of it is stored: its own, the one that all share, or one made with other parameters. A
    /// sign-in fails if it is another by the second trip, even of the same password.
    pub hash: &'static str,
    /// Tells those apart that Kith made for one account.
    pub salt: usize,
    pub status: Status,
    pub role: &'static str,
    pub plan: &'static str,
    /// How often role, status or plan was changed by an admin, from 1.
    pub standing_version: i64,
    pub posts: i64,
    pub created_at: Timestamp,
    pub display_name: String,
    pub bio: String,
    pub locked: bool,
    /// How often the profile was changed, from 1.
    pub profile_version: i64,
}

impl User {
    pub fn new(username: &str, password: &'static str, created_at: Timestamp) -> Self {
        Self {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            email_verified_at: None,
            credential_version: 1,
            password,
            hash: password,
            salt: 0,
            status: Status::Active,
            role: "user",
            plan: "free",
            standing_version: 1,
            posts: 0,
            created_at,
            display_name: username.to_owned(),
            bio: String::new(),
            locked: false,
            profile_version: 1,
        }
    }
}

impl Model {
    pub fn by_username(&self, username: &str) -> Option<(&Id, &User)> {
        self.users
            .iter()
            .find(|(_, user)| user.username == username)
    }

    /// Who has this username or e-mail address.
    pub fn named(&self, name: &str) -> Option<(&Id, &User)> {
        let mut users = self.users.iter();
        users.find(|(_, user)| user.username == name || user.email == name)
    }

    /// Whether a password opens the account with a username or an e-mail address, which is then named.
    ///
    /// # Errors
    /// The refusal.
    pub fn check_password(&self, name: &str, password: &str) -> Result<Id, Prediction> {
        let (id, user) = self
            .named(name)
            .filter(|(_, user)| user.password == password)
            .ok_or_else(|| Prediction::refusal(401, "invalid_credentials"))?;
        match user.status {
            Status::Active => Ok(id.clone()),
            Status::Suspended => Err(Prediction::refusal(403, "account_suspended")),
        }
    }

    /// An account, if it may act.
    pub fn active(&self, id: &str) -> Option<&User> {
        let user = self.users.get(id)?;
        (user.status == Status::Active).then_some(user)
    }

    /// The account has another password, whose hash is as no other: its sessions end, but for one.
    pub fn change_password(
        &mut self,
        id: &str,
        password: &'static str,
        salt: usize,
        but: Option<&Id>,
    ) {
        let user = self.users.get_mut(id).unwrap();
        user.password = password;
        user.hash = "its own";
        user.salt = salt;
        user.credential_version += 1;
        for (session, found) in &mut self.sessions {
            if found.user == id && Some(session) != but {
                found.lives = false;
            }
        }
    }

    /// Refuses whoever is not, or no longer, signed in at the moment `now`.
    ///
    /// # Errors
    /// The refusal.
    pub fn guard(&self, caller: &Caller, now: Timestamp) -> Result<(), Prediction> {
        let ended = || Prediction::refusal(401, "session_ended");
        let session = self.sessions.get(&caller.session).ok_or_else(ended)?;
        if session.user != caller.user || !session.is_alive(now) {
            return Err(ended());
        }
        match self.users[&caller.user].status {
            Status::Active => Ok(()),
            Status::Suspended => Err(Prediction::refusal(403, "account_suspended")),
        }
    }

    /// Whether a profile is there for whoever asks.
    pub fn may_see_profile(&self, caller: Option<&Caller>, id: &str) -> bool {
        let blocked = caller.is_some_and(|caller| {
            let block = (id.to_owned(), caller.user.clone());
            self.blocks.contains_key(&block)
        });
        self.users[id].status == Status::Active && !blocked
    }

    pub fn blocked_between(&self, one: &str, other: &str) -> bool {
        let blocks = |blocker: &str, blocked: &str| {
            let pair = (blocker.to_owned(), blocked.to_owned());
            self.blocks.contains_key(&pair)
        };
        blocks(one, other) || blocks(other, one)
    }

    /// Whether somebody follows somebody: nothing, or whether that was accepted.
    pub fn follow(&self, from: &str, to: &str) -> Option<bool> {
        let pair = (from.to_owned(), to.to_owned());
        self.follows.get(&pair).map(|follow| follow.accepted)
    }

    /// A person as shown inside other things.
    pub fn short(&self, id: &str) -> Value {
        let user = &self.users[id];
        json!({
            "id": id,
            "username": user.username,
            "display_name": user.display_name,
            "avatar_url": null,
        })
    }

    /// A person as everybody sees them.
    pub fn person(&self, id: &str) -> Value {
        let user = &self.users[id];
        let [following, _, followers] = self.follow_counts(id);
        json!({
            "id": id,
            "username": user.username,
            "display_name": user.display_name,
            "bio": user.bio,
            "avatar_url": null,
            "locked": user.locked,
            "post_count": user.posts,
            "follower_count": followers,
            "following_count": following,
            "created_at": user.created_at,
        })
    }

    /// An account as those see it who run Kith.
    pub fn account(&self, id: &str) -> Value {
        let user = &self.users[id];
        json!({
            "id": id,
            "username": user.username,
            "display_name": user.display_name,
            "role": user.role,
            "status": user.status.name(),
            "plan": user.plan,
            "email_verified": user.email_verified_at.is_some(),
            "created_at": user.created_at,
        })
    }

    /// Whether there is somebody who can do everything.
    pub fn has_admin(&self) -> bool {
        let mut users = self.users.values();
        users.any(|user| user.role == "admin" && user.status == Status::Active)
    }

    /// A person as they see themselves.
    pub fn me(&self, id: &str) -> Value {
        let mut me = self.person(id);
        me["email"] = json!(self.users[id].email);
        me["email_verified"] = json!(self.users[id].email_verified_at.is_some());
        me["role"] = json!(self.users[id].role);
        me["plan"] = json!(self.users[id].plan);
        me["totp"] = json!(false);
        me
    }
}
