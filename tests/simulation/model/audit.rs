//! What the audit log says.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::prediction::ANYTHING;
use super::{Id, Model};

/// Something that happened to an account or a session.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Timestamp,
    pub kind: &'static str,
    pub actor: Option<Id>,
    pub account: Option<Id>,
    pub session: Option<Id>,
    pub details: Value,
}

impl Event {
    /// An event about an account, of which nothing more is known.
    pub fn about(account: &str, kind: &'static str, at: Timestamp) -> Self {
        Self {
            at,
            kind,
            actor: None,
            account: Some(account.to_owned()),
            session: None,
            details: json!({}),
        }
    }

    /// The same, done by somebody.
    pub fn by(self, actor: &str) -> Self {
        Self {
            actor: Some(actor.to_owned()),
            ..self
        }
    }

    /// The same, in a session.
    pub fn in_session(self, session: &str) -> Self {
        Self {
            session: Some(session.to_owned()),
            ..self
        }
    }

    /// The same, with more to say.
    pub fn saying(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

impl Model {
    /// An event as an admin sees it.
    pub fn event(&self, id: &str) -> Value {
        let event = &self.events[id];
        json!({
            "id": id,
            "at": event.at,
            "kind": event.kind,
            "actor_id": event.actor,
            "account_id": event.account,
            "session_id": event.session,
            "request_id": ANYTHING,
            "details": event.details,
        })
    }
}
