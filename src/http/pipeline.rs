//! What happens around every route, as one visible list: [`serve`].

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use tower_service::Service;

use super::body::Body;
use super::bookmark;
use super::cors::CrossOrigin;
use super::exchange::Exchange;
use super::headers::{
    D1_BOOKMARK, KITH_COST, SERVER_TIMING, TRACEPARENT, X_REQUEST_ID, add_common,
};
use super::negotiation::accepts_json;
use super::problem::{Refusal, render};
use super::rate_limit::RateLimits;
use crate::error::Error;
use crate::mac::SecretKeys;
use crate::origins::AllowedOrigins;
use crate::platform::{Figures, Level, Ports};

/// What the pipeline itself must know.
pub struct Settings<'a> {
    /// Whether answers tell what they cost.
    pub expose_cost: bool,
    /// Why the request is not served at present, if so.
    pub closed: Option<&'a Error>,
    /// The origins whose pages may call.
    pub origins: &'a AllowedOrigins,
    /// How often who may ask what; none where the settings are unfit.
    pub limits: Option<&'a Arc<RateLimits>>,
    /// The keys of bookmarks; none where there are no settings to read them from.
    pub secret_keys: Option<&'a SecretKeys>,
}

/// Serves one request. The layers, from the outside in:
///
/// 1. the exchange: request id, trace, start of the clock (the cost meter came with the ports);
/// 2. a browser's preflight, which costs nothing and is answered to everyone;
/// 3. the shield: too many requests of one address go no further;
/// 4. the answer itself: a refusal while Kith is closed or to a client that takes no JSON, else the
///    route's;
/// 5. the methods of a path, for `OPTIONS` and for a method that it has not;
/// 6. problem+json for every error, whoever found it;
/// 7. headers: identity, timing, the state that a write has made, cost, limits, security, caching, what
///    pages of other origins may read;
/// 8. one line in the log.
///
/// Body limits are enforced by the extractors while they read.
pub async fn serve(
    router: &Router,
    mut request: Request<Body>,
    ports: &Ports,
    settings: &Settings<'_>,
) -> Response {
    let exchange = Arc::new(Exchange::begin(request.headers(), ports));
    request.extensions_mut().insert(exchange.clone());
    let method = request.method().clone();
    let cross_origin = CrossOrigin::of(&request);

    let mut response = match cross_origin.preflight() {
        Some(permission) => permission,
        None => answer(router, request, &exchange, ports, settings).await,
    };

    tell_methods(&method, &mut response);
    let refusal = render(&mut response, &exchange.request_id);
    let millis = ports.clock.now().millis_since(exchange.started);
    identify(&mut response, &exchange, ports, millis);
    if refusal.is_none() {
        name_state(&mut response, ports, settings.secret_keys);
    }
    if settings.expose_cost {
        insert(&mut response, KITH_COST, &ports.cost.figures().to_string());
    }
    exchange.told.add(response.headers_mut());
    add_common(response.headers_mut());
    cross_origin.permit(settings.origins, response.headers_mut());
    log(
        &exchange,
        method.as_str(),
        &response,
        refusal.as_ref(),
        ports,
        millis,
    );
    response
}

async fn answer(
    router: &Router,
    mut request: Request<Body>,
    exchange: &Exchange,
    ports: &Ports,
    settings: &Settings<'_>,
) -> Response {
    if let Some(limits) = settings.limits {
        request.extensions_mut().insert(limits.clone());
        if let Err(error) = limits.shield_address(exchange, ports).await {
            return error.into_response();
        }
    }
    if let Some(error) = settings.closed {
        return error.clone().into_response();
    }
    // Whoever asks only for the methods gets no body.
    if request.method() != Method::OPTIONS && !accepts_json(request.headers()) {
        return Refusal::NotAcceptable.into_response();
    }
    match router.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The router says which methods a path has, with 405. That every path has `OPTIONS`, and what it
/// answers, is said here.
fn tell_methods(method: &Method, response: &mut Response) {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    let methods = response.headers().get(ALLOW);
    let methods = methods.and_then(|methods| methods.to_str().ok());
    let methods = format!("{},OPTIONS", methods.unwrap_or_default());
    insert(response, ALLOW, &methods);
    if method == Method::OPTIONS {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
}

fn identify(response: &mut Response, exchange: &Exchange, ports: &Ports, millis: i64) {
    insert(response, X_REQUEST_ID, &exchange.request_id);
    insert(response, TRACEPARENT, &exchange.traceparent());
    let database = ports.cost.database_millis();
    insert(
        response,
        SERVER_TIMING,
        &format!("total;dur={millis}, d1;dur={database}"),
    );
}

/// Names the state that the request has made, if it has written: no handler can forget it. A refusal names
/// none, because what is refused has changed nothing that could be looked for.
fn name_state(response: &mut Response, ports: &Ports, keys: Option<&SecretKeys>) {
    if let (Some(keys), Some(state)) = (keys, ports.reached.get())
        && let Some(value) = bookmark::seal(&state, keys)
    {
        insert(response, D1_BOOKMARK, &value);
    }
}

fn insert(response: &mut Response, name: http::HeaderName, value: &str) {
    // Every value here is ASCII of Kith's own making.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// One line a request: what was asked, what came of it, what it cost, and the ids to follow it by.
/// Never a token, an address, a body or a path as sent, which may hold any of these.
#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    event: &'static str,
    method: &'a str,
    route: Option<&'a str>,
    status: u16,
    ms: i64,
    cost: Figures,
    request_id: &'a str,
    trace_id: &'a str,
    span_id: &'a str,
    user_id: Option<&'a str>,
    cause: Option<String>,
}

fn log(
    exchange: &Exchange,
    method: &str,
    response: &Response,
    refusal: Option<&Refusal>,
    ports: &Ports,
    millis: i64,
) {
    let level = match response.status().as_u16() {
        503 => Level::Warn,
        500.. => Level::Error,
        _ => Level::Info,
    };
    let line = Line {
        level: level.as_str(),
        event: "request",
        method,
        route: exchange.route.get().map(String::as_str),
        status: response.status().as_u16(),
        ms: millis,
        cost: ports.cost.figures(),
        request_id: &exchange.request_id,
        trace_id: &exchange.trace_id,
        span_id: &exchange.span_id,
        user_id: exchange.user_id.get().map(String::as_str),
        cause: refusal.and_then(Refusal::cause),
    };
    // A struct of texts and numbers always serialises.
    ports
        .log
        .write(level, &serde_json::to_string(&line).unwrap_or_default());
}
