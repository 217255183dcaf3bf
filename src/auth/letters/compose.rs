//! From a letter and what is known of its account to the mail, or to none: what a letter is about may be
//! over by the time it is sent.

use std::time::Duration;

use super::Letter;
use super::store::{Account, Facts};
use super::templates::{Kind, Shown};
use super::words;
use crate::auth::mail_token::{MailToken, Permission};
use crate::config::Config;
use crate::error::Error;
use crate::id::JobId;
use crate::platform::OutgoingMail;
use crate::time::Timestamp;

/// How long the link of a mail that proves an address is good.
const ADDRESS_PROOF: Duration = Duration::from_hours(24);

/// How long the link of a mail with which a password is chosen is good.
const PASSWORD_RESET: Duration = Duration::from_hours(1);

/// A letter about to become a mail.
pub(super) struct Draft<'a> {
    pub(super) config: &'a Config,
    pub(super) job: &'a JobId,
    /// When its cause was.
    pub(super) created_at: Timestamp,
    pub(super) now: Timestamp,
}

/// A mail's address, its kind and what it shows.
struct Content {
    to: String,
    kind: Kind,
    shown: Shown,
}

/// The page that a link leads to.
#[derive(Clone, Copy)]
enum Page {
    VerifyEmail,
    ResetPassword,
}

impl Page {
    const fn path(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
        }
    }
}

impl Draft<'_> {
    /// The mail, if there is to be one.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(super) fn compose(
        &self,
        letter: &Letter,
        facts: Facts,
    ) -> Result<Option<OutgoingMail>, Error> {
        let Some(Content { to, kind, shown }) = self.content(letter, facts)? else {
            return Ok(None);
        };
        let (text, html) = kind.render(&shown)?;
        Ok(Some(OutgoingMail {
            id: self.job.to_string(),
            message_id: format!("{}@{}", self.job, self.config.host.trim_matches(['[', ']'])),
            from: self.config.mail_from.clone(),
            to,
            date: self.now,
            subject: kind.subject().to_owned(),
            text,
            html,
        }))
    }

    fn content(&self, letter: &Letter, facts: Facts) -> Result<Option<Content>, Error> {
        if let Letter::Registration { .. } = letter {
            return self.registration(letter, facts);
        }
        // Nobody else is written to: not the suspended, and nobody where there is no account.
        let Some(account) = facts.account else {
            return Ok(None);
        };
        let told = |kind| Ok(Some(self.about(kind, &account)));
        match letter {
            Letter::VerifyEmail { user_id } if !account.verified => {
                let permission = Permission::VerifyEmail {
                    user_id: user_id.clone(),
                    email: account.email.clone(),
                };
                let until = self.created_at.plus(ADDRESS_PROOF);
                self.with_link(
                    self.about(Kind::VerifyEmail, &account),
                    Page::VerifyEmail,
                    permission,
                    until,
                )
            }
            Letter::Registration { .. } | Letter::VerifyEmail { .. } => Ok(None),
            Letter::ResetPassword { .. } => {
                let permission = Permission::ResetPassword {
                    user_id: account.id.clone(),
                    credential_version: account.credential_version,
                };
                let until = self.created_at.plus(PASSWORD_RESET);
                self.with_link(
                    self.about(Kind::ResetPassword, &account),
                    Page::ResetPassword,
                    permission,
                    until,
                )
            }
            Letter::PasswordChanged { .. } => told(Kind::PasswordChanged),
            Letter::NewDevice { .. } => {
                let mut content = self.about(Kind::NewDevice, &account);
                let said = facts
                    .device
                    .map_or_else(String::new, |device| device.user_agent);
                content.shown.device = words::device(&said);
                Ok(Some(content))
            }
            Letter::ConfirmEmail {
                user_id,
                new_email,
                credential_version,
            } => {
                if facts.address_taken || *credential_version != account.credential_version {
                    return Ok(None);
                }
                let permission = Permission::ChangeEmail {
                    user_id: user_id.clone(),
                    new_email: new_email.clone(),
                    credential_version: *credential_version,
                };
                let mut content = self.about(Kind::ConfirmEmail, &account);
                content.to.clone_from(new_email);
                let until = self.created_at.plus(ADDRESS_PROOF);
                self.with_link(content, Page::VerifyEmail, permission, until)
            }
            Letter::EmailChangeRequested { .. } => told(Kind::EmailChangeRequested),
            Letter::EmailChanged { old_email, .. } => {
                let mut content = self.about(Kind::EmailChanged, &account);
                content.to.clone_from(old_email);
                Ok(Some(content))
            }
        }
    }

    /// To whoever reads the mails of the address: how to go on, or that they have an account, and nothing
    /// of it.
    fn registration(&self, letter: &Letter, facts: Facts) -> Result<Option<Content>, Error> {
        let (Letter::Registration { registration_id }, Some(registration)) =
            (letter, facts.registration)
        else {
            return Ok(None);
        };
        let (to, username, kind) = match registration.owner_status.as_deref() {
            None => (
                registration.email,
                registration.username,
                Kind::Registration,
            ),
            Some("active") => (registration.email, String::new(), Kind::AccountExists),
            Some(_) => return Ok(None),
        };
        let content = self.content_of(kind, to, &username);
        let permission = Permission::Register {
            registration_id: registration_id.clone(),
        };
        let until = registration.expires_at;
        if kind == Kind::AccountExists {
            return Ok((self.now < until).then_some(content));
        }
        self.with_link(content, Page::VerifyEmail, permission, until)
    }

    fn about(&self, kind: Kind, account: &Account) -> Content {
        self.content_of(kind, account.email.clone(), &account.username)
    }

    fn content_of(&self, kind: Kind, to: String, username: &str) -> Content {
        let name = self.config.mail_from.name.as_str();
        let shown = Shown {
            subject: kind.subject(),
            app: if name.is_empty() { "Kith" } else { name }.to_owned(),
            username: words::username(username),
            at: self.created_at.in_words(),
            ..Shown::default()
        };
        Content { to, kind, shown }
    }

    /// The mail with a link that lets its reader do what `permission` says, unless that is over already.
    fn with_link(
        &self,
        mut content: Content,
        page: Page,
        permission: Permission,
        until: Timestamp,
    ) -> Result<Option<Content>, Error> {
        if self.now >= until {
            return Ok(None);
        }
        let token = MailToken::new(permission, until).text(&self.config.secret_keys)?;
        // What follows a # is sent to no server, so it is in no log.
        content.shown.link = format!("{}/{}#token={token}", self.config.app_url, page.path());
        content.shown.until = until.in_words();
        Ok(Some(content))
    }
}
