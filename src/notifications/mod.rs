//! What a person is told: the in-app list.
//!
//! Invariants: once per (recipient, kind, actor, subject), ever; what is shown is a group per
//! (recipient, kind, subject) with its latest actors; each change takes the next number of the
//! recipient's sequence in the batch that delivers it, so that nobody resuming by number can skip
//! one; what is read is a watermark, not a mark on each row.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;
mod telling;

use serde::{Serialize, Serializer};

pub use telling::{forget_post, tell};

/// What a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody likes their post.
    Like,
    /// Somebody comments on their post.
    Comment,
    /// Somebody replies to their comment.
    Reply,
    /// A post names them.
    Mention,
    /// Somebody follows them.
    Follow,
    /// Somebody asks to follow them.
    FollowRequest,
    /// The moderators did something.
    Moderation,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 7] = [
        Self::Like,
        Self::Comment,
        Self::Reply,
        Self::Mention,
        Self::Follow,
        Self::FollowRequest,
        Self::Moderation,
    ];

    /// The kind that is stored under this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Comment => "comment",
            Self::Reply => "reply",
            Self::Mention => "mention",
            Self::Follow => "follow",
            Self::FollowRequest => "follow_request",
            Self::Moderation => "moderation",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
