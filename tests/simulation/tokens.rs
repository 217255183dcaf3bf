//! The deployment's settings, and access tokens as it signs them: a client also renews its own here, so
//! that it can go on whatever became of its refresh tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer;
use kith::time::Timestamp;
use serde_json::{Value, json};

use crate::keys::{self, Step};
use crate::model::{Caller, Strictness};
use crate::world::JOB_GRACE;

const ISSUER: &str = "https://kith.example";
const AUDIENCE: &str = "kith";

/// How long a token is good for.
pub const LIFETIME_SECONDS: i64 = 600;

/// The value of the deployment's setting `name`, at this step of the rotation of its keys.
pub fn setting(name: &str, reveals_email: bool, limits: Strictness, step: Step) -> Option<String> {
    Some(match name {
        "ISSUER" => ISSUER.to_owned(),
        "AUDIENCE" => AUDIENCE.to_owned(),
        "SIGNING_KEYS" => keys::signing_setting(step),
        "SECRET_KEYS" => keys::secret_setting(step),
        "JOB_GRACE_SECONDS" => JOB_GRACE.as_secs().to_string(),
        "EXPOSE_COST" => "1".to_owned(),
        "RATE_LIMITS" => limits.setting(),
        "MAIL_TRANSPORT" => "binding".to_owned(),
        "MAIL_FROM" => "Kith <no-reply@kith.example>".to_owned(),
        "REVEAL_EMAIL" => u8::from(reveals_email).to_string(),
        _ => return None,
    })
}

/// A token of the caller's, issued now, at this step of the rotation.
pub fn issue(caller: &Caller, now: Timestamp, step: Step) -> String {
    let (kid, key) = keys::signing(step);
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}));
    let claims = part(json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": caller.user,
        "sid": caller.session,
        "jti": "renewed",
        "iat": now.seconds(),
        "exp": now.seconds() + LIFETIME_SECONDS,
    }));
    let signed = format!("{header}.{claims}");
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn claims(token: &str) -> Option<Value> {
    let claims = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// Whom a token speaks for; nobody who exists, if it is none.
pub fn caller(token: &str) -> Caller {
    let claims = claims(token).unwrap_or_default();
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    Caller {
        user: text("sub"),
        session: text("sid"),
    }
}

/// When a token expires, in seconds since the epoch.
pub fn expires(token: &str) -> i64 {
    claims(token)
        .and_then(|claims| claims["exp"].as_i64())
        .unwrap_or(0)
}
