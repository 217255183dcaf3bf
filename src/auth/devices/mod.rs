//! From where an account signs in, as its owner would tell devices apart, so that they are told of a new
//! one.
//!
//! Invariants: no address and nothing that a device says of itself is stored, only a keyed hash that no
//! two accounts share; a device is noted in the batch of the session that begins there, or of the account that
//! a mail makes there.

mod rules;
mod store;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::http::exchange::Exchange;
use crate::id::{RegistrationId, SessionId, UserId};
use crate::jobs::{AppendedJob, NewJob};
use crate::platform::Batch;
use crate::time::Timestamp;

/// What the code of a device is made for.
const CODE: &str = "device";

/// Bytes of a device's hash: enough that no two meet.
const HASH_BYTES: usize = 16;

/// Where a session begins.
pub(super) struct Device<'a> {
    user: &'a UserId,
    session: &'a SessionId,
    fingerprint: String,
    now: Timestamp,
}

impl<'a> Device<'a> {
    /// The device from which `session` of `user` begins: whatever calls itself by this `user_agent`, but
    /// for its version, in the client's network.
    pub(super) fn of(
        app: &App,
        cause: &Exchange,
        user: &'a UserId,
        session: &'a SessionId,
        user_agent: &str,
    ) -> Self {
        Self {
            user,
            session,
            fingerprint: fingerprint(app, cause, user.as_str(), user_agent),
            now: app.now(),
        }
    }

    /// Appends that the account has been signed in from here, if the session has begun. It makes no
    /// difference where that is known.
    pub(super) fn append(&self, batch: &mut Batch) {
        store::append(batch, self);
    }

    /// Likewise, and the mail that tells the account's owner, at `email`, if there is another device of it,
    /// but not this one.
    pub(super) fn append_and_tell(
        &self,
        batch: &mut Batch,
        letter: NewJob,
        email: &str,
    ) -> AppendedJob {
        store::append(batch, self);
        store::append_letter(batch, self, letter, email)
    }
}

/// Where an account comes to be without a session: whoever signs in to it from elsewhere for the first time
/// may not be who made it.
pub(super) struct Birthplace {
    fingerprint: String,
    now: Timestamp,
}

impl Birthplace {
    /// Whatever calls itself by this `user_agent`, in the client's network, which makes `account`.
    pub(super) fn of(app: &App, cause: &Exchange, account: &str, user_agent: &str) -> Self {
        Self {
            fingerprint: fingerprint(app, cause, account, user_agent),
            now: app.now(),
        }
    }

    /// Appends it as a device of `account`, if the statement before changed a row.
    pub(super) fn append_if_changed(&self, batch: &mut Batch, account: &RegistrationId) {
        store::append_birthplace(batch, account, &self.fingerprint, self.now);
    }
}

/// What tells the devices of an account apart: the family of what they call themselves, and the network.
fn fingerprint(app: &App, cause: &Exchange, account: &str, user_agent: &str) -> String {
    let family = rules::family(user_agent);
    let network = rules::network(&cause.client_address);
    let parts = [account, &family, &network].map(str::as_bytes);
    let code = app.secret_keys().lasting_code(CODE, &parts);
    let hash = code.get(..HASH_BYTES).unwrap_or(&code);
    URL_SAFE_NO_PAD.encode(hash)
}
