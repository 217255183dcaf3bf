//! What a renewal must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::Error;
use crate::text::Checks;

/// The body of `POST /auth/refresh`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "A refresh token.")]
pub(crate) struct RefreshRequest {
    /// As it was answered last.
    #[schemars(required, example = super::EXAMPLE)]
    refresh_token: Option<String>,
}

impl RefreshRequest {
    /// Reads the token as it was sent: one of any other form than Kith's is simply not Kith's.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is missing.
    pub(super) fn parse(self) -> Result<String, Error> {
        let mut checks = Checks::default();
        let token = checks.required("/refresh_token", self.refresh_token);
        checks.finish(token)
    }
}
