//! What a registration must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::rules::{MAX_PASSWORD, MIN_PASSWORD, check_password};
use crate::error::Error;
use crate::text::{self, Checks, Lines};
use crate::users::{Email, MAX_DISPLAY_NAME, Username, check_display_name};

/// The body of `POST /auth/register`. Every field is optional here, so that a client learns of all
/// that are missing at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "A new account.")]
pub(crate) struct RegisterRequest {
    #[schemars(required, with = "Option<Username>")]
    pub(crate) username: Option<String>,
    #[schemars(required, with = "Option<Email>")]
    pub(crate) email: Option<String>,
    /// Neither the username nor the e-mail address, nor one that very many people have, in whatever case.
    #[schemars(
        required,
        length(min = MIN_PASSWORD, max = MAX_PASSWORD),
        regex(pattern = text::NO_NUL),
        example = &"a horse of my own"
    )]
    pub(crate) password: Option<String>,
    /// The name shown; the username as typed unless given.
    #[schemars(
        length(min = 1, max = MAX_DISPLAY_NAME),
        regex(pattern = text::pattern(Lines::One)),
        example = &"Asha Rao"
    )]
    pub(crate) display_name: Option<String>,
}

/// A registration that keeps every rule.
pub(crate) struct Registration {
    /// The new username.
    pub username: Username,
    /// The owner's address.
    pub email: Email,
    /// The password as typed.
    pub password: String,
    /// The name shown; the username as typed if none was given.
    pub display_name: String,
}

impl RegisterRequest {
    /// Reads the registration.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<Registration, Error> {
        let mut checks = Checks::default();
        let registration = self.check(&mut checks);
        checks.finish(registration)
    }

    /// The registration, unless it breaks a rule: every one it breaks is noted.
    pub(crate) fn check(self, checks: &mut Checks) -> Option<Registration> {
        let typed_username = checks.required("/username", self.username);
        let username = typed_username
            .as_deref()
            .and_then(|typed| checks.note(Username::parse("/username", typed)));
        let email = checks
            .required("/email", self.email)
            .and_then(|typed| checks.note(Email::parse("/email", &typed)));
        let password = checks
            .required("/password", self.password)
            .and_then(|typed| {
                checks.note(check_password(
                    "/password",
                    &typed,
                    username.as_ref(),
                    email.as_ref(),
                ))?;
                Some(typed)
            });
        // Without one, the username as typed is shown, which has been checked.
        let display_name = self.display_name.map_or(typed_username, |name| {
            checks.note(check_display_name("/display_name", &name))?;
            Some(name)
        });
        Some(Registration {
            username: username?,
            email: email?,
            password: password?,
            display_name: display_name?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Rule;

    fn broken(json: &str) -> Vec<(String, Rule)> {
        let request: RegisterRequest = serde_json::from_str(json).unwrap();
        match request.parse() {
            Err(Error::Invalid(violations)) => violations
                .into_iter()
                .map(|violation| (violation.pointer, violation.rule))
                .collect(),
            _ => vec![],
        }
    }

    #[test]
    fn every_missing_field_is_named_at_once() {
        assert_eq!(
            broken("{}"),
            [
                ("/username".into(), Rule::Required),
                ("/email".into(), Rule::Required),
                ("/password".into(), Rule::Required),
            ]
        );
    }

    #[test]
    fn a_password_that_is_ones_name_is_too_weak_but_may_contain_it() {
        let body = |password: &str| {
            format!(
                r#"{{"username":"asha.kumar","email":"asha@example.com","password":"{password}"}}"#
            )
        };
        let weak = vec![("/password".to_owned(), Rule::TooWeak)];
        assert_eq!(broken(&body("Asha.Kumar")), weak);
        assert_eq!(broken(&body("ASHA@example.com")), weak);
        assert_eq!(broken(&body("asha.kumar likes horses")), []);
        assert_eq!(
            broken(&body("1234567")),
            [("/password".into(), Rule::TooShort(8))]
        );
        assert_eq!(broken(&body(&"é".repeat(256))), []);
        assert_eq!(
            broken(&body(&"é".repeat(257))),
            [("/password".into(), Rule::TooLong(256))]
        );
    }
}
