//! The App: a deployment's settings and one request's ports, and the visible list of all routers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{Request, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::auth::TokenKeys;
use crate::config::{Config, ConfigError};
use crate::error::{Code, Error};
use crate::flags::{Due, Flags, KnownFlags};
use crate::http::body::Body;
use crate::http::exchange::Exchange;
use crate::http::idempotency;
#[cfg(not(target_arch = "wasm32"))]
use crate::http::openapi::{Document, Input, Operation};
use crate::http::pagination::{Keyed, Listed, Page, PageRequest};
use crate::http::pipeline::{self, Settings};
use crate::http::problem::Refusal;
use crate::http::rate_limit::{self, RateLimits};
use crate::mac::SecretKeys;
use crate::origins::AllowedOrigins;
use crate::platform::{Batch, DatabaseError, Level, Outcome, Ports};
use crate::time::Timestamp;
use crate::{
    admin, audit, auth, feed, graph, health, jobs, likes, moderation, notifications, posts, search,
    users,
};

/// What is built once per isolate: plain values only, because a future or a cell that one request
/// started must not be awaited by another.
pub struct Deployment {
    config: Config,
    token_keys: TokenKeys,
    flags: KnownFlags,
    rate_limits: Arc<RateLimits>,
    router: Router,
}

impl Deployment {
    /// Reads the settings and builds the router.
    ///
    /// # Errors
    /// The first setting that is missing or unfit.
    pub fn new(setting: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let config = Config::read(setting)?;
        let token_keys = TokenKeys::new(&config);
        let rate_limits = RateLimits::new(config.rate_limits.clone(), config.secret_keys.clone());
        Ok(Self {
            config,
            token_keys,
            flags: KnownFlags::new(),
            rate_limits: Arc::new(rate_limits),
            router: router(),
        })
    }

    /// Answers one request, and starts what is due beside the requests, if that falls to it. `ports`
    /// makes the ports of one invocation; who does the chores gets their own, so that no request pays
    /// for them.
    pub async fn serve(
        self: &Arc<Self>,
        request: Request<Body>,
        ports: impl Fn() -> Ports,
    ) -> Response<Body> {
        let app = App::new(self.clone(), ports());
        if let Some(due) = self.flags.due(app.now()) {
            let housekeeper = App::new(self.clone(), ports());
            let work = async move { housekeeper.keep_house(due).await };
            app.ports.background.spawn(Box::pin(work));
        }
        app.serve(request).await
    }
}

/// Every slice's routes.
fn router() -> Router {
    Router::new()
        .merge(health::routes::router())
        .merge(auth::routes::router())
        .merge(users::routes::router())
        .merge(graph::routes::router())
        .merge(posts::routes::router())
        .merge(likes::routes::router())
        .merge(feed::routes::router())
        .merge(search::routes::router())
        .merge(notifications::routes::router())
        .merge(moderation::routes::router())
        .merge(admin::routes::router())
        .merge(audit::routes::router())
        .fallback(|_: App| async { Error::NotFound })
}

/// The OpenAPI document: every slice's operations.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn openapi() -> serde_json::Value {
    let mut document = Document::default();
    auth::openapi::describe(&mut document);
    users::openapi::describe(&mut document);
    graph::openapi::describe(&mut document);
    posts::openapi::describe(&mut document);
    likes::openapi::describe(&mut document);
    feed::openapi::describe(&mut document);
    search::openapi::describe(&mut document);
    notifications::openapi::describe(&mut document);
    moderation::openapi::describe(&mut document);
    admin::openapi::describe(&mut document);
    audit::openapi::describe(&mut document);
    health::openapi::describe(&mut document);
    document.finish()
}

/// The deployment as one request or one job sees it.
#[derive(Clone)]
pub struct App {
    deployment: Arc<Deployment>,
    ports: Ports,
}

impl App {
    /// The App over the ports of one invocation.
    #[must_use]
    pub fn new(deployment: Arc<Deployment>, ports: Ports) -> Self {
        Self { deployment, ports }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.deployment.config
    }

    /// The keys of access tokens.
    #[must_use]
    pub fn token_keys(&self) -> &TokenKeys {
        &self.deployment.token_keys
    }

    /// The keys of cursors, bookmarks and refresh tokens.
    #[must_use]
    pub fn secret_keys(&self) -> &SecretKeys {
        &self.deployment.config.secret_keys
    }

    /// How often who may do what.
    #[must_use]
    pub fn rate_limits(&self) -> &RateLimits {
        &self.deployment.rate_limits
    }

    /// The operator's switches, as far as this isolate knows.
    #[must_use]
    pub fn known_flags(&self) -> Flags {
        self.deployment.flags.get()
    }

