//! From a letter and what is known of its account to the mail, or to none: what a letter is about may be
//! over by the time it is sent.

use std::time::Duration;

use super::Letter;
use super::store::Facts;
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
            message_id: format!("{}@{}", self.job, self.config.mail_from.domain()),
            from: self.config.mail_from.clone(),
            to,
            date: self.now,
            subject: kind.subject().to_owned(),
            text,
            html,
        }))
    }

    fn content(&self, letter: &Letter, facts: Facts) -> Result<Option<Content>, Error> {
        // What has happened is told to whom it has happened: whose the account is by now is another matter.
        let told = |kind, to: &str| {
            let mut content = self.about(kind, &facts);
            to.clone_into(&mut content.to);
            Ok(Some(content))
        };
        match letter {
            Letter::Registration { registration_id } => {
                let permission = Permission::Register {
                    registration_id: registration_id.clone(),
                };
                self.registration(permission, &facts)
            }
            Letter::VerifyEmail { .. } if facts.verified => Ok(None),
            Letter::VerifyEmail { user_id } => {
                let permission = Permission::VerifyEmail {
                    user_id: user_id.clone(),
                    email: facts.email.clone(),
                };
                let until = self.created_at.plus(ADDRESS_PROOF);
                let content = self.about(Kind::VerifyEmail, &facts);
                self.with_link(content, Page::VerifyEmail, permission, until)
            }
            Letter::ResetPassword { .. } => {
                let content = self.about(Kind::ResetPassword, &facts);
                let Some(user_id) = facts.id else {
                    return Ok(None);
                };
                let permission = Permission::ResetPassword {
                    user_id,
                    username: facts.username.clone(),
                    email: facts.email.clone(),
                    credential_version: facts.credential_version,
                };
                let until = self.created_at.plus(PASSWORD_RESET);
                self.with_link(content, Page::ResetPassword, permission, until)
            }
            Letter::PasswordChanged { email, .. } => told(Kind::PasswordChanged, email),
            Letter::NewDevice { email, .. } => {
                let mut content = self.about(Kind::NewDevice, &facts);
                content.to.clone_from(email);
                content.shown.device =
                    words::device(facts.user_agent.as_deref().unwrap_or_default());
                Ok(Some(content))
            }
            Letter::ConfirmEmail {
                user_id,
                new_email,
                credential_version,
            } => {
                if facts.taken || *credential_version != facts.credential_version {
                    return Ok(None);
                }
                let permission = Permission::ChangeEmail {
                    user_id: user_id.clone(),
                    new_email: new_email.clone(),
                    credential_version: *credential_version,
                };
                let mut content = self.about(Kind::ConfirmEmail, &facts);
                content.to.clone_from(new_email);
                let until = self.created_at.plus(ADDRESS_PROOF);
                self.with_link(content, Page::VerifyEmail, permission, until)
            }
            Letter::EmailChangeRequested { email, .. } => told(Kind::EmailChangeRequested, email),
            Letter::EmailChanged { old_email, .. } => told(Kind::EmailChanged, old_email),
        }
    }

    /// To whoever reads the mails of the address: how to go on, or that they have an account, and nothing
    /// of it.
    fn registration(
        &self,
        permission: Permission,
        facts: &Facts,
    ) -> Result<Option<Content>, Error> {
        let until = facts.expires_at.unwrap_or(self.now);
        match facts.owner_status.as_deref() {
            None => {
                let content = self.about(Kind::Registration, facts);
                self.with_link(content, Page::VerifyEmail, permission, until)
            }
            Some("active") if self.now < until => Ok(Some(self.about(Kind::AccountExists, facts))),
            // It is over, or nobody who may sign in reads it.
            Some(_) => Ok(None),
        }
    }

    fn about(&self, kind: Kind, facts: &Facts) -> Content {
        let name = self.config.mail_from.name.as_str();
        let shown = Shown {
            subject: kind.subject(),
            app: if name.is_empty() { "Kith" } else { name }.to_owned(),
            username: words::username(&facts.username),
            at: self.created_at.in_words(),
            ..Shown::default()
        };
        Content {
            to: facts.email.clone(),
            kind,
            shown,
        }
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha256};

    use super::*;

    const USER: &str = "01890000-0000-7000-8000-000000000001";
    const JOB: &str = "01890000-0000-7000-8000-000000000002";
    const NOON: Timestamp = Timestamp::from_millis(1_795_176_000_000);

    fn config(from: &str) -> Config {
        let key = URL_SAFE_NO_PAD.encode(Sha256::digest("a key of these tests"));
        let setting = |name: &str| {
            Some(match name {
                "ISSUER" => "https://kith.example:8443".to_owned(),
                "APP_URL" => "https://app.example/kith".to_owned(),
                "SIGNING_KEYS" | "SECRET_KEYS" => format!("k:{key}"),
                "JOB_GRACE_SECONDS" => "30".to_owned(),
                "MAIL_TRANSPORT" => "binding".to_owned(),
                "MAIL_FROM" => from.to_owned(),
                "AUDIENCE" => "kith".to_owned(),
                _ => return None,
            })
        };
        Config::read(setting).ok().unwrap()
    }

    fn facts() -> Facts {
        Facts {
            id: Some(USER.parse().unwrap()),
            username: "asha".into(),
            email: "asha@example.com".into(),
            credential_version: 3,
            ..Facts::default()
        }
    }

    /// The mail of a letter, `hours` after its cause at noon.
    fn composed(letter: &Letter, facts: Facts, hours: u64) -> Option<OutgoingMail> {
        let draft = Draft {
            config: &config("Kith <no-reply@kith.example>"),
            job: &JOB.parse().unwrap(),
            created_at: NOON,
            now: NOON.plus(Duration::from_hours(hours)),
        };
        draft.compose(letter, facts).unwrap()
    }

    /// What the link of a mail lets its reader do at this time.
    fn permission(mail: &OutgoingMail, page: &str, now: Timestamp) -> Option<Permission> {
        let link = format!("https://app.example/kith/{page}#token=");
        let (_, token) = mail.text.split_once(&link).unwrap();
        let token = token.split_whitespace().next().unwrap();
        assert!(mail.html.contains(&format!("href=\"{link}{token}\"")));
        MailToken::read(token, &config("a@b.example").secret_keys, now)
    }

    fn verify() -> Letter {
        let user_id = USER.parse().unwrap();
        Letter::VerifyEmail { user_id }
    }

    #[test]
    fn a_mail_is_named_after_its_job_and_the_deployment() {
        let mail = composed(&verify(), facts(), 0).unwrap();
        assert_eq!(mail.id, JOB);
        assert_eq!(mail.message_id, format!("{JOB}@kith.example"));
        assert_eq!(mail.to, "asha@example.com");
        assert!(mail.check().is_ok());
    }

    #[test]
    fn who_sends_it_is_named_as_the_deployment_says() {
        for (from, name) in [("Asha's <a@b.example>", "Asha's"), ("a@b.example", "Kith")] {
            let draft = Draft {
                config: &config(from),
                job: &JOB.parse().unwrap(),
                created_at: NOON,
                now: NOON,
            };
            let mail = draft.compose(&verify(), facts()).unwrap().unwrap();
            assert!(
                mail.text.contains(&format!("asha at {name} ")),
                "{}",
                mail.text
            );
        }
    }

    #[test]
    fn an_address_can_be_verified_for_a_day() {
        let mail = composed(&verify(), facts(), 23).unwrap();
        assert!(
            mail.text.contains("before 21 November 2026, 12:00 UTC"),
            "{}",
            mail.text
        );
        let granted = Permission::VerifyEmail {
            user_id: USER.parse().unwrap(),
            email: "asha@example.com".into(),
        };
        let at = |hours| NOON.plus(Duration::from_hours(hours));
        assert_eq!(permission(&mail, "verify-email", at(23)), Some(granted));
        assert_eq!(permission(&mail, "verify-email", at(24)), None);
        assert_eq!(composed(&verify(), facts(), 24), None);
    }

    #[test]
    fn an_address_that_is_verified_is_not_asked_for_again() {
        let mut facts = facts();
        facts.verified = true;
        assert_eq!(composed(&verify(), facts, 0), None);
    }

    #[test]
    fn a_password_can_be_chosen_for_an_hour_by_whoever_had_the_account_then() {
        let email = "asha@example.com".to_owned();
        let letter = Letter::ResetPassword {
            email: email.clone(),
        };
        let mail = composed(&letter, facts(), 0).unwrap();
        let granted = Permission::ResetPassword {
            user_id: USER.parse().unwrap(),
            username: "asha".to_owned(),
            email,
            credential_version: 3,
        };
        let last = NOON.plus(Duration::from_mins(59));
        assert_eq!(permission(&mail, "reset-password", last), Some(granted));
        let over = NOON.plus(Duration::from_hours(1));
        assert_eq!(permission(&mail, "reset-password", over), None);
        assert_eq!(composed(&letter, facts(), 1), None);
    }

    #[test]
    fn a_new_address_is_asked_itself_while_nothing_else_has_changed() {
        let letter = |credential_version| Letter::ConfirmEmail {
            user_id: USER.parse().unwrap(),
            new_email: "rao@example.com".into(),
            credential_version,
        };
        let mail = composed(&letter(3), facts(), 0).unwrap();
        assert_eq!(mail.to, "rao@example.com");
        let granted = Permission::ChangeEmail {
            user_id: USER.parse().unwrap(),
            new_email: "rao@example.com".into(),
            credential_version: 3,
        };
        assert_eq!(permission(&mail, "verify-email", NOON), Some(granted));
        // The address that the account has stays unsaid to whoever reads the new one's mails.
        assert!(!mail.text.contains("asha@example.com"));
        assert_eq!(composed(&letter(2), facts(), 0), None);
        let mut taken = facts();
        taken.taken = true;
        assert_eq!(composed(&letter(3), taken, 0), None);
    }

    fn registration(owner_status: Option<&str>) -> Facts {
        Facts {
            username: "evil.example".into(),
            email: "ben@example.com".into(),
            expires_at: Some(NOON.plus(Duration::from_hours(24))),
            owner_status: owner_status.map(str::to_owned),
            ..Facts::default()
        }
    }

    #[test]
    fn a_registration_is_finished_by_whoever_reads_the_mails_of_its_address() {
        let registration_id = USER.parse().unwrap();
        let letter = Letter::Registration { registration_id };
        let mail = composed(&letter, registration(None), 23).unwrap();
        assert_eq!(mail.to, "ben@example.com");
        assert!(!mail.text.contains("evil.example") && !mail.html.contains("evil.example"));
        let granted = Permission::Register {
            registration_id: USER.parse().unwrap(),
        };
        assert_eq!(permission(&mail, "verify-email", NOON), Some(granted));
        assert_eq!(composed(&letter, registration(None), 24), None);
    }

    #[test]
    fn the_owner_of_an_address_learns_of_a_registration_only_that_they_have_an_account() {
        let registration_id = USER.parse().unwrap();
        let letter = Letter::Registration { registration_id };
        let mail = composed(&letter, registration(Some("active")), 0).unwrap();
        assert_eq!(mail.subject, "You have an account already");
        assert!(
            !mail.text.contains("evil") && !mail.text.contains("http"),
            "{}",
            mail.text
        );
        for status in ["suspended", "deleted"] {
            assert_eq!(composed(&letter, registration(Some(status)), 0), None);
        }
        assert_eq!(composed(&letter, registration(Some("active")), 24), None);
    }

    #[test]
    fn what_has_happened_is_told_however_late() {
        let user_id = || USER.parse().unwrap();
        // The account may have another address by now.
        let at_the_time = || "then@example.com".to_owned();
        let device = Letter::NewDevice {
            user_id: user_id(),
            session_id: USER.parse().unwrap(),
            email: at_the_time(),
        };
        let changed = Letter::EmailChanged {
            user_id: user_id(),
            old_email: "old@example.com".into(),
        };
        let letters = [
            (
                Letter::PasswordChanged {
                    user_id: user_id(),
                    email: at_the_time(),
                },
                "then@example.com",
            ),
            (
                Letter::EmailChangeRequested {
                    user_id: user_id(),
                    email: at_the_time(),
                },
                "then@example.com",
            ),
            (device, "then@example.com"),
            (changed, "old@example.com"),
        ];
        for (letter, to) in letters {
            let mut known = facts();
            known.user_agent = Some("curl/8.5".to_owned());
            let mail = composed(&letter, known, 1_000).unwrap();
            assert_eq!(mail.to, to);
            assert!(
                mail.text.contains("20 November 2026, 12:00 UTC"),
                "{}",
                mail.text
            );
            assert!(!mail.text.contains("#token="));
        }
    }
}
