//! Message authentication codes under the deployment's secret keys: how Kith recognises what it
//! issued itself (cursors, bookmarks, refresh tokens) without storing it.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a code.
pub const LENGTH: usize = 32;

/// The secret keys by their ids; the first makes new codes, all of them verify.
#[derive(Clone)]
pub struct SecretKeys(Vec<SecretKey>);

/// One secret key, ready for use: its schedule is computed once per isolate.
#[derive(Clone)]
struct SecretKey {
    id: String,
    mac: Hmac<Sha256>,
}

impl SecretKeys {
    /// Keys by id, the one that makes new codes first. `None` without any.
    #[must_use]
    pub fn new(keys: Vec<(String, [u8; 32])>) -> Option<Self> {
        let ready = |(id, bytes): (String, [u8; 32])| {
            // A key of any length will do for HMAC, so this is never `None`.
            Hmac::new_from_slice(&bytes)
                .ok()
                .map(|mac| SecretKey { id, mac })
        };
        let keys: Vec<_> = keys.into_iter().map(ready).collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The code of `parts` for `purpose`, and the id of the key it was made with.
    ///
    /// The purpose keeps a code made for one thing from being taken for another.
    #[must_use]
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> (&str, [u8; LENGTH]) {
        self.0.first().map_or(("", [0; LENGTH]), |key| {
            (
                key.id.as_str(),
                key.mac(purpose, parts).finalize().into_bytes().into(),
            )
        })
    }

    /// The code of `parts` for `purpose` under the key with the least id: the same whichever of the keys
    /// makes new codes, so that what is kept under such a code is found during and after a rotation,
    /// until that key is gone.
    #[must_use]
    pub fn lasting_code(&self, purpose: &str, parts: &[&[u8]]) -> [u8; LENGTH] {
        let least = self.0.iter().min_by(|one, other| one.id.cmp(&other.id));
        least.map_or([0; LENGTH], |key| {
            key.mac(purpose, parts).finalize().into_bytes().into()
        })
    }

    /// The code of `parts` for `purpose` under each of the keys, in their order.
    #[must_use]
    pub fn codes(&self, purpose: &str, parts: &[&[u8]]) -> Vec<[u8; LENGTH]> {
        let code = |key: &SecretKey| key.mac(purpose, parts).finalize().into_bytes().into();
        self.0.iter().map(code).collect()
    }

    /// Whether `code`, possibly shortened to no less than 16 bytes, is that of `parts` for `purpose`
    /// under any of the keys. Takes the same time wherever they differ.
    #[must_use]
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], code: &[u8]) -> bool {
        (16..=LENGTH).contains(&code.len())
            && self
                .0
                .iter()
                .any(|key| key.mac(purpose, parts).verify_truncated_left(code).is_ok())
    }
}

impl SecretKey {
    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        // Each part is preceded by its length, so that no two lists of parts run together.
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> SecretKeys {
        SecretKeys::new(
            bytes
                .iter()
                .map(|byte| (byte.to_string(), [*byte; 32]))
                .collect(),
        )
        .unwrap()
    }

    #[test]
    fn a_code_is_good_for_its_purpose_and_parts_only() {
        let keys = keys(&[1]);
        let (_, code) = keys.sign("cursor", &[b"ab", b"c"]);
        assert!(keys.verify("cursor", &[b"ab", b"c"], &code));
        assert!(!keys.verify("refresh", &[b"ab", b"c"], &code));
        assert!(!keys.verify("cursor", &[b"a", b"bc"], &code));
    }

    #[test]
    fn a_code_outlives_the_rotation_of_keys_until_its_key_is_gone() {
        let (_, code) = keys(&[1]).sign("cursor", &[b"x"]);
        assert!(keys(&[2, 1]).verify("cursor", &[b"x"], &code));
        assert!(!keys(&[2]).verify("cursor", &[b"x"], &code));
    }

    #[test]
    fn each_key_has_a_code_of_its_own_and_the_first_one_signs() {
        let keys = keys(&[2, 1]);
        let [two, one] = keys.codes("cursor", &[b"x"])[..] else {
            panic!("two keys make two codes");
        };
        assert_eq!(keys.sign("cursor", &[b"x"]), ("2", two));
        assert_eq!(super::tests::keys(&[1]).sign("cursor", &[b"x"]), ("1", one));
    }

    #[test]
    fn a_lasting_code_is_the_same_whichever_key_is_first() {
        let code = |bytes: &[u8]| keys(bytes).lasting_code("limit", &[b"x"]);
        assert_eq!(code(&[1]), code(&[2, 1]));
        assert_eq!(code(&[1, 2]), code(&[2, 1]));
        assert_ne!(code(&[1]), code(&[2]));
    }

    #[test]
    fn a_code_may_be_shortened_but_not_to_nothing() {
        let keys = keys(&[1]);
        let (_, code) = keys.sign("cursor", &[b"x"]);
        assert!(keys.verify("cursor", &[b"x"], &code[..16]));
        assert!(!keys.verify("cursor", &[b"x"], &code[..15]));
        assert!(!keys.verify("cursor", &[b"x"], &[]));
    }
}