    /// The ports of this invocation.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Runs a batch: the one trip of a request.
    ///
    /// # Errors
    /// As [`Database::run`](crate::platform::Database::run).
    pub async fn run(&self, batch: Batch) -> Result<Outcome, DatabaseError> {
        batch.run(self.ports.database.as_ref()).await
    }

    /// Reads the page of a list in one trip.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn page<T: Keyed + DeserializeOwned>(
        &self,
        request: &PageRequest,
        (batch, rows, boundary): Listed<T>,
    ) -> Result<Page<T>, Error> {
        let outcome = self.run(batch).await?;
        let (rows, boundary) = (outcome.rows(&rows)?, outcome.first(&boundary)?);
        Ok(Page::from_visible(
            rows,
            boundary,
            request,
            self.secret_keys(),
        ))
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    async fn serve(self, mut request: Request<Body>) -> Response<Body> {
        let maintenance =
            self.known_flags().maintenance && !request.uri().path().starts_with("/health");
        let closed = maintenance.then(|| Error::Unavailable {
            code: Code::Maintenance,
            source: "maintenance is on".to_owned(),
        });
        request.extensions_mut().insert(self.clone());
        let settings = Settings {
            expose_cost: self.config().expose_cost,
            closed: closed.as_ref(),
            origins: &self.config().origins,
            limits: Some(&self.deployment.rate_limits),
            secret_keys: Some(self.secret_keys()),
        };
        pipeline::serve(&self.deployment.router, request, &self.ports, &settings).await
    }

    /// Forgets idempotency keys that are too old to count. If the database does not answer, the log says
    /// so and the next time tries again.
    pub async fn forget_old_keys(&self) {
        let swept = idempotency::sweep(self.ports.database.as_ref(), self.now()).await;
        self.note_not_forgotten("keys_not_forgotten", swept);
    }

    /// Forgets counts of windows that are over, likewise.
    pub async fn forget_old_counts(&self) {
        let swept = rate_limit::sweep(self.ports.database.as_ref(), self.now()).await;
        self.note_not_forgotten("counts_not_forgotten", swept);
    }

    /// Forgets sessions that have long been over, likewise.
    pub async fn forget_old_sessions(&self) {
        let swept = auth::forget_old_sessions(self.ports.database.as_ref(), self.now()).await;
        self.note_not_forgotten("sessions_not_forgotten", swept);
    }

    /// Forgets registrations whose mail was not answered in time, likewise.
    pub async fn forget_old_registrations(&self) {
        let swept = auth::forget_old_registrations(self.ports.database.as_ref(), self.now()).await;
        self.note_not_forgotten("registrations_not_forgotten", swept);
    }

    fn note_not_forgotten(&self, event: &str, swept: Result<(), Error>) {
        if let Err(error) = swept {
            let line = json!({"level": "error", "event": event, "cause": format!("{error:?}")});
            self.ports.log.write(Level::Error, &line.to_string());
        }
    }

    /// Does what is due beside the requests: looks at the operator's switches, and, in a new isolate,
    /// wakes up the jobs that are due, because it may follow one that died with messages in its
    /// hands.
    async fn keep_house(&self, due: Due) {
        self.deployment.flags.refresh(&self.ports).await;
        if due == Due::First {
            jobs::sweep(self).await;
        }
    }
}

/// Answers a request to a deployment whose settings are unfit: 503, and the log names the setting.
pub async fn serve_misconfigured(
    error: &ConfigError,
    request: Request<Body>,
    ports: &Ports,
) -> Response<Body> {
    let error = Error::Unavailable {
        code: Code::Misconfigured,
        source: error.to_string(),
    };
    let settings = Settings {
        expose_cost: false,
        closed: Some(&error),
        origins: &AllowedOrigins::default(),
        limits: None,
        secret_keys: None,
    };
    pipeline::serve(&Router::new(), request, ports, &settings).await
}

/// Every handler takes the App, so this is where the pattern of the route taken is noted for the log.
impl<S: Sync> FromRequestParts<S> for App {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        if let (Some(exchange), Some(path)) = (
            parts.extensions.get::<Arc<Exchange>>(),
            parts.extensions.get::<MatchedPath>(),
        ) {
            exchange.route.get_or_init(|| path.as_str().to_owned());
        }
        let app = parts.extensions.get::<Self>().cloned();
        Ok(app.ok_or_else(|| Error::internal("the request did not come through App::serve"))?)
    }
}

/// The App is Kith's own and says nothing of a request.
#[cfg(not(target_arch = "wasm32"))]
impl Input for App {
    fn describe(_: &mut Operation) {}
}
