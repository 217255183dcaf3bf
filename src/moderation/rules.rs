//! What a report and its resolution must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::error::{Error, Rule, Violation};
use crate::id::PostId;
use crate::text::{self, Checks, Lines};
use crate::users::fold_case;
use crate::word::word;

/// The longest comment on a report, and the longest note on its resolution, in characters.
const MAX_REMARK: usize = 1_000;

word!(
    /// What is wrong with what is reported.
    pub(super) Reason {
        /// It advertises.
        Spam = "spam",
        /// It hurts somebody.
        Abuse = "abuse",
        /// It shows too much.
        Nudity = "nudity",
        /// Something else, as the comment says.
        Other = "other",
    }
);

word!(
    /// What moderators do about a report.
    pub(super) Action {
        /// Nothing.
        Dismiss = "dismiss",
        /// Remove the post. Its author is told.
        RemovePost = "remove_post",
        /// Tell the person that it was noticed.
        Warn = "warn",
        /// Suspend the account.
        Suspend = "suspend",
    }
);

word!(
    /// Whether something was done about a report.
    pub(super) ReportStatus {
        /// Not yet.
        Open = "open",
        /// It was.
        Resolved = "resolved",
    }
);

impl ReportStatus {
    /// Reads a parameter of a query string; what is open unless said otherwise.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another word.
    pub(super) fn picked(text: Option<&str>) -> Result<Self, Error> {
        let status = text.map_or(Ok(Self::Open), |text| Self::parse("/status", text));
        status.map_err(|violation| Error::Invalid(vec![violation]))
    }
}

/// The body of `POST /reports`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    description = "A report: of a post or of a person, and of one only.",
    extend("anyOf" = [
        of_one("post_id", "username"),
        of_one("username", "post_id"),
    ]),
    extend("examples" = [{"username": "ben", "reason": "spam", "comment": "The same under every post."}])
)]
pub(super) struct ReportRequest {
    /// The post reported.
    #[schemars(with = "Option<PostId>")]
    post_id: Option<String>,
    /// The person reported, in any case.
    #[schemars(with = "Option<String>", example = &"ben")]
    username: Option<String>,
    #[schemars(required, with = "Reason")]
    reason: Option<String>,
    /// What the moderators should know.
    #[schemars(
        length(max = MAX_REMARK),
        regex(pattern = text::pattern_or_blank(Lines::Many)),
        example = &"The same under every post."
    )]
    comment: Option<String>,
}

/// The schema of what gives `this` field and not `that` one.
fn of_one(this: &str, that: &str) -> serde_json::Value {
    json!({
        "required": [this],
        "properties": {this: {"type": "string"}, that: {"type": "null"}},
    })
}

/// What is reported.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A post.
    Post(PostId),
    /// Whoever has this username, case-folded.
    Person(String),
}

impl Target {
    fn parse(post: Option<String>, username: Option<String>) -> Result<Self, Violation> {
        match (post, username) {
            (Some(post), None) => match post.parse() {
                Ok(post) => Ok(Self::Post(post)),
                Err(_) => Err(Violation::new("/post_id", Rule::InvalidFormat)),
            },
            (None, Some(username)) => Ok(Self::Person(fold_case(&username))),
            (None, None) => Err(Violation::new("", Rule::Required)),
            (Some(_), Some(_)) => Err(Violation::new("/username", Rule::NotTogether)),
        }
    }

    /// The post, if it is one.
    pub(super) const fn post(&self) -> Option<&PostId> {
        match self {
            Self::Post(post) => Some(post),
            Self::Person(_) => None,
        }
    }

    /// The username, if it is a person.
    pub(super) fn username(&self) -> Option<&str> {
        match self {
            Self::Post(_) => None,
            Self::Person(username) => Some(username),
        }
    }
}

/// A report that keeps every rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewReport {
    pub(super) target: Target,
    pub(super) reason: Reason,
    /// At most 1,000 characters; empty where nothing is said.
    pub(super) comment: String,
}

impl ReportRequest {
    /// Reads the report.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<NewReport, Error> {
        let mut checks = Checks::default();
        let target = checks.note(Target::parse(self.post_id, self.username));
        let reason = checks
            .required("/reason", self.reason)
            .and_then(|reason| checks.note(Reason::parse("/reason", &reason)));
        let comment = remark(&mut checks, "/comment", self.comment);
        let report = target
            .zip(reason)
            .zip(comment)
            .map(|((target, reason), comment)| NewReport {
                target,
                reason,
                comment,
            });
        checks.finish(report)
    }
}

/// A text of at most [`MAX_REMARK`] characters that may be left out.
fn remark(checks: &mut Checks, pointer: &str, text: Option<String>) -> Option<String> {
    let text = text.unwrap_or_default();
    match text::check(pointer, &text, Lines::Many, 1, MAX_REMARK) {
        // White space alone says nothing, however much of it there is.
        Err(Violation {
            rule: Rule::TooShort(_),
            ..
        }) => Some(String::new()),
        checked => checks.note(checked).map(|()| text),
    }
}

