//! Accounts as moderators and admins see them. The table belongs to `users`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::Picked;
use crate::audit::{self, Event, insert_event};
use crate::http::pagination::{Boundary, Keyed, PageRequest, select_boundary};
use crate::id::UserId;
use crate::platform::{Batch, Rows, Write, flag, params};
use crate::time::Timestamp;
use crate::users::{self, NewStanding, Plan, Role, Status};
use crate::viewer::{Admin, Moderator};

/// An account as those see it who run Kith: without its e-mail address.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(super) struct Account {
    id: UserId,
    /// Its public address.
    #[schemars(example = &"asha")]
    username: String,
    /// The name shown.
    #[schemars(example = &"Asha Rao")]
    display_name: String,
    role: Role,
    status: Status,
    plan: Plan,
    /// Whether its owner has proved the address.
    #[serde(deserialize_with = "flag")]
    email_verified: bool,
    /// Since when.
    created_at: Timestamp,
    /// Grows with every change of the standing. Shown in the entity tag only.
    #[serde(skip_serializing)]
    pub(super) version: i64,
}

impl Keyed for Account {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// The columns of an [`Account`], of the `users` row named `$user`.
macro_rules! account {
    ($user:literal) => {
        concat!(
            $user,
            ".id, ",
            $user,
            ".username, ",
            $user,
            ".display_name, ",
            $user,
            ".role, ",
            $user,
            ".status, ",
            $user,
            ".plan, ",
            $user,
            ".email_verified_at is not null as email_verified, ",
            $user,
            ".created_at, ",
            $user,
            ".standing_version as version"
        )
    };
}

/// A page of the accounts picked, newest first, without those that were deleted; and where its
/// candidates end.
pub(super) fn list(
    moderator: &Moderator,
    picked: &Picked,
    page: &PageRequest,
) -> (Batch, Rows<Account>, Rows<Boundary>) {
    let mut batch = Batch::guarded_for_moderator(moderator);
    let status = picked.status.map(Status::as_str);
    if let Some(username) = &picked.username {
        let rows = batch.query(
            concat!(
                "select ",
                account!("u"),
                "
from users u
where u.username = ?1
  and u.status <> 'deleted'
  and (?2 is null or u.status = ?2)"
            ),
            params![username.as_str(), status],
        );
        let boundary = batch.query("select null as boundary", params![]);
        return (batch, rows, boundary);
    }
    let before = page.before_id();
    let rows = batch.query(
        concat!(
            "select ",
            account!("u"),
            "
from (
  select id
  from users
  where id < ?1
  order by id desc
  limit ?2
) c
cross join users u on u.id = c.id
where u.status <> 'deleted' and (?3 is null or u.status = ?3)
order by c.id desc
limit ?4"
        ),
        params![before, page.candidates(), status, page.rows()],
    );
    let boundary = batch.query(
        select_boundary!(
            "min(id)",
            "?2",
            "select id
    from users
    where id < ?1
    order by id desc
    limit ?2"
        ),
        params![before, page.candidates()],
    );
    (batch, rows, boundary)
}

/// What tells of each part of a standing that changes.
pub(super) struct Events {
    pub(super) role: Event,
    pub(super) status: Event,
    pub(super) plan: Event,
}

/// SQL that records the change of the column `$column` to `?7`, by `?5`, of whoever has the username
/// `?6`, before it is made: if it will be made, and changes anything.
macro_rules! record_change {
    ($column:literal) => {
        insert_event!(
            "?5",
            "id",
            "null",
            concat!("json_object('from', ", $column, ", 'to', ?7)"),
            concat!(
                "from users
where username = ?6
  and status <> 'deleted'
  and ",
                $column,
                " <> ?7
  and (?8 is null or exists (select 1 from json_each(?8) where value = standing_version))"
            )
        )
    };
}

/// Changes the standing of whoever has this username, case-folded, if it is at one of `versions` (a JSON
/// array; none means any), records what of it changes, and answers with the account.
///
/// Aborts where nobody has the username, and where no active admin would be left.
pub(super) fn change_standing(
    admin: &Admin,
    username: &str,
    new: NewStanding,
    versions: Option<&str>,
    events: &Events,
) -> (Batch, Write, Rows<Account>) {
    let mut batch = Batch::guarded_for_admin(admin);
    batch.require(
        "select json_extract('{}', iif(exists (
  select 1
  from users
  where username = ?1 and status <> 'deleted'
), '$', 'abort:not_found'))",
        params![username],
    );
    let parts = [
        (
            &events.role,
            record_change!("role"),
            new.role.map(Role::as_str),
        ),
        (
            &events.status,
            record_change!("status"),
            new.status.map(Status::as_str),
        ),
        (
            &events.plan,
            record_change!("plan"),
            new.plan.map(Plan::as_str),
        ),
    ];
    for (event, sql, to) in parts {
        if let Some(to) = to {
            let more = params![admin.user_id(), username, to, versions];
            audit::append_selected(&mut batch, event, sql, more);
        }
    }
    let changed = users::append_standing(&mut batch, username, new, versions);
    users::require_an_admin(&mut batch);
    let account = batch.query(
        concat!(
            "select ",
            account!("u"),
            "
from users u
where u.username = ?1"
        ),
        params![username],
    );
    (batch, changed, account)
}
