//! Access tokens: JSON Web Tokens (RFC 7519) in the profile of RFC 9068, signed with Ed25519.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jwt_compact::alg::Ed25519;
use jwt_compact::{AlgorithmExt, Claims, Header, UntrustedToken};
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::verified::{Genuine, VerifiedTokens};
use crate::config::Config;
use crate::error::{Code, Error};
use crate::id::{SessionId, UserId};
use crate::platform::Random;
use crate::time::Timestamp;
use crate::viewer::Viewer;

/// How long an access token is good for.
pub(super) const LIFETIME: Duration = Duration::from_mins(10);

/// How far the clocks of two data centres may differ, in seconds.
const LEEWAY: i64 = 60;

/// No token of Kith's comes near this length; what is longer is not worth decoding.
const MAX_LENGTH: usize = 2_048;

/// `typ` of an access token (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";

/// The keys of access tokens, computed once per isolate: deriving a public key takes longer than
/// serving a request.
pub struct TokenKeys {
    issuer: String,
    audience: String,
    /// The first one signs.
    keys: Vec<TokenKey>,
    verified: VerifiedTokens,
}

struct TokenKey {
    id: String,
    signing: SigningKey,
    verifying: VerifyingKey,
}

/// The claims besides `exp` and `iat`.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    sid: String,
}

/// The one other header that has a say: a token that asks for an extension to be understood is
/// refused, because Kith understands none (RFC 7515, section 4.1.11).
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extensions {
    #[serde(default, skip_serializing, deserialize_with = "is_there")]
    crit: bool,
}

/// Whatever it is: even null asks for something.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A public key as a JSON Web Key (RFC 8037).
#[derive(JsonSchema, Serialize)]
pub(super) struct PublicKey<'a> {
    #[schemars(extend("const" = "OKP"))]
    kty: &'static str,
    #[schemars(extend("const" = "Ed25519"))]
    crv: &'static str,
    #[schemars(extend("const" = "sig"))]
    r#use: &'static str,
    #[schemars(extend("const" = "EdDSA"))]
    alg: &'static str,
    /// The key's name, which a token's header gives.
    #[schemars(example = &"k1")]
    kid: &'a str,
    /// The public key, in base64url.
    #[schemars(example = &"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
}

