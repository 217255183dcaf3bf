//! Refresh tokens: `session.generation.secret` with a code over all three, so that only tokens that
//! Kith issued are ever looked up. The database holds a hash of the secret.
//!
//! The secret of a token's child is computed from the token, so that it need not be stored to be
//! given again. Under which of the secret keys it was computed is nowhere said: the hash that the
//! database holds of the child tells, so a change of keys on the way changes no child.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::id::SessionId;
use crate::mac::{self, SecretKeys};
use crate::platform::Random;

/// What the code of a token is made for.
const CODE: &str = "refresh_token";

/// What the secret of a token's child is made for.
const CHILD: &str = "refresh_token_child";

/// The longest token there can be: an id, a generation of any length, a secret and a code.
const MAX_LENGTH: usize = 36 + 1 + 20 + 1 + 43 + 1 + 43;

/// What the document shows for a token.
pub(in crate::auth) const EXAMPLE: &str = concat!(
    "0192d2f4-7c1e-7a53-9d0c-3f1b6a2e4c58.2.",
    "Zm9yIHRoZSBleGFtcGxlIG9mIHRoZSBkb2N1bWVudCE.",
    "c29tZSBjb2RlIHRoYXQgbm9ib2R5IGhhcyBtYWRlISE"
);

/// A refresh token, without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::auth) struct RefreshToken {
    session: SessionId,
    /// 1 for the session's first token, and one more for each child.
    generation: u64,
    /// 32 bytes that cannot be guessed, as base64url.
    secret: String,
}

/// The first refresh token of a new session.
pub(in crate::auth) fn first(session: &SessionId, random: &dyn Random) -> RefreshToken {
    let mut secret = [0; 32];
    random.fill(&mut secret);
    RefreshToken {
        session: session.clone(),
        generation: 1,
        secret: URL_SAFE_NO_PAD.encode(secret),
    }
}

impl RefreshToken {
    /// Reads what a client kept. `None` unless Kith issued it, under a key that it still has.
    pub(super) fn read(text: &str, keys: &SecretKeys) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (signed, code) = text.rsplit_once('.')?;
        let mut parts = signed.split('.');
        let (session, generation, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let code = URL_SAFE_NO_PAD.decode(code).ok()?;
        // Kith shortens no code of a token, so a shortened one is not Kith's.
        let is_whole = parts.next().is_none() && code.len() == mac::LENGTH;
        let signed = [session, generation, secret].map(str::as_bytes);
        if !is_whole || !keys.verify(CODE, &signed, &code) {
            return None;
        }
        Some(Self {
            session: session.parse().ok()?,
            generation: generation.parse().ok()?,
            secret: secret.to_owned(),
        })
    }

    /// What the client keeps.
    pub(in crate::auth) fn text(&self, keys: &SecretKeys) -> String {
        let Self {
            session,
            generation,
            secret,
        } = self;
        let (_, code) = keys.sign(CODE, &self.parts(&generation.to_string()));
        let code = URL_SAFE_NO_PAD.encode(code);
        format!("{session}.{generation}.{secret}.{code}")
    }

