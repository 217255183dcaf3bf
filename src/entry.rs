//! The Worker's three events: bindings become an [`App`], and nothing else happens here.
//!
//! `queue` and `scheduled` are exported by hand: the `event` macro of the `worker` crate gives them
//! neither a message's attempts nor the context they share with `fetch`, and panics on an error,
//! which would end every other request of the isolate.

use std::sync::{Arc, OnceLock};

use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Context, Env, event, web_sys, worker_sys};

use crate::app::{App, Deployment, serve_misconfigured};
use crate::config::ConfigError;
use crate::jobs;
use crate::platform::{Level, Ports, Verdict, cloudflare};

/// The queue of `[[queues.consumers]]` whose messages are jobs that failed for good.
const DEAD_LETTERS: &str = "kith-jobs-dead";

/// Seconds before a message is tried again by a deployment that lacks a setting.
const MISCONFIGURED_RETRY_SECONDS: u32 = 60;

/// The deployment of this isolate. Filled by whoever comes first, without awaiting anything.
static DEPLOYMENT: OnceLock<Result<Arc<Deployment>, ConfigError>> = OnceLock::new();

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// A request.
#[event(fetch)]
async fn fetch(
    raw: web_sys::Request,
    env: Env,
    context: Context,
) -> worker::Result<web_sys::Response> {
    let context: &JsValue = context.as_ref();
    let ports = || cloudflare::ports(&env, Context::new(context.clone().unchecked_into()));
    let request = cloudflare::request(&raw);
    let response = match deployment(&env) {
        Ok(deployment) => deployment.serve(request, ports).await,
        Err(error) => serve_misconfigured(error, request, &ports()).await,
    };
    cloudflare::discard_unread_body(&raw).await;
    cloudflare::response(response).await
}

/// Messages of the jobs queue or of its dead letters.
#[wasm_bindgen(
    wasm_bindgen = worker::wasm_bindgen,
    wasm_bindgen_futures = worker::wasm_bindgen_futures,
    js_sys = worker::js_sys
)]
pub async fn queue(batch: worker_sys::MessageBatch, env: Env, context: worker_sys::Context) {
    let context = JsValue::from(context);
    let dead_letters = batch.queue().is_ok_and(|name| name == DEAD_LETTERS);
    cloudflare::consume(&batch, |body, attempt| {
        // A meter of its own for each message.
        let ports = cloudflare::ports(&env, Context::new(context.clone().unchecked_into()));
        let deployment = deployment(&env);
        async move {
            match deployment {
                Ok(deployment) => {
                    let app = App::new(deployment.clone(), ports);
                    if dead_letters {
                        jobs::bury(&app, &body, attempt).await
                    } else {
                        jobs::consume(&app, &body, attempt).await
                    }
                }
                Err(error) => {
                    log_misconfigured(error, &ports);
                    Verdict::Retry {
                        delay_seconds: MISCONFIGURED_RETRY_SECONDS,
                    }
                }
            }
        }
    })
    .await;
}

/// The cron.
#[wasm_bindgen(
    wasm_bindgen = worker::wasm_bindgen,
    wasm_bindgen_futures = worker::wasm_bindgen_futures,
    js_sys = worker::js_sys
)]
pub async fn scheduled(_event: worker_sys::ScheduledEvent, env: Env, context: worker_sys::Context) {
    let ports = cloudflare::ports(&env, Context::new(context));
    match deployment(&env) {
        Ok(deployment) => {
            let app = App::new(deployment.clone(), ports);
            app.forget_old_keys().await;
            app.forget_old_counts().await;
            app.forget_old_sessions().await;
            app.forget_old_registrations().await;
            // The last, because it may wait for others.
            jobs::sweep(&app).await;
        }
        Err(error) => log_misconfigured(error, &ports),
    }
}

fn deployment(env: &Env) -> Result<&'static Arc<Deployment>, &'static ConfigError> {
    let settings = || Deployment::new(|name| cloudflare::setting(env, name)).map(Arc::new);
    DEPLOYMENT.get_or_init(settings).as_ref()
}

fn log_misconfigured(error: &ConfigError, ports: &Ports) {
    let line = serde_json::json!({
        "level": "error",
        "event": "misconfigured",
        "cause": error.to_string(),
    });
    ports.log.write(Level::Error, &line.to_string());
}
