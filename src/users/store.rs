//! The `users` table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Person;
use super::rules::ProfileChanges;
use crate::id::{PostId, PostRef, RegistrationId, UserId};
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, Write, flag, params};
use crate::time::Timestamp;
use crate::viewer::Viewer;

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

/// SQL for the [`super::Relation`] of the account `$viewer` to the account `$other`: its JSON, or null where
/// there is no viewer or the two are one. A probe of a key for each side, which reads no row where there is none.
macro_rules! relation {
    ($other:expr, $viewer:expr) => {
        concat!(
            "iif(",
            $viewer,
            " is null or ",
            $viewer,
            " = ",
            $other,
            ", null, (
    select json_object(
      'following', json(iif(mine.follower_id is null, 'false', 'true')),
      'followed_by', json(iif(theirs.follower_id is null, 'false', 'true')),
      'requested', json(iif(asked.follower_id is null, 'false', 'true')),
      'blocking', json(iif(blocked.blocker_id is null, 'false', 'true')),
      'muting', json(iif(muted.muter_id is null, 'false', 'true'))
    )
    from (select 1)
    left join follows mine on mine.follower_id = ",
            $viewer,
            " and mine.state = 'accepted' and mine.followee_id = ",
            $other,
            "
    left join follows asked on asked.follower_id = ",
            $viewer,
            " and asked.state = 'pending' and asked.followee_id = ",
            $other,
            "
    left join follows theirs on theirs.follower_id = ",
            $other,
            " and theirs.state = 'accepted' and theirs.followee_id = ",
            $viewer,
            "
    left join blocks blocked on blocked.blocker_id = ",
            $viewer,
            " and blocked.blocked_id = ",
            $other,
            "
    left join mutes muted on muted.muter_id = ",
            $viewer,
            " and muted.muted_id = ",
            $other,
            "
  ))"
        )
    };
}
pub(crate) use relation;

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
pub(super) use person;

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

