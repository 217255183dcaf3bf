//! Argon2id, with one of the parameter sets that OWASP's Password Storage Cheat Sheet recommends. A hash
//! names the parameters it was made with, so those of former times are still checked, and upgraded.

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

/// What replaces `hash`, which is that of `password`, if it was made with other parameters than today's.
///
/// The salt stays. It is no secret and still nobody else's, and so two sign-ins at the same moment
/// come to the same new hash, and neither undoes the other's.
///
/// # Errors
/// [`Error::Internal`] if `hash` is no PHC string with a salt.
pub(super) fn upgrade(
    password: &str,
    hash: &str,
    cost: &CostMeter,
) -> Result<Option<String>, Error> {
    let parsed = PasswordHash::new(hash).map_err(Error::internal)?;
    if is_of_today(&parsed)? {
        return Ok(None);
    }
    let salt = parsed
        .salt
        .ok_or_else(|| Error::internal("a password's hash has no salt"))?;
    cost.password_hash();
    let upgraded = argon2()?
        .hash_password(password.as_bytes(), salt)
        .map_err(Error::internal)?;
    Ok(Some(upgraded.to_string()))
}

fn is_of_today(hash: &PasswordHash<'_>) -> Result<bool, Error> {
    let algorithm = Algorithm::try_from(hash.algorithm).map_err(Error::internal)?;
    let params = Params::try_from(hash).map_err(Error::internal)?;
    // The one that hashes leaves the length of what comes out at its default.
    let length = hash.hash.map(|output| output.len());
    Ok(algorithm == Algorithm::Argon2id
        && hash.version == Some(Version::V0x13.into())
        && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
        && length == Some(Params::DEFAULT_OUTPUT_LEN))
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

    /// "correct horse", hashed with other parameters.
    fn hashed(algorithm: Algorithm, version: Version, params: Params) -> String {
        let salt = SaltString::encode_b64(&[7; 16]).unwrap();
        Argon2::new(algorithm, version, params)
            .hash_password(b"correct horse", &salt)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_hash_of_today_is_left_alone() {
        let cost = CostMeter::default();
        let hash = hash("correct horse", &Constant, &cost).unwrap();
        assert_eq!(upgrade("correct horse", &hash, &cost).unwrap(), None);
    }

    #[test]
    fn a_hash_of_other_parameters_is_checked_and_upgraded_once_to_the_same_by_all() {
        use {Algorithm::*, Version::*};
        let params =
            |memory, passes, lanes, length| Params::new(memory, passes, lanes, length).unwrap();
        let today = params(MEMORY_KIB, PASSES, LANES, None);
        let cost = CostMeter::default();
        for older in [
            hashed(Argon2id, V0x13, params(7 * 1024, PASSES, LANES, None)),
            hashed(Argon2id, V0x13, params(MEMORY_KIB, 1, LANES, None)),
            hashed(Argon2id, V0x13, params(MEMORY_KIB, PASSES, 2, None)),
            hashed(Argon2id, V0x13, params(MEMORY_KIB, PASSES, LANES, Some(16))),
            hashed(Argon2id, V0x10, today.clone()),
            hashed(Argon2i, V0x13, today.clone()),
        ] {
            assert!(
                verify("correct horse", Some(&older), &cost).unwrap(),
                "{older}"
            );
            assert!(
                !verify("correct hors", Some(&older), &cost).unwrap(),
                "{older}"
            );
            let upgraded = upgrade("correct horse", &older, &cost).unwrap().unwrap();
            assert_eq!(upgraded, hashed(Argon2id, V0x13, today.clone()));
            assert!(verify("correct horse", Some(&upgraded), &cost).unwrap());
            assert_eq!(upgrade("correct horse", &upgraded, &cost).unwrap(), None);
        }
    }

    #[test]
    fn what_is_no_hash_is_an_error_and_never_a_match() {
        let cost = CostMeter::default();
        for broken in ["", "correct horse", "$argon2id$v=19$m=19456,t=2,p=1$AAECAw"] {
            assert!(
                !matches!(verify("correct horse", Some(broken), &cost), Ok(true)),
                "{broken}"
            );
            assert!(upgrade("correct horse", broken, &cost).is_err(), "{broken}");
        }
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
