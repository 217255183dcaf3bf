//! Every setting and secret, typed, read once per isolate. A missing or weak one stops Kith with its
//! name.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::rate_limit::Policies;
use crate::mac::SecretKeys;
use crate::origins::AllowedOrigins;

/// The settings of a deployment.
#[derive(Clone)]
pub struct Config {
    /// `ISSUER`: the public address of the deployment, `iss` of access tokens.
    pub issuer: String,
    /// `AUDIENCE`: `aud` of access tokens.
    pub audience: String,
    /// `SIGNING_KEYS` (secret): Ed25519 seeds as `id:base64url`, separated by commas. The first
    /// signs access tokens, all of them verify.
    pub signing_keys: Vec<(String, [u8; 32])>,
    /// `SECRET_KEYS` (secret): 32 random bytes each, written likewise. For cursors, bookmarks and
    /// refresh tokens, and to hide who is counted.
    pub secret_keys: SecretKeys,
    /// `EXPOSE_COST`: whether answers bear `Kith-Cost`. Off unless `1`.
    pub expose_cost: bool,
    /// `REVEAL_EMAIL`: whether registration tells that an e-mail address is taken. Off unless `1`;
    /// on is for development, because it tells strangers who has an account.
    pub reveal_email: bool,
    /// `CORS_ORIGINS`: the origins whose pages may call from a browser, separated by commas. None
    /// unless set; on this machine the port may be `*`.
    pub origins: AllowedOrigins,
    /// `JOB_GRACE_SECONDS`: how long the queue has to deliver a job before the sweep takes care.
    pub job_grace: Duration,
    /// `RATE_LIMITS`: changes to what is counted exactly, as `name=quota/seconds`, separated by commas.
    /// `RATE_LIMIT_FACTOR`: 1 to 1000, by which all quotas are multiplied, these too; 1 unless set.
    pub rate_limits: Policies,
}

/// A setting that is missing or unfit, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting's name.
    pub name: &'static str,
    /// What is wrong with it. Never its value.
    pub problem: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.problem)
    }
}

impl Config {
    /// Reads all settings through `setting`, which knows a setting's value by its name.
    ///
    /// # Errors
    /// The first setting that is missing or unfit.
    pub fn read(setting: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let required = |name| {
            setting(name).ok_or(ConfigError {
                name,
                problem: "is not set",
            })
        };
        let secret_keys = keys("SECRET_KEYS", &required("SECRET_KEYS")?)?;
        Ok(Self {
            issuer: required("ISSUER")?,
            audience: required("AUDIENCE")?,
            signing_keys: keys("SIGNING_KEYS", &required("SIGNING_KEYS")?)?,
            secret_keys: SecretKeys::new(secret_keys).ok_or(ConfigError {
                name: "SECRET_KEYS",
                problem: "holds no key",
            })?,
            expose_cost: switch("EXPOSE_COST", setting("EXPOSE_COST").as_deref())?,
            reveal_email: switch("REVEAL_EMAIL", setting("REVEAL_EMAIL").as_deref())?,
            origins: origins(setting("CORS_ORIGINS").as_deref())?,
            job_grace: grace(&required("JOB_GRACE_SECONDS")?)?,
            rate_limits: rate_limits(
                setting("RATE_LIMIT_FACTOR").as_deref(),
                setting("RATE_LIMITS").as_deref(),
            )?,
        })
    }
}

fn switch(name: &'static str, value: Option<&str>) -> Result<bool, ConfigError> {
    match value {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(ConfigError {
            name,
            problem: "must be 0 or 1",
        }),
    }
}

fn origins(value: Option<&str>) -> Result<AllowedOrigins, ConfigError> {
    AllowedOrigins::parse(value.unwrap_or_default()).ok_or(ConfigError {
        name: "CORS_ORIGINS",
        problem: "must be origins like https://app.example, separated by commas",
    })
}

fn grace(value: &str) -> Result<Duration, ConfigError> {
    value
        .parse()
        .ok()
        .filter(|seconds| (1..=3600).contains(seconds))
        .map(Duration::from_secs)
        .ok_or(ConfigError {
            name: "JOB_GRACE_SECONDS",
            problem: "must be a number from 1 to 3600",
        })
}