/// The body of `POST /admin/reports/{id}/resolve`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "What is done about a report.")]
pub(super) struct ResolveRequest {
    /// `remove_post` is for reports of a post only.
    #[schemars(required, with = "Action")]
    action: Option<String>,
    /// For other moderators. Nobody else sees it.
    #[schemars(
        length(max = MAX_REMARK),
        regex(pattern = text::pattern_or_blank(Lines::Many)),
        example = &"Third time this week."
    )]
    note: Option<String>,
}

/// A resolution that keeps every rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    pub(super) action: Action,
    /// At most 1,000 characters; empty where nothing is said.
    pub(super) note: String,
}

impl ResolveRequest {
    /// Reads the resolution.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<Resolution, Error> {
        let mut checks = Checks::default();
        let action = checks
            .required("/action", self.action)
            .and_then(|action| checks.note(Action::parse("/action", &action)));
        let note = remark(&mut checks, "/note", self.note);
        let resolution = action
            .zip(note)
            .map(|(action, note)| Resolution { action, note });
        checks.finish(resolution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &str = "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e";

    fn broken<T>(outcome: Result<T, Error>) -> Result<T, Vec<(String, Rule)>> {
        outcome.map_err(|error| match error {
            Error::Invalid(violations) => violations
                .into_iter()
                .map(|violation| (violation.pointer, violation.rule))
                .collect(),
            _ => vec![],
        })
    }

    fn report(json: &str) -> Result<NewReport, Vec<(String, Rule)>> {
        broken(serde_json::from_str::<ReportRequest>(json).unwrap().parse())
    }

    fn resolution(json: &str) -> Result<Resolution, Vec<(String, Rule)>> {
        broken(
            serde_json::from_str::<ResolveRequest>(json)
                .unwrap()
                .parse(),
        )
    }

    #[test]
    fn a_report_is_of_a_post_or_of_a_person() {
        let of_a_post = report(&format!(r#"{{"post_id":"{POST}","reason":"spam"}}"#)).unwrap();
        assert_eq!(of_a_post.target.post(), POST.parse().ok().as_ref());
        assert_eq!(of_a_post.target.username(), None);
        let of_a_person =
            report(r#"{"username":"Ben","post_id":null,"reason":"other","comment":"Look."}"#);
        let expected = NewReport {
            target: Target::Person("ben".to_owned()),
            reason: Reason::Other,
            comment: "Look.".to_owned(),
        };
        assert_eq!(of_a_person, Ok(expected));
    }

    #[test]
    fn every_broken_rule_of_a_report_is_told_at_once() {
        let nothing = vec![
            (String::new(), Rule::Required),
            ("/reason".to_owned(), Rule::Required),
        ];
        assert_eq!(report("{}"), Err(nothing));
        let comment = "c".repeat(MAX_REMARK + 1);
        let both = format!(
            r#"{{"post_id":"{POST}","username":"ben","reason":"Spam","comment":"{comment}"}}"#
        );
        assert_eq!(
            report(&both),
            Err(vec![
                ("/username".to_owned(), Rule::NotTogether),
                ("/reason".to_owned(), Rule::InvalidValue),
                ("/comment".to_owned(), Rule::TooLong(MAX_REMARK)),
            ])
        );
        assert_eq!(
            report(r#"{"post_id":"x","reason":"abuse"}"#),
            Err(vec![("/post_id".to_owned(), Rule::InvalidFormat)])
        );
    }

    #[test]
    fn white_space_alone_says_nothing() {
        let blank = format!(
            r#"{{"action":"warn","note":"{}"}}"#,
            " \u{200b}".repeat(MAX_REMARK)
        );
        let expected = Resolution {
            action: Action::Warn,
            note: String::new(),
        };
        assert_eq!(resolution(&blank), Ok(expected));
    }

    #[test]
    fn a_resolution_is_one_of_four() {
        for text in ["dismiss", "remove_post", "warn", "suspend"] {
            let resolution = resolution(&format!(r#"{{"action":"{text}"}}"#)).unwrap();
            assert_eq!(resolution.action.as_str(), text);
        }
        let invalid = vec![("/action".to_owned(), Rule::InvalidValue)];
        assert_eq!(resolution(r#"{"action":"delete"}"#), Err(invalid));
        let required = vec![("/action".to_owned(), Rule::Required)];
        assert_eq!(resolution(r#"{"action":null}"#), Err(required));
    }

    #[test]
    fn what_is_open_is_listed_unless_said_otherwise() {
        assert_eq!(ReportStatus::picked(None).unwrap(), ReportStatus::Open);
        assert_eq!(
            ReportStatus::picked(Some("resolved")).unwrap(),
            ReportStatus::Resolved
        );
        assert!(ReportStatus::picked(Some("all")).is_err());
    }
}
