//! Every setting and secret, typed, read once per isolate. A missing or weak one stops Kith with its
//! name.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::rate_limit::Policies;
use crate::mac::SecretKeys;
use crate::origins::{AllowedOrigins, WebAddress};
use crate::platform::{Sender, Transport};

/// The least length of a provider's key.
const MIN_API_KEY: usize = 16;

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
    /// `SECRET_KEYS` (secret): 32 random bytes each, written likewise. For cursors, bookmarks,
    /// refresh tokens and the links of mails, and to hide who is counted and which device somebody has.
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
    /// `MAIL_FROM`: whom mails come from, as `Name <address>` or an address alone.
    pub mail_from: Sender,
    /// `MAIL_TRANSPORT`: who delivers mails, `binding` or `http`. `MAIL_API_URL` and `MAIL_API_KEY`
    /// (secret): where the provider takes them, and what it knows Kith by; both needed for `http`.
    pub mail_transport: Transport,
    /// `APP_URL`: where the links of mails lead; `ISSUER` unless set.
    pub app_url: String,
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
        let issuer = base("ISSUER", required("ISSUER")?)?;
        let app_url =
            setting("APP_URL").map_or_else(|| Ok(issuer.clone()), |url| base("APP_URL", url))?;
        Ok(Self {
            issuer,
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
            mail_from: Sender::parse(&required("MAIL_FROM")?).ok_or(ConfigError {
                name: "MAIL_FROM",
                problem: "must be like `Kith <no-reply@kith.example>`, or an address alone",
            })?,
            mail_transport: transport(required)?,
            app_url,
        })
    }
}

/// An address that paths are written after.
fn base(name: &'static str, value: String) -> Result<String, ConfigError> {
    let fits = WebAddress::parse(&value).is_some_and(|address| address.is_base());
    fits.then_some(value).ok_or(ConfigError {
        name,
        problem: "must be like https://kith.example, without a slash at its end",
    })
}

fn transport(
    required: impl Fn(&'static str) -> Result<String, ConfigError>,
) -> Result<Transport, ConfigError> {
    match required("MAIL_TRANSPORT")?.as_str() {
        "binding" => Ok(Transport::Binding),
        "http" => {
            let (url, key) = (required("MAIL_API_URL")?, required("MAIL_API_KEY")?);
            if !WebAddress::parse(&url).is_some_and(|address| address.is_private()) {
                return Err(ConfigError {
                    name: "MAIL_API_URL",
                    problem: "must be like https://provider.example/emails; http for this machine only",
                });
            }
            // It stands in a header.
            if key.len() < MIN_API_KEY || !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(ConfigError {
                    name: "MAIL_API_KEY",
                    problem: "must be 16 or more printable ASCII characters",
                });
            }
            Ok(Transport::Http { url, key })
        }
        _ => Err(ConfigError {
            name: "MAIL_TRANSPORT",
            problem: "must be binding or http",
        }),
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

    fn read(changes: &[(&str, Option<&str>)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            if let Some((_, value)) = changes.iter().find(|(changed, _)| *changed == name) {
                return value.map(str::to_owned);
            }
            Some(match name {
                "ISSUER" => "https://kith.example".into(),
                "SIGNING_KEYS" => format!("k2:{},k1:{}", key(2), key(1)),
                "SECRET_KEYS" => format!("s1:{}", key(3)),
                "JOB_GRACE_SECONDS" => "30".into(),
                "EXPOSE_COST" | "REVEAL_EMAIL" => "0".into(),
                "CORS_ORIGINS" => "https://app.example, http://localhost:*".into(),
                "RATE_LIMITS" | "RATE_LIMIT_FACTOR" | "APP_URL" => return None,
                "MAIL_FROM" => "Kith <no-reply@kith.example>".into(),
                "MAIL_TRANSPORT" => "http".into(),
                "MAIL_API_URL" => "https://provider.example/emails".into(),
                "MAIL_API_KEY" => "sixteen letters.".into(),
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
            "MAIL_FROM",
            "MAIL_TRANSPORT",
            "MAIL_API_URL",
            "MAIL_API_KEY",
        ] {
            assert_eq!(read(&[(name, None)]).err().unwrap().name, name);
        }
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
                let error = read(&[(name, Some(&value))]).err().unwrap();
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
                let error = read(&[(name, Some(&value))]).err().unwrap();
                assert_eq!(error.name, name, "{value}");
                assert_eq!(error.problem, "has a key that is not random", "{value}");
            }
        }
    }

    #[test]
    fn a_key_that_was_drawn_is_taken() {
        for number in 0..=255 {
            let value = format!("k:{}", key(number));
            assert!(read(&[("SECRET_KEYS", Some(&value))]).is_ok(), "{value}");
        }
    }

    #[test]
    fn the_keys_of_a_standard_are_those_that_it_prints() {
        let public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let first = ed25519_dalek::SigningKey::from_bytes(&PRINTED[0]);
        assert_eq!(URL_SAFE_NO_PAD.encode(first.verifying_key()), public);
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
    fn unfit_settings_of_mails_are_refused_by_their_names() {
        for (name, value) in [
            ("MAIL_FROM", "Kith"),
            ("MAIL_FROM", "Kith <a@b.example>\r\nBcc: <c@d.example>"),
            ("MAIL_TRANSPORT", "smtp"),
            ("MAIL_API_URL", "http://provider.example/emails"),
            ("MAIL_API_URL", "provider.example"),
            ("MAIL_API_KEY", "fifteen letters"),
            ("MAIL_API_KEY", "sixteen letters\n"),
            ("APP_URL", "app.example"),
            ("APP_URL", "https://app.example/"),
            ("ISSUER", "kith"),
        ] {
            assert_eq!(
                read(&[(name, Some(value))]).err().unwrap().name,
                name,
                "{value}"
            );
        }
    }

    #[test]
    fn the_links_of_mails_lead_where_they_are_told_or_else_here() {
        let config = read(&[]).ok().unwrap();
        assert_eq!(config.app_url, "https://kith.example");
        let config = read(&[("APP_URL", Some("https://app.example/kith"))])
            .ok()
            .unwrap();
        assert_eq!(config.app_url, "https://app.example/kith");
    }

    #[test]
    fn the_platforms_own_way_needs_no_provider() {
        let changes = [
            ("MAIL_TRANSPORT", Some("binding")),
            ("MAIL_API_URL", None),
            ("MAIL_API_KEY", None),
        ];
        assert!(read(&changes).ok().unwrap().mail_transport == Transport::Binding);
        let local = [("MAIL_API_URL", Some("http://127.0.0.1:8025/emails"))];
        assert!(read(&local).is_ok());
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
