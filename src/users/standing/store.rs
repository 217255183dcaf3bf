//! The `users` table, as far as an account's standing goes.

use super::{Plan, Role, Status};
use crate::id::ReportId;
use crate::platform::{Batch, Write, params};
use crate::users::{NewAccount, append_text};

/// What is to be changed of a standing. What is absent stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewStanding {
    /// What the account may do beyond its own.
    pub role: Option<Role>,
    /// Whether it may act.
    pub status: Option<Status>,
    /// What it has paid for.
    pub plan: Option<Plan>,
}

/// Appends the change of the standing of whoever has this username, case-folded, if it is at one of
/// `versions` (a JSON array; none means any). Of a deleted account nothing is changed.
pub fn append_standing(
    batch: &mut Batch,
    username: &str,
    new: NewStanding,
    versions: Option<&str>,
) -> Write {
    batch.write(
        "update users
set role = coalesce(?2, role),
  status = coalesce(?3, status),
  plan = coalesce(?4, plan),
  version = version + 1,
  standing_version = standing_version + 1
where username = ?1
  and status <> 'deleted'
  and (?5 is null or exists (select 1 from json_each(?5) where value = standing_version))",
        params![
            username,
            new.role.map(Role::as_str),
            new.status.map(Status::as_str),
            new.plan.map(Plan::as_str),
            versions
        ],
    )
}

/// Appends that whoever a report is about is suspended, if they are active and the statement before changed a
/// row.
pub fn append_suspension_of_reported(batch: &mut Batch, report: &ReportId) {
    batch.write(
        "update users
set status = 'suspended',
  version = version + 1,
  standing_version = standing_version + 1
where changes() = 1
  and id = (select account_id from reports where id = ?1)
  and status = 'active'",
        params![report],
    );
}

/// Appends the condition that there is an active admin, after whatever might have left none.
pub fn require_an_admin(batch: &mut Batch) {
    batch.require(
        "select json_extract('{}', iif(exists (
  select 1
  from users indexed by users_admins
  where role = 'admin' and status = 'active' and id > ''
), '$', 'abort:last_admin'))",
        params![],
    );
}

/// Appends a new account that is an admin and whose address counts as verified, if the statement before
/// changed a row.
pub fn append_admin(batch: &mut Batch, account: &NewAccount<'_>) -> Write {
    append_text(batch, account.id.as_str());
    batch.write(
        "insert into users (
  id, username, email, email_verified_at, password_hash, display_name, role, number, created_at
)
select ?1, ?2, ?3, ?6, ?4, ?5, 'admin', (select coalesce(max(number), 0) + 1 from users), ?6
where changes() > 0",
        params![
            account.id,
            account.username,
            account.email,
            account.password_hash.as_str(),
            account.display_name,
            account.created_at,
        ],
    )
}
