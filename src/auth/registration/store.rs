//! The `registrations` table.

use std::time::Duration;

use serde::Deserialize;

use crate::audit::{self, insert_event};
use crate::auth::devices::Birthplace;
use crate::id::RegistrationId;
use crate::platform::{Batch, Rows, Write, flag, params};
use crate::time::Timestamp;
use crate::users;

/// How long a registration that is over is kept: a machine whose clock is behind may still finish it.
const KEPT: Duration = Duration::from_mins(2);

/// How many registrations one batch forgets at most.
pub(super) const SWEEP_LIMIT: i64 = 1_000;

/// A registration about to be written. Its texts have passed `rules`.
pub(super) struct NewRegistration<'a> {
    pub(super) id: &'a RegistrationId,
    /// Case-folded.
    pub(super) username: &'a str,
    /// Case-folded.
    pub(super) email: &'a str,
    /// A PHC string.
    pub(super) password_hash: String,
    pub(super) display_name: &'a str,
    /// Now.
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Appends a registration. Where an account has the username, or a registration with another address
/// holds it, nothing is written, and the batch goes on: that it was tried stays counted.
pub(super) fn append_registration(batch: &mut Batch, registration: NewRegistration<'_>) -> Write {
    batch.write(
        "insert into registrations (
  id, username, email, password_hash, display_name, created_at, expires_at
)
select ?1, ?2, ?3, ?4, ?5, ?6, ?7
where not exists (select 1 from users where username = ?2)
  and not exists (
    select 1
    from registrations
    where username = ?2 and expires_at > ?6 and email <> ?3
  )",
        params![
            registration.id,
            registration.username,
            registration.email,
            registration.password_hash,
            registration.display_name,
            registration.created_at,
            registration.expires_at,
        ],
    )
}

/// What has become of a registration.
#[derive(Deserialize)]
pub(super) struct State {
    /// Its account is there, and active.
    #[serde(deserialize_with = "flag")]
    pub(super) is_finished: bool,
    /// It waits, but another account has its address.
    #[serde(deserialize_with = "flag")]
    pub(super) email_taken: bool,
    /// It waits, but another account has its username.
    #[serde(deserialize_with = "flag")]
    pub(super) username_taken: bool,
}

/// Makes the account of a registration, which is then gone: its password's hash stands in one place, and
/// nothing can make the account once more. That is the event `registered`; a sign-in from anywhere but
/// `birthplace` will be news.
pub(super) fn finish(
    id: &RegistrationId,
    birthplace: &Birthplace,
    registered: &audit::Event,
    now: Timestamp,
) -> (Batch, Rows<State>) {
    let mut batch = Batch::public();
    users::append_account_of_registration(&mut batch, id, now);
    audit::append_selected(
        &mut batch,
        registered,
        insert_event!(
            "?5",
            "?5",
            "null",
            "json_object('by', 'mail')",
            "where changes() > 0"
        ),
        params![id],
    );
    batch.write(
        "delete from registrations
where id = ?1 and changes() = 1",
        params![id],
    );
    birthplace.append_if_changed(&mut batch, id);
    let state = batch.query(
        "select
  exists (select 1 from users where id = ?1 and status = 'active') as is_finished,
  exists (
    select 1
    from registrations r
    join users u on u.email = r.email
    where r.id = ?1 and r.expires_at > ?2
  ) as email_taken,
  exists (
    select 1
    from registrations r
    join users u on u.username = r.username
    where r.id = ?1 and r.expires_at > ?2
  ) as username_taken",
        params![id, now],
    );
    (batch, state)
}

/// Forgets registrations made before `over`, the oldest first, a bounded number at a time. Their ids tell
/// when they were made.
pub(super) fn sweep(over: Timestamp) -> (Batch, Write) {
    let mut batch = Batch::public();
    let forgotten = batch.write(
        "delete from registrations
where id in (
  select id
  from registrations
  where id < ?1
  order by id
  limit ?2
)",
        params![&RegistrationId::first_of(over.minus(KEPT)), SWEEP_LIMIT],
    );
    (batch, forgotten)
}
