//! The audit log: what happened to accounts and sessions, and what moderators and admins did.
//!
//! Invariants: an event is written in the batch of what it tells of, so that neither is there without
//! the other; it is never changed; it holds ids and words of the program, and nothing that somebody
//! typed, so no secret, address or name can get into it; only admins read it.
//!
//! A slice that does what is to be known appends it: [`append`], [`append_if_changed`] where it may come
//! to nothing, [`append_selected`] where only the database knows whom it concerns.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::app::App;
use crate::http::exchange::Exchange;
use crate::id::{AuditEventId, SessionId, UserId};
use crate::platform::Value;
use crate::time::Timestamp;

pub(crate) use store::insert_event;
pub use store::{append, append_if_changed, append_selected};

/// The closed list of what is recorded.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AuditEventKind")]
pub enum Kind {
    /// An account came to be.
    Registered,
    /// Its owner has proved its e-mail address.
    EmailVerified,
    /// A session began.
    SignedIn,
    /// A sign-in was refused.
    SignInFailed,
    /// A session was ended from within.
    SignedOut,
    /// A session was ended from another of the same account.
    SessionEnded,
    /// A refresh token was used again, which ended its session.
    RefreshReused,
    /// The password was changed by whoever knew it.
    PasswordChanged,
    /// A mail to set a new password was asked for.
    PasswordResetRequested,
    /// A new password was set by such a mail.
    PasswordReset,
    /// Another e-mail address was asked for.
    EmailChangeRequested,
    /// It was confirmed, and is the account's now.
    EmailChanged,
    /// An account became an admin from outside: by the one-time link or at the console.
    AdminCreated,
    /// An admin changed an account's role.
    RoleChanged,
    /// A moderator or an admin changed an account's status.
    StatusChanged,
    /// An admin changed an account's plan.
    PlanChanged,
    /// A moderator or an admin removed a post.
    PostRemoved,
    /// A moderator or an admin resolved a report.
    ReportResolved,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 18] = [
        Self::Registered,
        Self::EmailVerified,
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::SessionEnded,
        Self::RefreshReused,
        Self::PasswordChanged,
        Self::PasswordResetRequested,
        Self::PasswordReset,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::AdminCreated,
        Self::RoleChanged,
        Self::StatusChanged,
        Self::PlanChanged,
        Self::PostRemoved,
        Self::ReportResolved,
    ];

    /// The kind as it is stored and answered.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::EmailVerified => "email_verified",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::SessionEnded => "session_ended",
            Self::RefreshReused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::AdminCreated => "admin_created",
            Self::RoleChanged => "role_changed",
            Self::StatusChanged => "status_changed",
            Self::PlanChanged => "plan_changed",
            Self::PostRemoved => "post_removed",
            Self::ReportResolved => "report_resolved",
        }
    }
}

/// Something that can be noted of an event: a word of the program, a number, a truth, an id. A text that
/// somebody sent is none of these.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact(serde_json::Value);

impl From<&'static str> for Fact {
    fn from(word: &'static str) -> Self {
        Self(word.into())
    }
}

impl From<bool> for Fact {
    fn from(truth: bool) -> Self {
        Self(truth.into())
    }
}

impl From<i64> for Fact {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

impl From<&UserId> for Fact {
    fn from(id: &UserId) -> Self {
        Self(id.as_str().into())
    }
}

impl From<&SessionId> for Fact {
    fn from(id: &SessionId) -> Self {
        Self(id.as_str().into())
    }
}

/// An event about to be recorded.
#[derive(Debug)]
#[must_use = "an event is recorded by one of the functions that append it"]
pub struct Event {
    id: AuditEventId,
    at: Timestamp,
    kind: Kind,
    request_id: String,
    actor: Value,
    account: Value,
    session: Value,
    details: Map<String, serde_json::Value>,
}

impl Event {
    /// An event of this moment, which the request of `cause` makes happen. Who did it, and to whom, is
    /// not known unless told.
    pub fn new(app: &App, cause: &Exchange, kind: Kind) -> Self {
        let ports = app.ports();
        Self {
            id: AuditEventId::generate(ports.clock.as_ref(), ports.random.as_ref()),
            at: app.now(),
            kind,
            request_id: cause.request_id.clone(),
            actor: Value::Null,
            account: Value::Null,
            session: Value::Null,
            details: Map::new(),
        }
    }

    /// The same event, done by `actor`.
    pub fn by(self, actor: &UserId) -> Self {
        Self {
            actor: actor.into(),
            ..self
        }
    }

    /// The same event, which concerns `account`.
    pub fn about(self, account: &UserId) -> Self {
        Self {
            account: account.into(),
            ..self
        }
    }

    /// The same event, which concerns `session`.
    pub fn in_session(self, session: &SessionId) -> Self {
        Self {
            session: session.into(),
            ..self
        }
    }

    /// The same event, and one thing more about it.
    pub fn noting(mut self, name: &'static str, fact: impl Into<Fact>) -> Self {
        self.details.insert(name.to_owned(), fact.into().0);
        self
    }

    /// Who did it, whom and which session it concerns, and the details.
    fn facts(&self) -> [Value; 4] {
        let details = serde_json::Value::Object(self.details.clone());
        [
            self.actor.clone(),
            self.account.clone(),
            self.session.clone(),
            details.to_string().into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_stored_as_it_is_answered() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
