//! The guard.

use super::{Admin, Asker, MaybeViewer, Moderator, Viewer};
use crate::id::SessionId;
use crate::platform::{Batch, params};
use crate::time::Timestamp;

/// The condition that the session picked by `$whose` is alive at `$now`, its account active, and, where
/// a list of roles is given, its role one of them.
macro_rules! guard {
    ($whose:literal, $now:literal) => {
        guard!($whose, $now, @"")
    };
    ($whose:literal, $now:literal, $roles:literal) => {
        guard!($whose, $now, @concat!(
            "
    when u.role not in (",
            $roles,
            ") then 'abort:role_required'"
        ))
    };
    ($whose:literal, $now:literal, @$role:expr) => {
        concat!(
            "select json_extract('{}', coalesce((
  select case
    when s.revoked_at is not null or s.expires_at <= ",
            $now,
            " then 'abort:session_ended'
    when u.status = 'suspended' then 'abort:account_suspended'
    when u.status <> 'active' then 'abort:session_ended'",
            $role,
            "
    else '$'
  end
  from sessions s
  join users u on u.id = s.user_id
  where ",
            $whose,
            "
), 'abort:session_ended'))"
        )
    };
}

impl Batch {
    /// A batch for `viewer`. Its first statement is the guard: it aborts the whole batch unless the
    /// session is alive and the account active, at the moment of the commit. If it only reads, it reads
    /// the state that the viewer's request asks for.
    #[must_use]
    pub fn guarded(viewer: &Viewer) -> Self {
        let mut batch = Self::public().reading(viewer.reads.clone());
        batch.require(
            guard!("s.id = ?1 and s.user_id = ?2", "?3"),
            params![&viewer.session_id, &viewer.user_id, viewer.now],
        );
        batch
    }

    /// A batch for a moderator or an admin: guarded likewise, and by their role, at the primary whatever
    /// bookmark they bring, so that no read outlives a demotion.
    #[must_use]
    pub fn guarded_for_moderator(moderator: &Moderator) -> Self {
        let Moderator(viewer) = moderator;
        let mut batch = Self::public();
        batch.require(
            guard!("s.id = ?1 and s.user_id = ?2", "?3", "'moderator', 'admin'"),
            params![&viewer.session_id, &viewer.user_id, viewer.now],
        );
        batch
    }

    /// A batch for an admin, guarded likewise.
    #[must_use]
    pub fn guarded_for_admin(admin: &Admin) -> Self {
        let Admin(viewer) = admin;
        let mut batch = Self::public();
        batch.require(
            guard!("s.id = ?1 and s.user_id = ?2", "?3", "'admin'"),
            params![&viewer.session_id, &viewer.user_id, viewer.now],
        );
        batch
    }

    /// A batch for whoever holds a refresh token of `session` that Kith issued: guarded likewise, by
    /// the account whose session it is.
    #[must_use]
    pub fn guarded_for_session(session: &SessionId, now: Timestamp) -> Self {
        let mut batch = Self::public();
        batch.require(guard!("s.id = ?1", "?2"), params![session, now]);
        batch
    }

    /// A batch for whoever asks: guarded if they are signed in, else, if it only reads, at the nearest
    /// replica that knows the state their request asks for.
    #[must_use]
    pub fn guarded_if_signed_in(viewer: &MaybeViewer) -> Self {
        match &viewer.0 {
            Asker::SignedIn(viewer) => Self::guarded(viewer),
            Asker::Nobody(reads) => Self::public().reading(reads.clone()),
        }
    }
}
