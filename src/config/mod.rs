//! Every setting and secret, typed, read once per isolate. A missing or weak one stops Kith with its
//! name.

mod keys;

use std::fmt;
use std::time::Duration;

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
        let secret_keys = keys::read("SECRET_KEYS", &required("SECRET_KEYS")?)?;
        let issuer = base("ISSUER", required("ISSUER")?)?;
        let app_url =
            setting("APP_URL").map_or_else(|| Ok(issuer.clone()), |url| base("APP_URL", url))?;
        Ok(Self {
            issuer,
            audience: required("AUDIENCE")?,
            signing_keys: keys::read("SIGNING_KEYS", &required("SIGNING_KEYS")?)?,
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
