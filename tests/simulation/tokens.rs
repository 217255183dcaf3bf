//! Access tokens as the deployment signs them: a client renews its own here, until there is a route
//! that does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use kith::time::Timestamp;
use serde_json::{Value, json};

use crate::model::Caller;

/// 32 different bytes.
const SEED: [u8; 32] = *b"abcdefghijklmnopqrstuvwxyz012345";

/// How long a token is good for.
pub const LIFETIME_SECONDS: i64 = 600;

/// The value of the deployment's setting `name`.
pub fn setting(name: &str) -> Option<String> {
    let key = URL_SAFE_NO_PAD.encode(SEED);
    Some(match name {
        "ISSUER" => "https://kith.example".to_owned(),
        "AUDIENCE" => "kith".to_owned(),
        "SIGNING_KEYS" => format!("k1:{key}"),
        "SECRET_KEYS" => format!("s1:{key}"),
        "JOB_GRACE_SECONDS" => "30".to_owned(),
        "EXPOSE_COST" | "REVEAL_EMAIL" => "1".to_owned(),
        _ => return None,
    })
}

/// A token of the caller's, issued now.
pub fn issue(caller: &Caller, now: Timestamp) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}));
    let claims = part(json!({
        "iss": setting("ISSUER"),
        "aud": setting("AUDIENCE"),
        "sub": caller.user,
        "sid": caller.session,
        "jti": "renewed",
        "iat": now.seconds(),
        "exp": now.seconds() + LIFETIME_SECONDS,
    }));
    let signed = format!("{header}.{claims}");
    let signature = SigningKey::from_bytes(&SEED).sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// Whom a token speaks for.
pub fn caller(token: &str) -> Caller {
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    Caller {
        user: text("sub"),
        session: text("sid"),
    }
}
