//! What a registration and a sign-in must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Rule, Violation};
use crate::text::{self, Checks, Lines};
use crate::users::{Email, MAX_DISPLAY_NAME, Username, check_display_name, fold_case};

/// The shortest password, in characters.
const MIN_PASSWORD: usize = 8;

/// The longest password, in characters; at a sign-in, the longest of any field.
const MAX_PASSWORD: usize = 256;

/// The body of `POST /auth/register`. Every field is optional here, so that a client learns of all
/// that are missing at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "A new account.")]
pub(super) struct RegisterRequest {
    #[schemars(required, with = "Option<Username>")]
    username: Option<String>,
    #[schemars(required, with = "Option<Email>")]
    email: Option<String>,
    /// Neither the username nor the e-mail address, in whatever case.
    #[schemars(
        required,
        length(min = MIN_PASSWORD, max = MAX_PASSWORD),
        regex(pattern = text::NO_NUL),
        example = &"a horse of my own"
    )]
    password: Option<String>,
    /// The name shown; the username as typed unless given.
    #[schemars(
        length(min = 1, max = MAX_DISPLAY_NAME),
        regex(pattern = text::pattern(Lines::One)),
        example = &"Asha Rao"
    )]
    display_name: Option<String>,
}

/// A registration that keeps every rule.
pub(super) struct Registration {
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
                checks.note(check_password(&typed, username.as_ref(), email.as_ref()))?;
                Some(typed)
            });
        // Without one, the username as typed is shown, which has been checked.
        let display_name = self.display_name.map_or(typed_username, |name| {
            checks.note(check_display_name("/display_name", &name))?;
            Some(name)
        });
        let registration = (|| {
            Some(Registration {
                username: username?,
                email: email?,
                password: password?,
                display_name: display_name?,
            })
        })();
        checks.finish(registration)
    }
}

/// 8–256 characters of any kind but U+0000; neither the username nor the e-mail address.
fn check_password(
    password: &str,
    username: Option<&Username>,
    email: Option<&Email>,
) -> Result<(), Violation> {
    let length = password.chars().count();
    let folded = fold_case(password);
    let is_name = username.is_some_and(|name| name.as_str() == folded)
        || email.is_some_and(|email| email.as_str() == folded);
    let broken = if password.contains('\0') {
        Some(Rule::InvalidCharacters)
    } else if length < MIN_PASSWORD {
        Some(Rule::TooShort(MIN_PASSWORD))
    } else if length > MAX_PASSWORD {
        Some(Rule::TooLong(MAX_PASSWORD))
    } else if is_name {
        Some(Rule::TooWeak)
    } else {
        None
    };
    broken.map_or(Ok(()), |rule| Err(Violation::new("/password", rule)))
}

/// The body of `POST /auth/login`: exactly one of username and e-mail address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    description = "Exactly one of username and e-mail address, in any case, and the password.",
    extend(
        "anyOf" = [
            serde_json::json!({
                "required": ["username"],
                "properties": {"username": {"type": "string"}, "email": {"type": "null"}},
            }),
            serde_json::json!({
                "required": ["email"],
                "properties": {"username": {"type": "null"}, "email": {"type": "string"}},
            }),
        ],
        "examples" = [serde_json::json!({"username": "asha", "password": "a horse of my own"})],
    )
)]
pub(super) struct LoginRequest {
    #[schemars(length(max = MAX_PASSWORD), regex(pattern = text::NO_NUL))]
    username: Option<String>,
    #[schemars(length(max = MAX_PASSWORD), regex(pattern = text::NO_NUL))]
    email: Option<String>,
    #[schemars(required, length(max = MAX_PASSWORD), regex(pattern = text::NO_NUL))]
    password: Option<String>,
}

/// How the one who signs in is named, case-folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// By username.
    Username(String),
    /// By e-mail address.
    Email(String),
}

impl Name {
    /// Whom a sign-in is counted for: the name as typed, folded, whether or not it is anybody's.
    ///
    /// An account's two names are counted apart. Were they one count, whoever has used it up by one of
    /// them could find out by the other which e-mail address belongs to whom.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Username(username) => format!("username {username}"),
            Self::Email(email) => format!("email {email}"),
        }
    }
}

impl LoginRequest {
    /// Reads name and password. Neither is held against the rules for new ones: whatever breaks
    /// them is simply wrong.
    ///
    /// # Errors
    /// [`Error::Invalid`] when something is missing, too long to be anybody's, or given twice.
    pub(super) fn parse(self) -> Result<(Name, String), Error> {
        let mut checks = Checks::default();
        let name = match (self.username, self.email) {
            (Some(username), None) => checks
                .note(check_length("/username", &username))
                .map(|()| Name::Username(fold_case(&username))),
            (None, Some(email)) => checks
                .note(check_length("/email", &email))
                .map(|()| Name::Email(fold_case(&email))),
            (None, None) => checks.required("/username", None),
            (Some(_), Some(_)) => checks.note(Err(Violation::new("/email", Rule::UnknownField))),
        };
        let password = checks
            .required("/password", self.password)
            .and_then(|password| {
                checks.note(check_length("/password", &password))?;
                Some(password)
            });
        checks.finish(name.zip(password))
    }
}

/// Whatever is longer is nobody's name or password, and not worth hashing.
fn check_length(pointer: &str, text: &str) -> Result<(), Violation> {
    if text.contains('\0') {
        return Err(Violation::new(pointer, Rule::InvalidCharacters));
    }
    if text.chars().count() > MAX_PASSWORD {
        return Err(Violation::new(pointer, Rule::TooLong(MAX_PASSWORD)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn one_signs_in_by_exactly_one_name() {
        let parse = |json: &str| {
            serde_json::from_str::<LoginRequest>(json)
                .unwrap()
                .parse()
                .map(|(name, _)| name)
        };
        assert_eq!(
            parse(r#"{"username":"Asha","password":"x"}"#).unwrap(),
            Name::Username("asha".into())
        );
        assert_eq!(
            parse(r#"{"email":"A@B.example","password":"x"}"#).unwrap(),
            Name::Email("a@b.example".into())
        );
        assert!(parse(r#"{"password":"x"}"#).is_err());
        assert!(parse(r#"{"username":"a","email":"b","password":"x"}"#).is_err());
        assert!(parse(r#"{"username":"a"}"#).is_err());
    }
}
