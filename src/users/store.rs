//! The `users` table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::ProfileChanges;
use super::{Person, Relation};
use crate::id::{RegistrationId, UserId};
use crate::platform::{Batch, Rows, Write, flag, optional_json_text, params};
use crate::time::Timestamp;
use crate::viewer::{MaybeViewer, Viewer};

/// SQL for a [`super::ShortPerson`] of the `users` row named `$user`: its JSON, or null where an
/// outer join found none.
macro_rules! short_person {
    ($user:literal) => {
        concat!(
            "iif(",
            $user,
            ".id is null, null, json_object('id', ",
            $user,
            ".id, 'username', ",
            $user,
            ".username, 'display_name', ",
            $user,
            ".display_name, 'avatar_url', ",
            $user,
            ".avatar_url))"
        )
    };
}
pub(crate) use short_person;

/// SQL that is true where one of two accounts blocks the other. Two probes of a key each, which read
/// no row where there is no block; false where one of the two is null, which is nobody.
macro_rules! blocked_between {
    ($one:expr, $other:expr) => {
        concat!(
            "(exists (select 1 from blocks where blocker_id = ",
            $one,
            " and blocked_id = ",
            $other,
            ") or exists (select 1 from blocks where blocker_id = ",
            $other,
            " and blocked_id = ",
            $one,
            "))"
        )
    };
}
pub(crate) use blocked_between;

/// The columns of a [`Person`].
macro_rules! person {
    ($user:literal) => {
        concat!(
            $user,
            ".id, ",
            $user,
            ".username, ",
            $user,
            ".display_name, ",
            $user,
            ".bio, ",
            $user,
            ".avatar_url, ",
            $user,
            ".locked, ",
            $user,
            ".post_count, ",
            $user,
            ".follower_count, ",
            $user,
            ".following_count, ",
            $user,
            ".created_at, ",
            $user,
            ".profile_version as version"
        )
    };
}

/// An account about to be written. Its texts have passed `rules`.
pub struct NewAccount<'a> {
    /// The new account's id.
    pub id: &'a UserId,
    /// Case-folded.
    pub username: &'a str,
    /// Case-folded.
    pub email: &'a str,
    /// A PHC string.
    pub password_hash: String,
    /// The name shown.
    pub display_name: &'a str,
    /// Now.
    pub created_at: Timestamp,
}

/// Which names of a new account belong to another.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Taken {
    /// The username.
    #[serde(deserialize_with = "flag")]
    pub username: bool,
    /// The e-mail address.
    #[serde(deserialize_with = "flag")]
    pub email: bool,
}

/// Appends a new account. Where a name is taken nothing is written, which is told, and the batch goes
/// on: what else it does, such as counting the try, stays.
pub fn append_account(batch: &mut Batch, account: NewAccount<'_>) -> Rows<Taken> {
    let taken = batch.query(
        "select
  exists (select 1 from users where username = ?1) as username,
  exists (select 1 from users where email = ?2) as email",
        params![account.username, account.email],
    );
    batch.write(
        "insert into users (id, username, email, password_hash, display_name, created_at)
values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict do nothing",
        params![
            account.id,
            account.username,
            account.email,
            account.password_hash,
            account.display_name,
            account.created_at,
        ],
    );
    taken
}

/// Appends another hash of the same password, if `from` is still the account's and the account is active.
/// Nothing that depends on the password has changed by it.
pub fn append_password_upgrade(batch: &mut Batch, user: &UserId, from: &str, to: &str) {
    batch.write(
        "update users
set password_hash = ?3
where id = ?1 and password_hash = ?2 and status = 'active'",
        params![user, from, to],
    );
}

/// Appends the account of a registration that is not over at `now`: its id is the registration's, its
/// address is proved. Where a name is taken by then nothing is written, and the batch goes on.
pub fn append_account_of_registration(
    batch: &mut Batch,
    registration: &RegistrationId,
    now: Timestamp,
) -> Write {
    batch.write(
        "insert into users (
  id, username, email, email_verified_at, password_hash, display_name, created_at
)
select id, username, email, ?2, password_hash, display_name, ?2
from registrations
where id = ?1 and expires_at > ?2
on conflict do nothing",
        params![registration, now],
    )
}

/// Appends that the address of an active account is proved, if it still is `email`.
pub fn append_email_proof(batch: &mut Batch, user: &UserId, email: &str, now: Timestamp) {
    batch.write(
        "update users
set email_verified_at = ?3, version = version + 1
where id = ?1 and email = ?2 and status = 'active' and email_verified_at is null",
        params![user, email, now],
    );
}

/// Appends that an account has another address, which is proved, if the statement before changed a row.
pub fn append_email(batch: &mut Batch, user: &UserId, email: &str, now: Timestamp) {
    batch.write(
        "update users
set email = ?2,
  email_verified_at = ?3,
  credential_version = credential_version + 1,
  version = version + 1
where id = ?1 and changes() = 1",
        params![user, email, now],
    );
}

