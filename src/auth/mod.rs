//! Who is behind a request: accounts' credentials, sessions, access tokens, and the guard.
//!
//! Invariants: an access token is checked at the edge, without a database; whether its session still
//! lives and its account is active is the first statement of the batch that serves the request
//! ([`Batch::guarded`](crate::platform::Batch::guarded)), so that revocation and suspension act on
//! the next request, at no extra trip. Only a checked token makes a [`Viewer`]. No token, password or
//! refresh token is ever stored or logged.

mod password;
mod refresh;
pub mod routes;
pub mod rules;
mod store;
mod token;

use crate::id::{SessionId, UserId};

pub use token::TokenKeys;

/// The account behind a request, by a token whose signature and claims hold. That its session still
/// lives is the guard's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    user_id: UserId,
    session_id: SessionId,
    /// When the token was checked: the time the guard compares with.
    now: crate::time::Timestamp,
}

impl Viewer {
    /// The account.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }
}

/// The account behind a request that may also come from nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaybeViewer(Option<Viewer>);

impl MaybeViewer {
    /// The account, if the request is signed in.
    #[must_use]
    pub fn user_id(&self) -> Option<&UserId> {
        self.0.as_ref().map(Viewer::user_id)
    }
}

impl From<Viewer> for MaybeViewer {
    fn from(viewer: Viewer) -> Self {
        Self(Some(viewer))
    }
}
