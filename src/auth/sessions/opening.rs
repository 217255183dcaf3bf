//! A session that begins.

use std::sync::Arc;

use http::header::{HeaderMap, USER_AGENT};

use super::{LIFETIME, rules, store};
use crate::app::App;
use crate::auth::devices::Device;
use crate::auth::refresh;
use crate::auth::routes::Tokens;
use crate::error::Error;
use crate::http::exchange::Exchange;
use crate::id::{SessionId, UserId};
use crate::jobs::{AppendedJob, NewJob};
use crate::platform::{Batch, Write};

/// What the device that sent `headers` calls itself.
pub(in crate::auth) fn user_agent(headers: &HeaderMap) -> String {
    let sent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    rules::user_agent(sent.unwrap_or_default())
}

/// A session about to begin.
pub(in crate::auth) struct Session<'a> {
    app: &'a App,
    id: SessionId,
    user: &'a UserId,
    user_agent: String,
    refresh_hash: String,
}

impl<'a> Session<'a> {
    /// A session of `user` on the device that sent `headers`, and its tokens. It is none before its batch
    /// commits.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(in crate::auth) fn begin(
        app: &'a App,
        user: &'a UserId,
        headers: &HeaderMap,
    ) -> Result<(Self, Tokens), Error> {
        let ports = app.ports();
        let id = SessionId::generate(ports.clock.as_ref(), ports.random.as_ref());
        let refresh = refresh::first(&id, ports.random.as_ref());
        let tokens = Tokens::issue(app, user, &id, &refresh)?;
        let user_agent = user_agent(headers);
        Ok((
            Self {
                app,
                id,
                user,
                user_agent,
                refresh_hash: refresh.hash(),
            },
            tokens,
        ))
    }

    /// Its id.
    pub(in crate::auth) fn id(&self) -> &SessionId {
        &self.id
    }

    /// Appends the session, as [`store::append_session`] does.
    pub(in crate::auth) fn append(&self, batch: &mut Batch, password_hash: &str) -> Write {
        let now = self.app.now();
        let session = store::NewSession {
            id: &self.id,
            user_id: self.user,
            user_agent: &self.user_agent,
            refresh_hash: &self.refresh_hash,
            created_at: now,
            expires_at: now.plus(LIFETIME),
        };
        store::append_session(batch, &session, password_hash)
    }

    /// Appends, after the session, that its account has been signed in from this device. Nobody is told:
    /// who has just made an account knows.
    pub(in crate::auth) fn append_device(&self, batch: &mut Batch, cause: &Exchange) {
        self.device(cause).append(batch);
    }

    /// Likewise, and the mail to `email` about a device that is new to an account which has been signed in
    /// before.
    pub(in crate::auth) fn append_device_and_tell(
        &self,
        batch: &mut Batch,
        cause: &Arc<Exchange>,
        email: &str,
    ) -> AppendedJob {
        let letter = NewJob::new(self.app, Arc::clone(cause));
        self.device(cause).append_and_tell(batch, letter, email)
    }

    fn device(&self, cause: &Exchange) -> Device<'_> {
        Device::of(self.app, cause, self.user, &self.id, &self.user_agent)
    }
}
