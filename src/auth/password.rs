//! Argon2id, with one of the parameter sets that OWASP's Password Storage Cheat Sheet recommends.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::error::Error;
use crate::platform::{CostMeter, Random};

/// 19 MiB, two passes, one lane: about 25 ms in a Worker. More memory would take its share of the
/// isolate's 128 MB from every other request.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash of no password that anybody has, so that an unknown name takes as much work to refuse as a
/// wrong password.
const STAND_IN: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$kOJcwDDn2vrfJaTfzqP4qoUwhIgAB6bPxkeRkWZeR3k";

fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The PHC string of `password` with a fresh salt.
///
/// # Errors
/// [`Error::Internal`] only.
pub(super) fn hash(password: &str, random: &dyn Random, cost: &CostMeter) -> Result<String, Error> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(Error::internal)?;
    cost.password_hash();
    let hash = argon2()?
        .hash_password(password.as_bytes(), &salt)
        .map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Whether `password` is that of `hash`; with no hash, the same work for the answer no.
///
/// # Errors
/// [`Error::Internal`] if `hash` is no PHC string.
pub(super) fn verify(password: &str, hash: Option<&str>, cost: &CostMeter) -> Result<bool, Error> {
    let parsed = PasswordHash::new(hash.unwrap_or(STAND_IN)).map_err(Error::internal)?;
    cost.password_hash();
    let matches = argon2()?
        .verify_password(password.as_bytes(), &parsed)
        .is_ok();
    Ok(matches && hash.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant;
    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(9);
        }
    }

    #[test]
    fn a_password_is_known_by_its_hash_only() {
        let cost = CostMeter::default();
        let hash = hash("correct horse", &Constant, &cost).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse", Some(&hash), &cost).unwrap());
        assert!(!verify("correct hors", Some(&hash), &cost).unwrap());
    }

    #[test]
    fn nobody_has_a_password_and_the_stand_in_takes_the_same_work() {
        assert!(!verify("anything", None, &CostMeter::default()).unwrap());
        let parsed = PasswordHash::new(STAND_IN).unwrap();
        assert_eq!(
            Params::try_from(&parsed).unwrap(),
            Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).unwrap()
        );
    }
}