impl TokenKeys {
    /// The keys of a deployment.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let keys = config.signing_keys.iter().map(|(id, seed)| {
            let signing = SigningKey::from_bytes(seed);
            TokenKey {
                id: id.clone(),
                verifying: signing.verifying_key(),
                signing,
            }
        });
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            keys: keys.collect(),
            verified: VerifiedTokens::default(),
        }
    }

    /// A new access token.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(super) fn issue(
        &self,
        user: &UserId,
        session: &SessionId,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, Error> {
        let key = self
            .keys
            .first()
            .ok_or_else(|| Error::internal("there is no signing key"))?;
        let mut jti = [0; 16];
        random.fill(&mut jti);
        let mut claims = Claims::new(AccessClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user.to_string(),
            jti: URL_SAFE_NO_PAD.encode(jti),
            sid: session.to_string(),
        });
        claims.issued_at = DateTime::<Utc>::from_timestamp(now.seconds(), 0);
        claims.expiration = DateTime::<Utc>::from_timestamp(now.plus(LIFETIME).seconds(), 0);
        let header = Header::empty()
            .with_key_id(key.id.as_str())
            .with_token_type(TYPE);
        Ed25519
            .token(&header, &claims, &key.signing)
            .map_err(Error::internal)
    }

    /// Who a token speaks for, if Kith issued it and it has not expired. No header of the token but
    /// `kid`, `alg`, `typ` and `crit` has any say.
    ///
    /// # Errors
    /// [`Code::TokenExpired`] for a good token whose time is over, else [`Code::InvalidToken`].
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Viewer, Error> {
        let invalid = || Error::Unauthenticated(Code::InvalidToken);
        if token.len() > MAX_LENGTH {
            return Err(invalid());
        }
        let fingerprint = VerifiedTokens::fingerprint(token);
        let genuine = if let Some(genuine) = self.verified.recall(&fingerprint) {
            genuine
        } else {
            let genuine = self.check(token, now).ok_or_else(invalid)?;
            if now.seconds() < genuine.expires {
                self.verified
                    .remember(fingerprint, genuine.clone(), now.seconds());
            }
            genuine
        };
        if now.seconds() < genuine.expires {
            Ok(Viewer::of_checked_token(
                genuine.user_id,
                genuine.session_id,
                now,
            ))
        } else {
            Err(Error::Unauthenticated(Code::TokenExpired))
        }
    }

    /// What a token says, expired or not; `None` for whatever Kith did not issue.
    fn check(&self, token: &str, now: Timestamp) -> Option<Genuine> {
        let untrusted = UntrustedToken::<Extensions>::try_from(token).ok()?;
        let header = untrusted.header();
        if header.token_type.as_deref() != Some(TYPE) || header.other_fields.crit {
            return None;
        }
        let kid = header.key_id.as_deref()?;
        let key = self.keys.iter().find(|key| key.id == kid)?;
        let token = Ed25519
            .validator::<AccessClaims>(&key.verifying)
            .validate(&untrusted)
            .ok()?;
        let claims = token.claims();
        let (issued, expires) = (
            claims.issued_at?.timestamp(),
            claims.expiration?.timestamp(),
        );
        let custom = &claims.custom;
        let lifetime = i64::try_from(LIFETIME.as_secs()).ok()?;
        let genuine = custom.iss == self.issuer
            && custom.aud == self.audience
            && claims.not_before.is_none()
            && issued <= now.seconds().saturating_add(LEEWAY)
            && (1..=lifetime).contains(&expires.saturating_sub(issued));
        let parsed = Genuine {
            user_id: custom.sub.parse().ok()?,
            session_id: custom.sid.parse().ok()?,
            expires,
        };
        genuine.then_some(parsed)
    }

    /// The public keys, for whoever verifies Kith's tokens elsewhere.
    pub(super) fn public_keys(&self) -> Vec<PublicKey<'_>> {
        let public_keys = self.keys.iter().map(|key| PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            r#use: "sig",
            alg: "EdDSA",
            kid: &key.id,
            x: URL_SAFE_NO_PAD.encode(key.verifying.as_bytes()),
        });
        public_keys.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_162_020_000);
    const USER: &str = "01890000-0000-7000-8000-000000000001";
    const SESSION: &str = "01890000-0000-7000-8000-000000000002";

    struct Constant;
    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(9);
        }
    }

    fn keys(ids: &[(&str, u8)]) -> TokenKeys {
        let seed = |(id, byte): &(&str, u8)| {
            let signing = SigningKey::from_bytes(&[*byte; 32]);
            TokenKey {
                id: (*id).into(),
                verifying: signing.verifying_key(),
                signing,
            }
        };
        TokenKeys {
            issuer: "https://kith.example".into(),
            audience: "kith".into(),
            keys: ids.iter().map(seed).collect(),
            verified: VerifiedTokens::default(),
        }
    }

    fn issue(keys: &TokenKeys) -> String {
        keys.issue(
            &USER.parse().unwrap(),
            &SESSION.parse().unwrap(),
            NOW,
            &Constant,
        )
        .unwrap()
    }

    fn outcome(keys: &TokenKeys, token: &str, now: Timestamp) -> Result<String, Code> {
        match keys.verify(token, now) {
            Ok(viewer) => Ok(viewer.user_id().to_string()),
            Err(Error::Unauthenticated(code)) => Err(code),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_speaks_for_its_account_for_ten_minutes() {
        let keys = keys(&[("k1", 1)]);
        let token = issue(&keys);
        let last = NOW.plus(Duration::from_secs(599));
        assert_eq!(outcome(&keys, &token, NOW), Ok(USER.into()));
        assert_eq!(outcome(&keys, &token, last), Ok(USER.into()));
        assert_eq!(
            outcome(&keys, &token, NOW.plus(LIFETIME)),
            Err(Code::TokenExpired)
        );
    }

    #[test]
    fn a_token_outlives_the_rotation_of_keys_until_its_key_is_gone() {
        let token = issue(&keys(&[("k1", 1)]));
        assert_eq!(
            outcome(&keys(&[("k2", 2), ("k1", 1)]), &token, NOW),
            Ok(USER.into())
        );
        assert_eq!(
            outcome(&keys(&[("k2", 2)]), &token, NOW),
            Err(Code::InvalidToken)
        );
        // The same id for another key.
        assert_eq!(
            outcome(&keys(&[("k1", 2)]), &token, NOW),
            Err(Code::InvalidToken)
        );
    }

    #[test]
    fn a_token_from_the_future_is_refused() {
        let keys = keys(&[("k1", 1)]);
        let token = issue(&keys);
        let earlier = Timestamp::from_millis(NOW.millis() - 120_000);
        assert_eq!(outcome(&keys, &token, earlier), Err(Code::InvalidToken));
    }

    #[test]
    fn claims_of_another_issuer_audience_or_lifetime_are_refused_though_signed() {
        let signer = keys(&[("k1", 1)]);
        let mut foreign = keys(&[("k1", 1)]);
        foreign.issuer = "https://other.example".into();
        assert_eq!(
            outcome(&signer, &issue(&foreign), NOW),
            Err(Code::InvalidToken)
        );
        let mut foreign = keys(&[("k1", 1)]);
        foreign.audience = "other".into();
        assert_eq!(
            outcome(&signer, &issue(&foreign), NOW),
            Err(Code::InvalidToken)
        );
    }
}
