//! Who is behind a request, and the guard.
//!
//! Invariants: only a checked access token makes a [`Viewer`] (`auth` checks it, at the edge, without
//! a database); whether its session still lives and its account is active is the first statement of
//! the batch that serves the request ([`Batch::guarded`](crate::platform::Batch::guarded)), so that
//! revocation and suspension act on the next request, at no extra trip. So does a demotion: a role is in
//! no token, a [`Moderator`] and an [`Admin`] are viewers whose every batch asks for it, at the primary.
//!
//! This is no slice: every slice stands on it.

mod store;

use crate::id::{SessionId, UserId};
use crate::platform::{Bookmark, Consistency};
use crate::time::Timestamp;

/// The account behind a request, by a token whose signature and claims hold. That its session still
/// lives is the guard's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    user_id: UserId,
    session_id: SessionId,
    /// When the token was checked: the time the guard compares with.
    now: Timestamp,
    /// Which state their reads must see.
    reads: Consistency,
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
            reads: Consistency::Primary,
        }
    }

    /// The same viewer, whose request brought this bookmark. Without one they read at the primary, and
    /// so see at once that a session has ended.
    #[must_use]
    pub fn with_bookmark(self, bookmark: Option<Bookmark>) -> Self {
        let reads = bookmark.map_or(Consistency::Primary, Consistency::AtLeast);
        Self { reads, ..self }
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

/// The viewer behind a request that is for moderators, and for admins too. They may be neither: whether
/// they are is the guard's to say, in [`Batch::guarded_for_moderator`](crate::platform::Batch), which is
/// the only batch there is for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moderator(Viewer);

/// The viewer behind a request that is for admins, likewise by
/// [`Batch::guarded_for_admin`](crate::platform::Batch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin(Viewer);

impl From<Viewer> for Moderator {
    fn from(viewer: Viewer) -> Self {
        Self(viewer)
    }
}

impl From<Viewer> for Admin {
    fn from(viewer: Viewer) -> Self {
        Self(viewer)
    }
}

impl Moderator {
    /// The account.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        self.0.user_id()
    }
}

impl Admin {
    /// The account.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        self.0.user_id()
    }

    /// The session.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        self.0.session_id()
    }
}

/// The account behind a request that may also come from nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaybeViewer(Asker);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asker {
    SignedIn(Viewer),
    /// Nobody in particular, and which state their reads must see.
    Nobody(Consistency),
}

impl MaybeViewer {
    /// Nobody in particular, whose request brought this bookmark. Without one they read at the nearest
    /// replica.
    #[must_use]
    pub fn nobody(bookmark: Option<Bookmark>) -> Self {
        let reads = bookmark.map_or(Consistency::Nearest, Consistency::AtLeast);
        Self(Asker::Nobody(reads))
    }

    /// The account, if the request is signed in.
    #[must_use]
    pub fn user_id(&self) -> Option<&UserId> {
        match &self.0 {
            Asker::SignedIn(viewer) => Some(viewer.user_id()),
            Asker::Nobody(_) => None,
        }
    }
}

impl From<Viewer> for MaybeViewer {
    fn from(viewer: Viewer) -> Self {
        Self(Asker::SignedIn(viewer))
    }
}