/// Appends that a new account is found by its names. Nothing where there is no such account, or it is found
/// already.
pub(crate) fn append_text(batch: &mut Batch, user: &str) {
    batch.write_last(
        "insert into users_text (rowid, username, display_name)
select number, username, display_name
from users
where id = ?1
  and number is not null
  and not exists (select 1 from users_text where rowid = number)",
        params![user],
    );
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
        "insert into users (id, username, email, password_hash, display_name, number, created_at)
values (
  ?1, ?2, ?3, ?4, ?5, (select coalesce(max(number), 0) + 1 from users), ?6
)
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
    append_text(batch, account.id.as_str());
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
    append_text(batch, registration.as_str());
    batch.write(
        "insert into users (
  id, username, email, email_verified_at, password_hash, display_name, number, created_at
)
select id, username, email, ?2, password_hash, display_name,
  (select coalesce(max(number), 0) + 1 from users), ?2
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

/// SQL for the ids of those in whose notifications a post may be shown, from `$post`, a query for its `author_id` and
/// `reply_to`, and `$id`, SQL for its id: its author, whoever wrote what it answers, and whoever was told that it names them,
/// also where it does not any more.
///
/// Of the last at most 500, so that no batch grows with what an author does: only who has edited a post very often
/// has named more.
macro_rules! told_of_post {
    ($post:expr, $id:expr) => {
        concat!(
            "select author_id
  from (",
            $post,
            ")
  union all
  select parent.author_id
  from (",
            $post,
            ") p
  join posts parent on parent.id = p.reply_to
  union all
  select recipient_id
  from (
    select recipient_id
    from notifications indexed by notifications_of_mentions
    where kind = 'mention' and subject_id = ",
            $id,
            "
    limit 500
  )"
        )
    };
}
pub(crate) use told_of_post;

/// SQL for the id of the post that a [`PostRef`](crate::id::PostRef) means, of whose two parameters `$id` is the
/// first.
macro_rules! post_ref {
    ($id:literal, $report:literal) => {
        concat!(
            "coalesce(",
            $id,
            ", (select post_id from reports where id = ",
            $report,
            "))"
        )
    };
}
pub(crate) use post_ref;

/// Appends, before it is done, that a post goes which is there: its author has one less, unless it is a comment,
/// and whoever was told of it has another list of notifications.
pub fn append_post_gone(batch: &mut Batch, post: PostRef) {
    batch.write(
        concat!(
            "update users
set
  post_count = post_count - exists (
    select 1
    from posts
    where id = ",
            post_ref!("?1", "?2"),
            " and author_id = users.id and reply_to is null
  ),
  version = version + 1
where id in (
  ",
            told_of_post!(
                concat!(
                    "select author_id, reply_to from posts where id = ",
                    post_ref!("?1", "?2"),
                    " and deleted_at is null and removed_at is null"
                ),
                concat!(
                    "(select id from posts where id = ",
                    post_ref!("?1", "?2"),
                    " and deleted_at is null and removed_at is null)"
                )
            ),
            "
)"
        ),
        post.params(vec![]),
    );
}

/// Appends, before it is done, that a post is to say `caption`: if it says something else, whoever was told of it
/// has another list of notifications.
pub fn append_post_changed(batch: &mut Batch, post: &PostId, caption: &str) {
    batch.write(
        concat!(
            "update users
set version = version + 1
where id in (
  ",
            told_of_post!(
                "select author_id, reply_to from posts where id = ?1 and caption <> ?2",
                "(select id from posts where id = ?1 and caption <> ?2)"
            ),
            "
)"
        ),
        params![post, caption],
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

/// One's own account, for `GET /profile`.
pub(super) fn my_profile(viewer: &Viewer) -> (Batch, Rows<Me>) {
    let mut batch = Batch::guarded(viewer);
    let me = select_me(&mut batch, viewer.user_id());
    (batch, me)
}

/// Changes one's own profile, if it is at one of `versions` (a JSON array; none means any), and
/// answers with it. If the account is not locked from then on, a job accepts whoever has asked to follow it.
///
/// Aborts where it is at another version.
pub(super) fn update_profile(
    viewer: &Viewer,
    changes: &ProfileChanges,
    versions: Option<String>,
    job: NewJob,
) -> (Batch, Rows<Me>, Option<AppendedJob>) {
    let mut batch = Batch::guarded(viewer);
    batch.require(
        "select json_extract('{}', iif(
  ?2 is null or exists (
    select 1
    from users u
    join json_each(?2) seen on seen.value = u.profile_version
    where u.id = ?1
  ),
  '$', 'abort:precondition_failed'))",
        params![viewer.user_id(), versions],
    );
    let job = (changes.locked == Some(false)).then(|| {
        job.append(
            &mut batch,
            insert_job!(
                "json_object('kind', 'unlocked', 'account_id', ?6)",
                "where exists (
  select 1
  from follows
  where followee_id = ?6 and state = 'pending'
)"
            ),
            params![viewer.user_id()],
        )
    });
    if let Some(name) = changes.display_name.as_deref() {
        batch.erase(
            "insert into users_text (users_text, rowid, username, display_name)
select 'delete', number, username, display_name
from users
where id = ?1
  and display_name <> ?2
  and exists (select 1 from users_text where rowid = number)",
            params![viewer.user_id(), name],
        );
        append_text(&mut batch, viewer.user_id().as_str());
    }
    batch.write(
        "update users
set display_name = coalesce(?2, display_name),
  bio = coalesce(?3, bio),
  locked = coalesce(?4, locked),
  version = version + 1,
  profile_version = profile_version + 1
where id = ?1",
        params![
            viewer.user_id(),
            changes.display_name.as_deref(),
            changes.bio.as_deref(),
            changes.locked
        ],
    );
    let me = select_me(&mut batch, viewer.user_id());
    (batch, me, job)
}
