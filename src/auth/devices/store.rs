//! The `devices` table.

use super::Device;
use crate::id::RegistrationId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, params};
use crate::time::Timestamp;

/// Appends the device, if its session has begun. One that is known stays as it is.
pub(super) fn append(batch: &mut Batch, device: &Device<'_>) {
    batch.write(
        "insert into devices (user_id, fingerprint, created_at)
select user_id, ?2, ?3
from sessions
where id = ?1
on conflict do nothing",
        params![device.session, device.fingerprint.as_str(), device.now],
    );
}

/// Appends the device on which the account of a registration was made, if the statement before changed a row.
pub(super) fn append_birthplace(
    batch: &mut Batch,
    account: &RegistrationId,
    fingerprint: &str,
    now: Timestamp,
) {
    batch.write(
        "insert into devices (user_id, fingerprint, created_at)
select ?1, ?2, ?3
where changes() = 1
on conflict do nothing",
        params![account, fingerprint, now],
    );
}

/// Appends the mail about a device, if the statement before has found it new, and the account has another:
/// its first sign-in ever is expected.
pub(super) fn append_letter(
    batch: &mut Batch,
    device: &Device<'_>,
    letter: NewJob,
    email: &str,
) -> AppendedJob {
    letter.append(
        batch,
        insert_job!(
            "json_object(
  'kind', 'mail', 'letter', 'new_device', 'user_id', ?6, 'session_id', ?7, 'email', ?9
)",
            "where changes() = 1
  and exists (
    select 1
    from devices
    where user_id = ?6 and fingerprint <> ?8
  )"
        ),
        params![
            device.user,
            device.session,
            device.fingerprint.as_str(),
            email
        ],
    )
}
