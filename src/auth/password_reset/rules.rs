//! What a request for a mail, and a new password by it, must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::rules::{MAX_PASSWORD, MIN_PASSWORD, check_password};
use crate::error::Error;
use crate::text::{self, Checks};
use crate::users::Email;

/// The body of `POST /auth/password/forgot`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "Where the mail is to go.")]
pub(crate) struct ForgotPasswordRequest {
    #[schemars(required, with = "Option<Email>")]
    email: Option<String>,
}

impl ForgotPasswordRequest {
    /// Reads the address.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is missing or none.
    pub(super) fn parse(self) -> Result<Email, Error> {
        let mut checks = Checks::default();
        let email = checks
            .required("/email", self.email)
            .and_then(|typed| checks.note(Email::parse("/email", &typed)));
        checks.finish(email)
    }
}

/// The body of `POST /auth/password/reset`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "What the mail's link carried, and the new password.")]
pub(crate) struct ResetPasswordRequest {
    /// What stands after `#token=` in the link.
    #[schemars(required, example = &"eyJtYXkiOiJyZXNldF9wYXNzd29yZCJ9.bm90IG9uZSBvZiBLaXRoJ3M")]
    token: Option<String>,
    /// Neither the username nor the e-mail address, in whatever case.
    #[schemars(
        required,
        length(min = MIN_PASSWORD, max = MAX_PASSWORD),
        regex(pattern = text::NO_NUL),
        example = &"two horses of my own"
    )]
    new_password: Option<String>,
}

impl ResetPasswordRequest {
    /// Reads the token as it was sent, because one of any other form than Kith's is simply not Kith's,
    /// and the new password, which keeps every rule that is known without the account's names.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<(String, String), Error> {
        let mut checks = Checks::default();
        let token = checks.required("/token", self.token);
        let new = checks
            .required("/new_password", self.new_password)
            .and_then(|typed| {
                checks.note(check_password("/new_password", &typed, None, None))?;
                Some(typed)
            });
        checks.finish(token.zip(new))
    }
}