fn rate_limits(factor: Option<&str>, changes: Option<&str>) -> Result<Policies, ConfigError> {
    let factor = Policies::factor(factor.unwrap_or("1")).ok_or(ConfigError {
        name: "RATE_LIMIT_FACTOR",
        problem: "must be a number from 1 to 1000",
    })?;
    Policies::new(factor, changes.unwrap_or_default()).map_err(|problem| ConfigError {
        name: "RATE_LIMITS",
        problem,
    })
}

fn keys(name: &'static str, value: &str) -> Result<Vec<(String, [u8; 32])>, ConfigError> {
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
        keys.push((id.to_owned(), bytes));
    }
    Ok(keys)
}

/// Whether a key was typed rather than drawn: 32 random bytes have fewer than 16 different values
/// once in 10^17 times.
fn is_weak(key: &[u8; 32]) -> bool {
    key.iter().collect::<std::collections::HashSet<_>>().len() < 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 different bytes, as base64url.
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn read(changes: &[(&str, Option<&str>)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            if let Some((_, value)) = changes.iter().find(|(changed, _)| *changed == name) {
                return value.map(str::to_owned);
            }
            Some(match name {
                "ISSUER" => "https://kith.example".into(),
                "SIGNING_KEYS" => format!("k2:{KEY},k1:{KEY}"),
                "SECRET_KEYS" => format!("s1:{KEY}"),
                "JOB_GRACE_SECONDS" => "30".into(),
                "EXPOSE_COST" | "REVEAL_EMAIL" => "0".into(),
                "CORS_ORIGINS" => "https://app.example, http://localhost:*".into(),
                "RATE_LIMITS" | "RATE_LIMIT_FACTOR" => return None,
                _ => "kith".into(),
            })
        })
    }

    #[test]
    fn a_complete_configuration_is_read() {
        let config = read(&[]).ok().unwrap();
        assert_eq!(config.signing_keys.len(), 2);
        assert_eq!(config.signing_keys[0].0, "k2");
        assert_eq!(config.job_grace, Duration::from_secs(30));
        assert!(!config.expose_cost);
        assert!(config.origins.allow("https://app.example"));
    }

    #[test]
    fn without_a_list_of_origins_none_is_allowed() {
        let config = read(&[("CORS_ORIGINS", None)]).ok().unwrap();
        assert_eq!(config.origins, AllowedOrigins::default());
        let error = read(&[("CORS_ORIGINS", Some("*"))]).err().unwrap();
        assert_eq!(error.name, "CORS_ORIGINS");
    }

    #[test]
    fn a_missing_setting_is_named() {
        for name in [
            "ISSUER",
            "AUDIENCE",
            "SIGNING_KEYS",
            "SECRET_KEYS",
            "JOB_GRACE_SECONDS",
        ] {
            assert_eq!(read(&[(name, None)]).err().unwrap().name, name);
        }
    }

    #[test]
    fn a_weak_or_broken_key_is_refused_by_its_settings_name() {
        let zeros = format!("k:{}", "A".repeat(43));
        for value in [
            "",
            "k",
            "k:",
            "k:short",
            &zeros,
            &format!("k:{KEY},k:{KEY}"),
            &format!(":{KEY}"),
        ] {
            let error = read(&[("SECRET_KEYS", Some(value))]).err().unwrap();
            assert_eq!(error.name, "SECRET_KEYS", "{value}");
        }
    }

    #[test]
    fn unfit_limits_are_refused_by_their_settings_name() {
        for (name, value) in [
            ("RATE_LIMITS", "sign-in-everything=5/900"),
            ("RATE_LIMIT_FACTOR", "0"),
        ] {
            assert_eq!(read(&[(name, Some(value))]).err().unwrap().name, name);
        }
        let changes = [
            ("RATE_LIMITS", Some("sign-in-name=7/60")),
            ("RATE_LIMIT_FACTOR", Some("100")),
        ];
        let expected = Policies::new(100, "sign-in-name=7/60");
        assert_eq!(read(&changes).ok().unwrap().rate_limits, expected.unwrap());
    }

    #[test]
    fn a_switch_is_0_or_1() {
        assert!(
            read(&[("EXPOSE_COST", Some("1"))])
                .ok()
                .unwrap()
                .expose_cost
        );
        assert_eq!(
            read(&[("EXPOSE_COST", Some("yes"))]).err().unwrap().name,
            "EXPOSE_COST"
        );
    }
}
