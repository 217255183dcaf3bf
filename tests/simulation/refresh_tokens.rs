//! Refresh tokens, made and read as the deployment does it, by the words of the decision on them
//! (docs/decisions/0021) and not by Kith's code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::keys::all_secret as keys;

/// A token without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: String,
    generation: u64,
    secret: String,
}

/// The first token of a session that was not opened by Kith.
pub fn first(session: &str) -> RefreshToken {
    RefreshToken {
        session: session.to_owned(),
        generation: 1,
        secret: URL_SAFE_NO_PAD.encode(Sha256::digest(session)),
    }
}

/// A token that a client shows, if Kith could have issued it.
pub fn genuine(text: &str) -> Option<RefreshToken> {
    let parts: Vec<_> = text.split('.').collect();
    let [session, generation, secret, code] = parts[..] else {
        return None;
    };
    let code: [u8; 32] = URL_SAFE_NO_PAD.decode(code).ok()?.try_into().ok()?;
    let token = RefreshToken {
        session: session.to_owned(),
        generation: generation.parse().ok()?,
        secret: secret.to_owned(),
    };
    let is_right = |parts: &[&[u8]]| keys().codes("refresh_token", parts).contains(&code);
    token.with_parts(is_right).then_some(token)
}

impl RefreshToken {
    fn with_parts<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let generation = self.generation.to_string();
        then(&[
            self.session.as_bytes(),
            generation.as_bytes(),
            self.secret.as_bytes(),
        ])
    }

    /// As a client shows it.
    pub fn text(&self) -> String {
        let code = self.with_parts(|parts| keys().sign("refresh_token", parts).1);
        let code = URL_SAFE_NO_PAD.encode(code);
        let Self {
            session,
            generation,
            secret,
        } = self;
        format!("{session}.{generation}.{secret}.{code}")
    }

    /// As the database knows it.
    pub fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.secret))
    }

    /// What it may lead to: one token for each key.
    pub fn children(&self) -> Vec<Self> {
        let secrets = self.with_parts(|parts| keys().codes("refresh_token_child", parts));
        let child = |secret: &[u8; 32]| Self {
            session: self.session.clone(),
            generation: self.generation + 1,
            secret: URL_SAFE_NO_PAD.encode(secret),
        };
        secrets.iter().map(child).collect()
    }
}
