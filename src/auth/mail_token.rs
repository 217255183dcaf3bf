//! What a mail's link carries: leave to do one thing with one account, for a while.
//!
//! Nothing is stored. A token says what it is for, and a code over it shows that Kith made it. That it is
//! good once, and no longer than what it was made for holds, is the database's to say: a token names the
//! state of the account it was made for, and what it allows changes that state.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::{RegistrationId, UserId};
use crate::mac::{self, SecretKeys};
use crate::time::Timestamp;

/// What the code of a token is made for.
const CODE: &str = "mail_token";

/// The longest token there can be: one with the longest e-mail address in it, every character of four
/// bytes.
const MAX_LENGTH: usize = 2_048;

/// What the holder of a mail may do.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "may", rename_all = "snake_case")]
pub(super) enum Permission {
    /// Finish a registration.
    Register { registration_id: RegistrationId },
    /// Say that `email` is theirs, while the account still has it.
    VerifyEmail { user_id: UserId, email: String },
    /// Give the account this address, unless its password or address was changed since.
    ChangeEmail {
        user_id: UserId,
        new_email: String,
        credential_version: i64,
    },
    /// Choose a new password, unless the password or the address was changed since. It may be none of the
    /// account's names, which are said here, so that whoever checks that need not ask the database first.
    ResetPassword {
        user_id: UserId,
        username: String,
        email: String,
        credential_version: i64,
    },
}

/// A permission and when it ends.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct MailToken {
    #[serde(flatten)]
    permission: Permission,
    /// From this moment on it is good for nothing, in milliseconds since 1970.
    expires_at: i64,
}

impl MailToken {
    /// Leave to do what `permission` says, before `expires_at`.
    pub(super) fn new(permission: Permission, expires_at: Timestamp) -> Self {
        Self {
            permission,
            expires_at: expires_at.millis(),
        }
    }

    /// What stands in the mail's link.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(super) fn text(&self, keys: &SecretKeys) -> Result<String, Error> {
        let said = serde_json::to_vec(self).map_err(Error::internal)?;
        let (_, code) = keys.sign(CODE, &[&said]);
        let [said, code] = [&said[..], &code[..]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(format!("{said}.{code}"))
    }

    /// Reads what a link carried. `None` unless Kith made it, under a key that it still has, and its time
    /// is not over.
    pub(super) fn read(text: &str, keys: &SecretKeys, now: Timestamp) -> Option<Permission> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (said, code) = text.split_once('.')?;
        let [said, code] = [said, code].map(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let (said, code) = (said?, code?);
        // Kith shortens no code of a token, so a shortened one is not Kith's.
        if code.len() != mac::LENGTH || !keys.verify(CODE, &[&said], &code) {
            return None;
        }
        let token: Self = serde_json::from_slice(&said).ok()?;
        (now.millis() < token.expires_at).then_some(token.permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "01890000-0000-7000-8000-000000000001";
    const END: Timestamp = Timestamp::from_millis(1_795_162_020_000);

    fn keys(bytes: &[u8]) -> SecretKeys {
        let key = |byte: &u8| (format!("k{byte}"), [*byte; 32]);
        SecretKeys::new(bytes.iter().map(key).collect()).unwrap()
    }

    fn token(permission: Permission) -> MailToken {
        MailToken::new(permission, END)
    }

    fn reset() -> MailToken {
        token(Permission::ResetPassword {
            user_id: USER.parse().unwrap(),
            username: "asha".to_owned(),
            email: "asha@example.com".to_owned(),
            credential_version: 3,
        })
    }

    const BEFORE: Timestamp = Timestamp::from_millis(1_795_162_019_999);

    #[test]
    fn a_permission_is_read_as_it_was_given_until_its_time_is_over() {
        let keys = keys(&[1]);
        let longest = token(Permission::ChangeEmail {
            user_id: USER.parse().unwrap(),
            new_email: "\u{1f40e}".repeat(254),
            credential_version: i64::MAX,
        });
        for token in [reset(), longest] {
            let text = token.text(&keys).unwrap();
            let read = |now| MailToken::read(&text, &keys, now);
            assert_eq!(read(BEFORE), Some(token.permission));
            assert_eq!(read(END), None);
        }
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_not_kiths() {
        let keys = keys(&[1]);
        let text = reset().text(&keys).unwrap();
        for place in 0..text.len() {
            for letter in ["0", "1", "A", ".", "-", "é", ""] {
                let (before_it, after) = (&text[..place], &text[place + 1..]);
                let changed = format!("{before_it}{letter}{after}");
                let read = MailToken::read(&changed, &keys, BEFORE);
                assert_eq!(read.is_some(), changed == text, "{changed}");
            }
        }
    }

    #[test]
    fn a_code_that_was_shortened_or_made_for_something_else_is_refused() {
        let keys = keys(&[1]);
        let said = serde_json::to_vec(&reset()).unwrap();
        let with_code = |code: &[u8]| {
            let [said, code] = [&said[..], code].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
            MailToken::read(&format!("{said}.{code}"), &keys, BEFORE)
        };
        let (_, code) = keys.sign(CODE, &[&said]);
        assert!(with_code(&code).is_some());
        assert_eq!(with_code(&code[..16]), None);
        let (_, code) = keys.sign("bookmark", &[&said]);
        assert_eq!(with_code(&code), None);
    }

    #[test]
    fn a_token_outlives_the_rotation_of_keys_until_its_key_is_gone() {
        let text = reset().text(&keys(&[1])).unwrap();
        assert!(MailToken::read(&text, &keys(&[2, 1]), BEFORE).is_some());
        assert_eq!(MailToken::read(&text, &keys(&[2]), BEFORE), None);
    }
}
