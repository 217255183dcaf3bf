//! The secrets that are keys: how they are written, and which are too weak to be any.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ConfigError;

/// Reads a setting of keys: `id:base64url` of 32 random bytes each, separated by commas.
///
/// # Errors
/// What is wrong with it, by its name and never its value.
pub(super) fn read(
    name: &'static str,
    value: &str,
) -> Result<Vec<(String, [u8; 32])>, ConfigError> {
    let error = |problem| ConfigError { name, problem };
    let mut keys: Vec<(String, [u8; 32])> = Vec::new();
    for entry in value.split(',') {
        let (id, text) = entry
            .trim()
            .split_once(':')
            .ok_or(error("must be `id:base64url,…`"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            return Err(error("has a key id that is not 1–64 of A–Z a–z 0–9 . _ -"));
        }
        if keys.iter().any(|(known, _)| known == id) {
            return Err(error("has two keys with one id"));
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| error("has a key that is no base64url"))?;
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| error("has a key that is not 32 bytes"))?;
        if is_weak(&bytes) {
            return Err(error("has a key that is not random"));
        }
        if keys.iter().any(|(_, known)| *known == bytes) {
            return Err(error("has one key under two ids"));
        }
        keys.push((id.to_owned(), bytes));
    }
    Ok(keys)
}

/// Keys that everybody can read in a standard: the seeds of RFC 8032, section 7.1, of which the first is
/// that of RFC 8037, appendix A, too.
const PRINTED: [[u8; 32]; 3] = [
    *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\
       \x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60",
    *b"\x4c\xcd\x08\x9b\x28\xff\x96\xda\x9d\xb6\xc3\x46\xec\x11\x4e\x0f\
       \x5b\x8a\x31\x9f\x35\xab\xa6\x24\xda\x8c\xf6\xed\x4f\xb8\xa6\xfb",
    *b"\xc5\xaa\x8d\xf4\x3f\x9f\x83\x7b\xed\xb7\x44\x2f\x31\xdc\xb7\xb1\
       \x66\xd3\x85\x35\x07\x6f\x09\x4b\x85\xce\x3a\x2e\x0b\x44\x58\xf7",
];

/// Fewer different values, or steps from byte to byte, 32 random bytes have once in 10^16 times.
const LEAST_DIFFERENT: usize = 16;

/// Whether a key was made up rather than drawn: few different bytes, a sequence, nothing but what can be
/// typed (32 random bytes are that once in 10^13 times), or a key that is printed somewhere.
fn is_weak(key: &[u8; 32]) -> bool {
    let different = key.iter().collect::<HashSet<_>>().len();
    let neighbours = key.iter().zip(key.iter().skip(1));
    let steps = neighbours.map(|(byte, next)| next.wrapping_sub(*byte));
    let is_typed = key.iter().all(|byte| (b' '..=b'~').contains(byte));
    different < LEAST_DIFFERENT
        || steps.collect::<HashSet<_>>().len() < LEAST_DIFFERENT
        || is_typed
        || PRINTED.contains(key)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// A key that nobody can copy from here.
    fn key(number: u8) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest([number]))
    }

    #[test]
    fn a_broken_list_of_keys_is_refused_by_its_settings_name_and_not_shown() {
        let (one, other) = (key(1), key(2));
        let long = "x".repeat(65);
        for value in [
            String::new(),
            ",".to_owned(),
            "k".to_owned(),
            "k:".to_owned(),
            "k:short".to_owned(),
            one.clone(),
            format!(":{one}"),
            format!("{long}:{one}"),
            format!("k y:{one}"),
            format!("k:{one}="),
            format!("k:{}", one.get(..42).unwrap()),
            format!("k:{one}AAAA"),
            format!("k:{one},"),
            format!("k:{one},k:{other}"),
            format!("k:{one},l:{one}"),
            format!("k:{one};l:{other}"),
        ] {
            for name in ["SIGNING_KEYS", "SECRET_KEYS"] {
                let error = read(name, &value).err().unwrap();
                assert_eq!(error.name, name, "{value}");
                assert!(!error.to_string().contains(&one), "{value}");
            }
        }
    }

    #[test]
    fn a_key_that_was_made_up_is_refused_by_its_settings_name() {
        let bytes = |make: &dyn Fn(u8) -> u8| -> Vec<u8> { (0..32).map(make).collect() };
        let mut weak = vec![
            bytes(&|_| 0),
            bytes(&|_| 0xff),
            bytes(&|place| place),
            bytes(&|place| place + 1),
            bytes(&|place| 31 - place),
            bytes(&|place| place.wrapping_mul(7).wrapping_add(200)),
            bytes(&|place| place % 16),
            bytes(&|place| place / 2),
            b"abcdefghijklmnopqrstuvwxyz012345".to_vec(),
            b"correct horse battery staple 123".to_vec(),
            b"0f8e7d6c5b4a39281706f5e4d3c2b1a0".to_vec(),
        ];
        weak.extend(PRINTED.iter().map(|key| key.to_vec()));
        for key in weak {
            let value = format!("k:{}", URL_SAFE_NO_PAD.encode(&key));
            for name in ["SIGNING_KEYS", "SECRET_KEYS"] {
                let error = read(name, &value).err().unwrap();
                assert_eq!(error.name, name, "{value}");
                assert_eq!(error.problem, "has a key that is not random", "{value}");
            }
        }
    }

    #[test]
    fn a_key_that_was_drawn_is_taken() {
        for number in 0..=255 {
            let value = format!("k:{}", key(number));
            assert!(read("SECRET_KEYS", &value).is_ok(), "{value}");
        }
    }

    #[test]
    fn the_keys_of_a_standard_are_those_that_it_prints() {
        let public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let first = ed25519_dalek::SigningKey::from_bytes(&PRINTED[0]);
        assert_eq!(URL_SAFE_NO_PAD.encode(first.verifying_key()), public);
    }
}
