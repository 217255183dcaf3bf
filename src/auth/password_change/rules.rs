//! What a change of password must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::rules::{MAX_PASSWORD, MIN_PASSWORD, check_length, check_password};
use crate::error::{Error, Rule, Violation};
use crate::text::{self, Checks};

/// The body of `POST /auth/password`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "The password that is, and the one that is to be.")]
pub(crate) struct ChangePasswordRequest {
    #[schemars(
        required,
        length(max = MAX_PASSWORD),
        regex(pattern = text::NO_NUL),
        example = &"a horse of my own"
    )]
    current_password: Option<String>,
    /// Neither the current one nor the username nor the e-mail address, these in whatever case.
    #[schemars(
        required,
        length(min = MIN_PASSWORD, max = MAX_PASSWORD),
        regex(pattern = text::NO_NUL),
        example = &"two horses of my own"
    )]
    new_password: Option<String>,
}

/// The two passwords, as typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PasswordChange {
    pub(super) current: String,
    /// Keeps every rule that is known without the account's names.
    pub(super) new: String,
}

impl ChangePasswordRequest {
    /// Reads the two. The current one is not held against the rules for new ones: whatever breaks them is
    /// simply wrong.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<PasswordChange, Error> {
        let mut checks = Checks::default();
        let current = checks
            .required("/current_password", self.current_password)
            .and_then(|typed| {
                checks.note(check_length("/current_password", &typed))?;
                Some(typed)
            });
        let new = checks
            .required("/new_password", self.new_password)
            .and_then(|typed| {
                checks.note(check_password("/new_password", &typed, None, None))?;
                Some(typed)
            });
        // Whether or not it is the account's: that says the one who typed it, and nobody else.
        if new.is_some() && new == current {
            checks.note::<()>(Err(Violation::new("/new_password", Rule::Unchanged)));
        }
        let change = current
            .zip(new)
            .map(|(current, new)| PasswordChange { current, new });
        checks.finish(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(current: Option<&str>, new: Option<&str>) -> Result<PasswordChange, Vec<Violation>> {
        let request = ChangePasswordRequest {
            current_password: current.map(str::to_owned),
            new_password: new.map(str::to_owned),
        };
        request.parse().map_err(|error| match error {
            Error::Invalid(violations) => violations,
            other => panic!("{other:?}"),
        })
    }

    fn broken(pointer: &str, rule: Rule) -> Violation {
        Violation::new(pointer, rule)
    }

    #[test]
    fn any_current_password_will_do_to_be_compared() {
        let change = parse(Some("old"), Some("a horse of my own")).unwrap();
        assert_eq!(
            (change.current.as_str(), change.new.as_str()),
            ("old", "a horse of my own")
        );
    }

    #[test]
    fn a_new_password_is_another_and_keeps_the_rules() {
        assert_eq!(
            parse(None, None),
            Err(vec![
                broken("/current_password", Rule::Required),
                broken("/new_password", Rule::Required)
            ])
        );
        let long = "x".repeat(MAX_PASSWORD + 1);
        assert_eq!(
            parse(Some(&long), Some("short")),
            Err(vec![
                broken("/current_password", Rule::TooLong(MAX_PASSWORD)),
                broken("/new_password", Rule::TooShort(MIN_PASSWORD))
            ])
        );
        let same = "a horse of my own";
        assert_eq!(
            parse(Some(same), Some(same)),
            Err(vec![broken("/new_password", Rule::Unchanged)])
        );
        assert!(parse(Some(same), Some("A horse of my own")).is_ok());
    }
}
