//! What a change of an account's standing must hold, and by what accounts are picked. Pure: no database,
//! no clock.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::error::{Error, Rule, Violation};
use crate::text::Checks;
use crate::users::{NewStanding, Plan, Role, Status, fold_case};

/// The body of `PATCH /admin/users/{username}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    description = "What is to be changed of an account's standing: one of these at least. The rest stays as it is.",
    extend("anyOf" = [
        one_of("role"),
        one_of("status"),
        one_of("plan"),
    ])
)]
pub(super) struct ChangeStandingRequest {
    #[schemars(with = "Option<Role>")]
    role: Option<String>,
    #[schemars(with = "Option<Status>")]
    status: Option<String>,
    #[schemars(with = "Option<Plan>")]
    plan: Option<String>,
}

/// The schema of what gives this field at least.
fn one_of(field: &str) -> serde_json::Value {
    json!({"required": [field], "properties": {field: {"type": "string"}}})
}

impl ChangeStandingRequest {
    /// Reads the change.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<NewStanding, Error> {
        let mut checks = Checks::default();
        if let (None, None, None) = (&self.role, &self.status, &self.plan) {
            checks.note(Err::<(), _>(Violation::new("", Rule::Required)));
        }
        let role = self.role.map(|text| Role::parse("/role", &text));
        let status = self.status.map(|text| Status::parse("/status", &text));
        let plan = self.plan.map(|text| Plan::parse("/plan", &text));
        let standing = NewStanding {
            role: role.and_then(|role| checks.note(role)),
            status: status.and_then(|status| checks.note(status)),
            plan: plan.and_then(|plan| checks.note(plan)),
        };
        checks.finish(Some(standing))
    }
}

/// Which accounts a list is to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picked {
    /// Whoever has this username, case-folded.
    pub(super) username: Option<String>,
    /// Those of this status.
    pub(super) status: Option<Status>,
}

impl Picked {
    /// Reads two parameters of a query string. Whatever is no username is nobody's.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule they break.
    pub(super) fn parse(username: Option<&str>, status: Option<&str>) -> Result<Self, Error> {
        let mut checks = Checks::default();
        let status = status.map(|text| Status::parse("/status", text));
        let picked = Self {
            username: username.map(fold_case),
            status: status.and_then(|status| checks.note(status)),
        };
        checks.finish(Some(picked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<NewStanding, Vec<(String, Rule)>> {
        let request: ChangeStandingRequest = serde_json::from_str(json).unwrap();
        request.parse().map_err(|error| match error {
            Error::Invalid(violations) => violations
                .into_iter()
                .map(|violation| (violation.pointer, violation.rule))
                .collect(),
            _ => vec![],
        })
    }

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        let new = NewStanding {
            role: Some(Role::Moderator),
            status: None,
            plan: None,
        };
        assert_eq!(parse(r#"{"role":"moderator"}"#), Ok(new));
        assert_eq!(parse(r#"{"role":"moderator","plan":null}"#), Ok(new));
    }

    #[test]
    fn nothing_is_no_change() {
        let nothing = vec![(String::new(), Rule::Required)];
        assert_eq!(parse("{}"), Err(nothing.clone()));
        assert_eq!(parse(r#"{"role":null}"#), Err(nothing));
    }

    #[test]
    fn every_broken_rule_is_told_at_once() {
        assert_eq!(
            parse(r#"{"role":"king","status":"deleted","plan":"pro"}"#),
            Err(vec![
                ("/role".to_owned(), Rule::InvalidValue),
                ("/status".to_owned(), Rule::InvalidValue)
            ])
        );
    }
}
