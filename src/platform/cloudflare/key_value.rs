//! Workers KV as the key–value port.

use std::sync::Arc;

use worker::Env;
use worker::send::SendFuture;

use crate::platform::{BoxFuture, CostMeter, KeyValue, KeyValueError};

/// The namespace bound as `KV`, looked up on first use: most requests never need it.
pub(super) struct WorkersKv {
    env: Env,
    cost: Arc<CostMeter>,
}

impl WorkersKv {
    pub(super) fn new(env: Env, cost: Arc<CostMeter>) -> Self {
        Self { env, cost }
    }
}

impl KeyValue for WorkersKv {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(SendFuture::new(async move {
            let failed = |error: worker::KvError| KeyValueError(error.to_string());
            let store = self
                .env
                .kv("KV")
                .map_err(|error| KeyValueError(error.to_string()))?;
            self.cost.key_value_read();
            // One read serves a location for a minute: what is in KV may be that old anyway.
            store.get(key).cache_ttl(60).text().await.map_err(failed)
        }))
    }
}
