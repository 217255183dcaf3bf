//! The App on native ports, of which only the feed is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use futures_util::FutureExt;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use kith::app::Deployment;
use kith::http::body::Body;
use kith::platform::native::{
    KeyValueStore, MemoryKeyValue, MemoryLog, MemoryMailbox, MemoryQueue, MemoryRateLimiter,
    Reception, SeededRandom, SpawnWith, Sqlite, Timeline, VirtualClock,
};
use kith::platform::{
    Batch, BoxFuture, CostMeter, Database, DatabaseError, Ports, StatementResult, Value,
};
use kith::time::Timestamp;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::native::migrated;
use crate::world::Fed;

/// 2026-11-20T08:07:00Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_795_162_020_000);

const ISSUER: &str = "https://kith.example";

/// Something wrong with a statement.
#[derive(Clone, Copy)]
pub struct Defect {
    pub what: &'static str,
    pub instead_of: &'static str,
    pub stands: &'static str,
}

/// The database, with a defect in what it is asked, if there is to be one.
#[derive(Clone)]
struct Planted {
    database: Arc<Sqlite>,
    defect: Option<Defect>,
    /// Whether a statement was asked that the defect fits.
    found: Arc<AtomicBool>,
}

impl Database for Planted {
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
        let as_asked = batch.statements().iter().map(|statement| {
            let sql = match self.defect {
                Some(Defect {
                    instead_of, stands, ..
                }) if statement.sql.contains(instead_of) => {
                    self.found.store(true, Ordering::Relaxed);
                    statement.sql.replace(instead_of, stands)
                }
                _ => statement.sql.to_owned(),
            };
            (sql, &statement.params[..])
        });
        let as_asked: Vec<_> = as_asked.collect();
        let statements = as_asked.iter().map(|(sql, params)| (sql.as_str(), *params));
        let outcome = self.database.batch(&statements.collect::<Vec<_>>());
        let outcome = outcome.map_err(|text| DatabaseError::from_text(&text));
        Box::pin(std::future::ready(outcome))
    }
}

/// A deployment in which nothing goes wrong by itself.
pub struct Kith {
    deployment: Arc<Deployment>,
    database: Planted,
    ports: Ports,
}

/// A page as it was answered.
pub struct Answer {
    pub posts: Vec<Fed>,
    pub cursor: Option<String>,
}

/// The seed of a key that nobody can copy from here.
fn key_of(setting: &str) -> [u8; 32] {
    Sha256::digest(setting).into()
}

fn setting(name: &str) -> Option<String> {
    Some(match name {
        "ISSUER" => ISSUER.to_owned(),
        "AUDIENCE" => "kith".to_owned(),
        "SIGNING_KEYS" | "SECRET_KEYS" => format!("k1:{}", URL_SAFE_NO_PAD.encode(key_of(name))),
        "JOB_GRACE_SECONDS" => "30".to_owned(),
        "REVEAL_EMAIL" => "0".to_owned(),
        "MAIL_TRANSPORT" => "binding".to_owned(),
        "MAIL_FROM" => "Kith <no-reply@kith.example>".to_owned(),
        _ => return None,
    })
}

impl Kith {
    pub fn new(defect: Option<Defect>) -> Self {
        let timeline = Timeline::new();
        let clock = Arc::new(VirtualClock::new(timeline.clone(), BEGINNING));
        let database = Planted {
            database: Arc::new(migrated()),
            defect,
            found: Arc::default(),
        };
        let key_value = MemoryKeyValue::new(KeyValueStore::new(), timeline.clone());
        let at_once = |work: BoxFuture<'static, ()>| work.now_or_never().unwrap();
        let ports = Ports {
            database: Arc::new(database.clone()),
            key_value: Arc::new(key_value),
            queue: MemoryQueue::new(timeline.clone(), 1, Vec::new),
            mail: MemoryMailbox::new(timeline, |_| Reception::Taken),
            rate_limiter: Arc::new(MemoryRateLimiter::new(clock.clone(), |_| {
                (u32::MAX, Duration::from_mins(1))
            })),
            clock,
            random: Arc::new(SeededRandom::new(7)),
            log: Arc::new(MemoryLog::default()),
            background: Arc::new(SpawnWith(at_once)),
            cost: Arc::new(CostMeter::default()),
            reached: Arc::default(),
        };
        let deployment = match Deployment::new(setting) {
            Ok(deployment) => Arc::new(deployment),
            Err(error) => panic!("the settings are unfit: {error}"),
        };
        Self {
            deployment,
            database,
            ports,
        }
    }

    /// Whether a statement was asked that the defect stands in.
    pub fn was_planted(&self) -> bool {
        self.database.found.load(Ordering::Relaxed)
    }

    /// Writes what people do: how their routes do it is told elsewhere.
    pub fn write(&self, statements: &[(&str, &[Value])]) {
        self.database.database.batch(statements).unwrap();
    }

    /// A page of the feed of whoever has this token.
    ///
    /// # Errors
    /// An answer that is no page.
    pub fn feed(&self, token: &str, limit: usize, cursor: Option<&str>) -> Result<Answer, String> {
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let request = Request::get(format!("/api/v1/feed?limit={limit}{cursor}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let response = self.deployment.serve(request, || self.ports.clone());
        let (head, body) = response.now_or_never().unwrap().into_parts();
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let page: Json = serde_json::from_slice(&body).unwrap_or_default();
        if head.status != 200 {
            return Err(format!("{}: {page}", head.status));
        }
        let posts = page.get("data").and_then(Json::as_array).unwrap();
        Ok(Answer {
            posts: posts.iter().map(Fed::of).collect(),
            cursor: page
                .get("next_cursor")
                .and_then(Json::as_str)
                .map(str::to_owned),
        })
    }
}

/// An access token of the session of that name.
pub fn token(user: &str, session: &str) -> String {
    let part = |value: Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}));
    let now = BEGINNING.seconds();
    let claims = part(json!({
        "iss": ISSUER, "aud": "kith", "sub": user, "sid": session, "jti": "feed",
        "iat": now, "exp": now + 600,
    }));
    let signed = format!("{header}.{claims}");
    let signature = SigningKey::from_bytes(&key_of("SIGNING_KEYS")).sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}
