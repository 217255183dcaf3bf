//! What proving and changing an address must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::rules::{MAX_PASSWORD, check_length};
use crate::error::{Error, Rule, Violation};
use crate::text::{self, Checks};
use crate::users::{Email, fold_case};

/// The body of `POST /auth/email/verify`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "The token of a mail's link.")]
pub(crate) struct VerifyEmailRequest {
    /// As it stands in the link, after `#token=`.
    #[schemars(required, example = &"eyJtYXkiOiJyZWdpc3RlciJ9.Y29kZQ")]
    token: Option<String>,
}

impl VerifyEmailRequest {
    /// Reads the token as it was sent: one of any other form than Kith's is simply not Kith's.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is missing.
    pub(super) fn parse(self) -> Result<String, Error> {
        let mut checks = Checks::default();
        let token = checks.required("/token", self.token);
        checks.finish(token)
    }
}

/// The body of `POST /auth/email`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "The account's password and its address to be.")]
pub(crate) struct ChangeEmailRequest {
    /// The account's, as it is now. Not the new address.
    #[schemars(
        required,
        length(max = MAX_PASSWORD),
        regex(pattern = text::NO_NUL),
        example = &"a horse of my own"
    )]
    password: Option<String>,
    #[schemars(required, with = "Option<Email>", example = &"asha.rao@example.com")]
    new_email: Option<String>,
}

impl ChangeEmailRequest {
    /// Reads password and address. The password is not held against the rules for new ones, but for one:
    /// it must not come to be the address.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<(String, Email), Error> {
        let mut checks = Checks::default();
        let email = checks
            .required("/new_email", self.new_email)
            .and_then(|typed| checks.note(Email::parse("/new_email", &typed)));
        let password = checks
            .required("/password", self.password)
            .and_then(|typed| {
                checks.note(check_length("/password", &typed))?;
                let is_address = email
                    .as_ref()
                    .is_some_and(|email| email.as_str() == fold_case(&typed));
                let weak = Violation::new("/password", Rule::TooWeak);
                checks.note(if is_address { Err(weak) } else { Ok(()) })?;
                Some(typed)
            });
        checks.finish(password.zip(email))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(json: &str) -> Vec<(String, Rule)> {
        let request: ChangeEmailRequest = serde_json::from_str(json).unwrap();
        match request.parse() {
            Err(Error::Invalid(violations)) => violations
                .into_iter()
                .map(|violation| (violation.pointer, violation.rule))
                .collect(),
            _ => vec![],
        }
    }

    #[test]
    fn every_broken_rule_is_named_at_once() {
        let missing = |name: &str| (name.to_owned(), Rule::Required);
        assert_eq!(broken("{}"), [missing("/new_email"), missing("/password")]);
        assert_eq!(
            broken(r#"{"new_email":"nowhere","password":"\u0000"}"#),
            [
                ("/new_email".to_owned(), Rule::InvalidFormat),
                ("/password".to_owned(), Rule::InvalidCharacters),
            ]
        );
    }

    #[test]
    fn the_password_must_not_come_to_be_the_address() {
        let body = |password: &str| {
            format!(r#"{{"new_email":"Asha@example.com","password":"{password}"}}"#)
        };
        let weak = [("/password".to_owned(), Rule::TooWeak)];
        assert_eq!(broken(&body("ASHA@example.com")), weak);
        assert_eq!(broken(&body("asha@example.com and more")), []);
    }
}