/// Appends a new password, of which `to` is the hash, if `from` is still that of the old one. What was
/// allowed under the old one by mail is void.
pub fn append_password(batch: &mut Batch, user: &UserId, from: &str, to: &str) -> Write {
    batch.write(
        "update users
set password_hash = ?3,
  credential_version = credential_version + 1,
  version = version + 1
where id = ?1 and password_hash = ?2",
        params![user, from, to],
    )
}

/// Appends a new password, of which `to` is the hash, for whoever has a mail that was made at
/// `credential_version`, if the account is still there and active. The mail has also proved the address.
pub fn append_password_by_mail(
    batch: &mut Batch,
    user: &UserId,
    credential_version: i64,
    to: &str,
    now: Timestamp,
) -> Write {
    batch.write(
        "update users
set password_hash = ?3,
  credential_version = credential_version + 1,
  email_verified_at = coalesce(email_verified_at, ?4),
  version = version + 1
where id = ?1 and credential_version = ?2 and status = 'active'",
        params![user, credential_version, to, now],
    )
}

/// Appends `by` to a person's count of posts, if the statement before changed a row.
pub fn append_post_count(batch: &mut Batch, author: &UserId, by: i64) {
    batch.write(
        "update users
set post_count = post_count + ?2, version = version + 1
where id = ?1 and changes() = 1",
        params![author, by],
    );
}

/// One's own account.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Me {
    /// What everyone sees.
    #[serde(flatten)]
    pub person: Person,
    /// The address mails go to.
    #[schemars(example = &"asha@example.com")]
    pub email: String,
    /// Whether its owner has proved it.
    #[serde(deserialize_with = "flag")]
    pub email_verified: bool,
    /// What the account may do beyond its own.
    #[schemars(extend("enum" = ["user", "moderator", "admin"]))]
    pub role: String,
    /// What it has paid for.
    #[schemars(extend("enum" = ["free", "pro"]))]
    pub plan: String,
    /// Whether a second factor is on.
    #[serde(deserialize_with = "flag")]
    pub totp: bool,
}

/// Appends a query for one's own account.
pub fn select_me(batch: &mut Batch, user: &UserId) -> Rows<Me> {
    batch.query(
        concat!(
            "select ",
            person!("u"),
            ",
  u.email,
  u.email_verified_at is not null as email_verified,
  u.role,
  u.plan,
  0 as totp
from users u
where u.id = ?1"
        ),
        params![user],
    )
}

/// A person as the one who asks sees them.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "Person")]
pub(super) struct PersonRow {
    #[serde(flatten)]
    person: Person,
    /// How the two stand to each other; told to others who are signed in.
    #[serde(
        deserialize_with = "optional_json_text",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Relation")]
    relation: Option<Relation>,
}

impl PersonRow {
    /// The version of the profile itself.
    pub(super) const fn version(&self) -> i64 {
        self.person.version
    }
}

/// One's own account, for `GET /profile`.
pub(super) fn my_profile(viewer: &Viewer) -> (Batch, Rows<Me>) {
    let mut batch = Batch::guarded(viewer);
    let me = select_me(&mut batch, viewer.user_id());
    (batch, me)
}

/// Changes one's own profile, if it is at one of `versions` (a JSON array; none means any), and
/// answers with it.
pub(super) fn update_profile(
    viewer: &Viewer,
    changes: &ProfileChanges,
    versions: Option<String>,
) -> (Batch, Write, Rows<Me>) {
    let mut batch = Batch::guarded(viewer);
    let written = batch.write(
        "update users
set display_name = coalesce(?2, display_name),
  bio = coalesce(?3, bio),
  locked = coalesce(?4, locked),
  version = version + 1,
  profile_version = profile_version + 1
where id = ?1
  and (?5 is null or profile_version in (select value from json_each(?5)))",
        params![
            viewer.user_id(),
            changes.display_name.as_deref(),
            changes.bio.as_deref(),
            changes.locked,
            versions
        ],
    );
    let me = select_me(&mut batch, viewer.user_id());
    (batch, written, me)
}

/// The public profile of whoever has this username, if the viewer may see them. The relation is told
/// to others who are signed in.
pub(super) fn profile(viewer: &MaybeViewer, username: &str) -> (Batch, Rows<PersonRow>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let person = batch.query(
        concat!(
            "select ",
            person!("u"),
            ",
  iif(?2 is null or ?2 = u.id, null, json_object(
    'following', json(iif(mine.state = 'accepted', 'true', 'false')),
    'requested', json(iif(mine.state = 'pending', 'true', 'false')),
    'muting', json(iif(mine.muted = 1, 'true', 'false')),
    'followed_by', json(iif(exists (
      select 1
      from follows
      where follower_id = u.id and followee_id = ?2 and state = 'accepted'
    ), 'true', 'false')),
    'blocking', json(iif(exists (
      select 1
      from blocks
      where blocker_id = ?2 and blocked_id = u.id
    ), 'true', 'false'))
  )) as relation
from users u
left join follows mine on mine.follower_id = ?2 and mine.followee_id = u.id
where u.username = ?1
  and u.status = 'active'
  and not exists (
    select 1
    from blocks
    where blocker_id = u.id and blocked_id = ?2
  )"
        ),
        params![username, viewer.user_id()],
    );
    (batch, person)
}
