//! Workers' rate limit bindings as the rate limiter port.

use worker::js_sys::{Object, Promise, Reflect};
use worker::send::SendFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, worker_sys};

use super::thrown;
use crate::platform::{BoxFuture, RateLimiter, RateLimiterError, Shield};

/// The bindings of `[[ratelimits]]`, looked up with each request.
pub(super) struct RateLimitBindings {
    env: Env,
}

impl RateLimitBindings {
    pub(super) fn new(env: Env) -> Self {
        Self { env }
    }

    fn start(&self, shield: Shield, key: &str) -> Result<Promise, JsValue> {
        let name = match shield {
            Shield::Address => "ADDRESS_LIMITER",
            Shield::Account => "ACCOUNT_LIMITER",
        };
        let binding = Reflect::get(&self.env, &JsValue::from_str(name))?;
        if binding.is_undefined() {
            return Err(JsValue::from_str(&format!("there is no binding {name}")));
        }
        let options = Object::new();
        Reflect::set(&options, &JsValue::from_str("key"), &JsValue::from_str(key))?;
        binding
            .unchecked_into::<worker_sys::RateLimiter>()
            .limit(options)
    }

    async fn ask(&self, shield: Shield, key: &str) -> Result<bool, JsValue> {
        let outcome = JsFuture::from(self.start(shield, key)?).await?;
        let success = Reflect::get(&outcome, &JsValue::from_str("success"))?;
        success
            .as_bool()
            .ok_or_else(|| JsValue::from_str("an answer without `success`"))
    }
}

impl RateLimiter for RateLimitBindings {
    fn admit<'a>(
        &'a self,
        shield: Shield,
        key: &'a str,
    ) -> BoxFuture<'a, Result<bool, RateLimiterError>> {
        Box::pin(SendFuture::new(async move {
            let answer = self.ask(shield, key).await;
            answer.map_err(|error| RateLimiterError(thrown(&error)))
        }))
    }
}
