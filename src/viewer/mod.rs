//! Who is behind a request, and the guard.
//!
//! Invariants: only a checked access token makes a [`Viewer`] (`auth` checks it, at the edge, without
//! a database); whether its session still lives and its account is active is the first statement of
//! the batch that serves the request ([`Batch::guarded`](crate::platform::Batch::guarded)), so that
//! revocation and suspension act on the next request, at no extra trip.
//!
//! This is no slice: every slice stands on it.

mod store;

use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// The account behind a request, by a token whose signature and claims hold. That its session still
/// lives is the guard's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    user_id: UserId,
    session_id: SessionId,
    /// When the token was checked: the time the guard compares with.
    now: Timestamp,
}

impl Viewer {
    /// The viewer that a token speaks for, which was checked `now`. For whoever checks tokens only;
    /// `tests/architecture.rs` keeps it so.
    #[must_use]
    pub(crate) fn of_checked_token(user_id: UserId, session_id: SessionId, now: Timestamp) -> Self {
        Self {
            user_id,
            session_id,
            now,
        }
    }

    /// The session.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

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
    /// Nobody in particular.
    pub const NOBODY: Self = Self(None);

    /// The viewer, if the request is signed in.
    #[must_use]
    pub fn signed_in(self) -> Option<Viewer> {
        self.0
    }

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
