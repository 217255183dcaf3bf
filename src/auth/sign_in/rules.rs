//! What a sign-in must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::rules::{MAX_PASSWORD, check_length};
use crate::error::{Error, Rule, Violation};
use crate::text::{self, Checks};
use crate::users::fold_case;

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
pub(crate) struct LoginRequest {
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

#[cfg(test)]
mod tests {
    use super::*;

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