    /// What the session's row keeps: base64url of the secret's SHA-256.
    pub(in crate::auth) fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.secret.as_bytes()))
    }

    /// The session.
    pub(super) fn session(&self) -> &SessionId {
        &self.session
    }

    /// The tokens that this one may be redeemed for: one for each secret key, that of the key which
    /// makes new ones first. A session takes the first one it is offered, and from then on no other.
    pub(super) fn children(&self, keys: &SecretKeys) -> Vec<Self> {
        let child = |secret: &[u8; mac::LENGTH]| Self {
            session: self.session.clone(),
            generation: self.generation.saturating_add(1),
            secret: URL_SAFE_NO_PAD.encode(secret),
        };
        let secrets = keys.codes(CHILD, &self.parts(&self.generation.to_string()));
        secrets.iter().map(child).collect()
    }

    fn parts<'a>(&'a self, generation: &'a str) -> [&'a [u8]; 3] {
        [
            self.session.as_str().as_bytes(),
            generation.as_bytes(),
            self.secret.as_bytes(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "01890000-0000-7000-8000-000000000001";

    struct Constant;

    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(9);
        }
    }

    fn keys(bytes: &[u8]) -> SecretKeys {
        let key = |byte: &u8| (format!("k{byte}"), [*byte; 32]);
        SecretKeys::new(bytes.iter().map(key).collect()).unwrap()
    }

    fn token() -> RefreshToken {
        first(&SESSION.parse().unwrap(), &Constant)
    }

    fn child(parent: &RefreshToken, keys: &SecretKeys) -> RefreshToken {
        parent.children(keys).remove(0)
    }

    #[test]
    fn a_token_is_read_as_it_was_issued() {
        let keys = keys(&[1]);
        let grandchild = child(&child(&token(), &keys), &keys);
        for token in [token(), grandchild] {
            let text = token.text(&keys);
            assert!(text.len() <= MAX_LENGTH);
            assert_eq!(RefreshToken::read(&text, &keys), Some(token));
        }
    }

    #[test]
    fn the_example_looks_like_a_token_and_is_none() {
        let lengths = |text: &str| text.split('.').map(str::len).collect::<Vec<_>>();
        let keys = keys(&[1]);
        assert_eq!(lengths(EXAMPLE), lengths(&token().text(&keys)));
        assert_eq!(RefreshToken::read(EXAMPLE, &keys), None);
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_not_kiths() {
        let keys = keys(&[1]);
        let text = token().text(&keys);
        for place in 0..text.len() {
            for letter in ["0", "1", "A", ".", "-", "é", ""] {
                let (before, after) = (&text[..place], &text[place + 1..]);
                let changed = format!("{before}{letter}{after}");
                let read = RefreshToken::read(&changed, &keys);
                assert_eq!(read.is_some(), changed == text, "{changed}");
            }
            assert_eq!(RefreshToken::read(&text[..place], &keys), None);
        }
        for changed in [format!("{text}."), format!(".{text}"), text.repeat(2)] {
            assert_eq!(RefreshToken::read(&changed, &keys), None, "{changed}");
        }
    }

    #[test]
    fn a_code_that_was_shortened_or_made_for_something_else_is_refused() {
        let keys = keys(&[1]);
        let token = token();
        let with_code = |code: &[u8]| {
            let code = URL_SAFE_NO_PAD.encode(code);
            let secret = &token.secret;
            RefreshToken::read(&format!("{SESSION}.1.{secret}.{code}"), &keys)
        };
        let (_, code) = keys.sign(CODE, &token.parts("1"));
        assert_eq!(with_code(&code), Some(token.clone()));
        assert_eq!(with_code(&code[..16]), None);
        let (_, code) = keys.sign(CHILD, &token.parts("1"));
        assert_eq!(with_code(&code), None);
    }

    #[test]
    fn a_parent_leads_to_the_same_child_each_time_and_another_parent_to_another() {
        let keys = keys(&[1]);
        let parent = token();
        let one = child(&parent, &keys);
        assert_eq!(one, child(&parent, &keys));
        assert_eq!(one.generation, 2);
        assert_ne!(one.secret, parent.secret);
        let mut later = parent.clone();
        later.generation = 2;
        let mut elsewhere = parent.clone();
        elsewhere.session = "01890000-0000-7000-8000-000000000002".parse().unwrap();
        for other in [later, elsewhere, one.clone()] {
            assert_ne!(child(&other, &keys).secret, one.secret);
        }
    }

    #[test]
    fn a_child_is_found_by_its_hash_before_and_after_the_keys_were_rotated() {
        let (before, between, after) = (keys(&[1]), keys(&[2, 1]), keys(&[1, 2]));
        let parent = token();
        let expected = child(&parent, &before);
        for keys in [before, between, after] {
            let children = parent.children(&keys);
            let found = children
                .iter()
                .find(|child| child.hash() == expected.hash());
            assert_eq!(found, Some(&expected));
        }
    }

    #[test]
    fn a_token_outlives_the_rotation_of_keys_until_its_key_is_gone() {
        let text = token().text(&keys(&[1]));
        assert!(RefreshToken::read(&text, &keys(&[2, 1])).is_some());
        assert_eq!(RefreshToken::read(&text, &keys(&[2])), None);
    }
}
