//! The adapters for Cloudflare Workers: with `entry`, the only code that knows the `worker` crate.

mod bridge;
mod database;
mod key_value;
mod mail;
mod queue;
mod rate_limiter;
mod system;
mod unicode;

use std::sync::Arc;

use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Context, Env, js_sys};

use super::{CostMeter, Ports, ReachedState, Retrying};

pub use bridge::{discard_unread_body, request, response};
pub use queue::consume;
pub use unicode::nfkc;

/// The ports of one invocation, over its bindings. A binding is looked up when it is needed.
#[must_use]
pub fn ports(env: &Env, context: Context) -> Ports {
    let cost = Arc::new(CostMeter::default());
    let reached = Arc::new(ReachedState::default());
    let clock = Arc::new(system::WorkerClock);
    let random = Arc::new(system::WebCrypto);
    let database = database::D1::new(env.clone(), clock.clone(), cost.clone(), reached.clone());
    Ports {
        database: Arc::new(Retrying::new(database, clock.clone(), random.clone())),
        key_value: Arc::new(key_value::WorkersKv::new(env.clone(), cost.clone())),
        queue: Arc::new(queue::JobsQueue::new(env.clone(), cost.clone())),
        mail: Arc::new(mail::Post::new(env.clone(), clock.clone())),
        rate_limiter: Arc::new(rate_limiter::RateLimitBindings::new(env.clone())),
        clock,
        random,
        log: Arc::new(system::Console),
        background: Arc::new(system::WaitUntil::new(context)),
        cost,
        reached,
    }
}

/// A setting or secret by its name; absent and empty are the same.
#[must_use]
pub fn setting(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    // A variable written as a number in `wrangler.toml` arrives as one.
    let text = value
        .as_string()
        .or_else(|| value.as_f64().map(|number| number.to_string()));
    text.filter(|text| !text.is_empty())
}

/// The text of whatever JavaScript threw.
fn thrown(value: &JsValue) -> String {
    value.dyn_ref::<js_sys::Error>().map_or_else(
        || {
            value
                .as_string()
                .unwrap_or_else(|| "something that is no error was thrown".to_owned())
        },
        |error| String::from(error.message()),
    )
}
