//! What the first admin must hold: a registration, and the token of the link. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::rules::{MAX_PASSWORD, MIN_PASSWORD};
use crate::auth::{RegisterRequest, Registration};
use crate::error::Error;
use crate::text::{self, Checks, Lines};
use crate::users::{Email, MAX_DISPLAY_NAME, Username};

/// The body of `POST /setup`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "The first admin's account, and what the one-time link holds.")]
pub(crate) struct SetUpRequest {
    /// What stands after `#token=` in the link.
    #[schemars(required, example = &"Vb1pQ0mX2r8sT4uY6wZ0aC3eG5iK7oL9nJ1hF2dB4vM")]
    token: Option<String>,
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

impl SetUpRequest {
    /// Reads the token as it was sent, because one of any form that is not the operator's is simply
    /// wrong, and the registration.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<(String, Registration), Error> {
        let mut checks = Checks::default();
        let token = checks.required("/token", self.token);
        let registration = RegisterRequest {
            username: self.username,
            email: self.email,
            password: self.password,
            display_name: self.display_name,
        };
        let registration = registration.check(&mut checks);
        checks.finish(token.zip(registration))
    }
}
