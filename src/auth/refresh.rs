//! Refresh tokens: `session.generation.secret` with a code over all three, so that only tokens that
//! Kith issued are ever looked up. The database holds a hash of the secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::id::SessionId;
use crate::mac::SecretKeys;
use crate::platform::Random;

const PURPOSE: &str = "refresh_token";

/// A refresh token as issued, and what is stored of it.
pub(super) struct RefreshToken {
    /// What the client keeps.
    pub(super) token: String,
    /// What the session's row keeps: base64url of the secret's SHA-256.
    pub(super) hash: String,
}

/// The first refresh token of a new session.
pub(super) fn first(session: &SessionId, keys: &SecretKeys, random: &dyn Random) -> RefreshToken {
    let mut secret = [0; 32];
    random.fill(&mut secret);
    let secret = URL_SAFE_NO_PAD.encode(secret);
    let generation = "1";
    let parts = [
        session.as_str().as_bytes(),
        generation.as_bytes(),
        secret.as_bytes(),
    ];
    let (_, code) = keys.sign(PURPOSE, &parts);
    let code = URL_SAFE_NO_PAD.encode(code);
    RefreshToken {
        token: format!("{session}.{generation}.{secret}.{code}"),
        hash: URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes())),
    }
}
