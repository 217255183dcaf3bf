//! What a post that somebody writes must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Rule, Violation};
use crate::id::PostId;
use crate::text::{self, Checks, Lines};
use crate::word::word;

/// The longest caption, in characters.
const MAX_CAPTION: usize = 2_200;

/// The body of `POST /posts`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    description = "A new post, or with `reply_to` a comment, which has the visibility of what it answers.",
    extend("anyOf" = serde_json::json!([
        {"properties": {"reply_to": {"type": "null"}}},
        {"properties": {"visibility": {"type": "null"}}},
    ]))
)]
pub(super) struct CreatePostRequest {
    /// What it says. White space alone says nothing; line breaks and tabs may stand in it.
    #[schemars(
        required,
        length(min = 1, max = MAX_CAPTION),
        regex(pattern = text::pattern(Lines::Many)),
        example = &"Morning light on the harbour"
    )]
    caption: Option<String>,
    /// Who may see it; everyone unless said otherwise. A comment is for whom its thread is for, so with
    /// `reply_to` this is refused.
    #[schemars(with = "Option<Visibility>")]
    visibility: Option<String>,
    /// The post it is a comment on.
    #[schemars(with = "Option<PostId>", example = None::<PostId>)]
    reply_to: Option<String>,
}

/// The body of `PUT /posts/{id}` and of `POST /posts/{id}/comments`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "What a post or a comment is to say.")]
pub(super) struct CaptionRequest {
    /// What it says. White space alone says nothing; line breaks and tabs may stand in it.
    #[schemars(
        required,
        length(min = 1, max = MAX_CAPTION),
        regex(pattern = text::pattern(Lines::Many)),
        example = &"Morning light on the #harbour"
    )]
    caption: Option<String>,
}

word!(
    /// Who may see a post, besides its author.
    pub(super) Visibility {
        /// Everyone.
        Public = "public",
        /// Accepted followers.
        Followers = "followers",
    }
);

/// A new post that keeps every rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewPost {
    /// 1–2,200 characters.
    pub caption: String,
    /// public unless said otherwise; ignored with `reply_to`.
    pub visibility: Visibility,
    /// The post it is a comment on.
    pub reply_to: Option<PostId>,
}

/// Reads a caption: 1–2,200 characters.
fn caption(checks: &mut Checks, caption: Option<String>) -> Option<String> {
    let caption = checks.required("/caption", caption)?;
    checks.note(text::check(
        "/caption",
        &caption,
        Lines::Many,
        1,
        MAX_CAPTION,
    ))?;
    Some(caption)
}

impl CaptionRequest {
    /// Reads the caption.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the rule it breaks.
    pub(super) fn parse(self) -> Result<String, Error> {
        let mut checks = Checks::default();
        let caption = caption(&mut checks, self.caption);
        checks.finish(caption)
    }
}

impl CreatePostRequest {
    /// Reads the new post.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<NewPost, Error> {
        let mut checks = Checks::default();
        let caption = caption(&mut checks, self.caption);
        let is_reply = self.reply_to.is_some();
        let visibility = self.visibility.map_or(Some(Visibility::Public), |text| {
            checks.note(if is_reply {
                Err(Violation::new("/visibility", Rule::InvalidValue))
            } else {
                Visibility::parse("/visibility", &text)
            })
        });
        let reply_to = self.reply_to.map(|text| {
            let id = text.parse();
            id.map_err(|_| Violation::new("/reply_to", Rule::InvalidValue))
        });
        let reply_to = reply_to.and_then(|id| checks.note(id));
        let post = caption
            .zip(visibility)
            .map(|(caption, visibility)| NewPost {
                caption,
                visibility,
                reply_to,
            });
        checks.finish(post)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<NewPost, Vec<Rule>> {
        let request: CreatePostRequest = serde_json::from_str(json).unwrap();
        request.parse().map_err(|error| match error {
            Error::Invalid(violations) => violations
                .into_iter()
                .map(|violation| violation.rule)
                .collect(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_post_is_public_unless_said_otherwise() {
        assert_eq!(
            parse(r#"{"caption":"Hi"}"#).unwrap().visibility,
            Visibility::Public
        );
        assert_eq!(
            parse(r#"{"caption":"Hi","visibility":"followers"}"#)
                .unwrap()
                .visibility,
            Visibility::Followers
        );
        assert_eq!(
            parse(r#"{"caption":"Hi","visibility":"secret"}"#),
            Err(vec![Rule::InvalidValue])
        );
    }

    #[test]
    fn a_comment_is_for_whom_its_thread_is_for() {
        const ID: &str = "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e";
        let body = |more: &str| format!(r#"{{"caption":"Hi","reply_to":"{ID}"{more}}}"#);
        assert_eq!(parse(&body("")).unwrap().reply_to, ID.parse().ok());
        assert_eq!(
            parse(&body(r#","visibility":"public""#)),
            Err(vec![Rule::InvalidValue])
        );
        assert_eq!(
            parse(r#"{"caption":"Hi","reply_to":"the first one"}"#),
            Err(vec![Rule::InvalidValue])
        );
    }

    #[test]
    fn a_caption_has_1_to_2200_characters() {
        let body = |length| format!(r#"{{"caption":"{}"}}"#, "ü".repeat(length));
        assert!(parse(&body(2_200)).is_ok());
        assert_eq!(parse(&body(2_201)), Err(vec![Rule::TooLong(2_200)]));
        assert_eq!(parse(&body(0)), Err(vec![Rule::TooShort(1)]));
        assert_eq!(parse("{}"), Err(vec![Rule::Required]));
    }
}
