//! Cloudflare Queues: the producers as the queue port, and the consumer's loop.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::join_all;
use worker::js_sys::{Array, JSON, Object, Promise, Reflect};
use worker::send::SendFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, Queue as Producer, worker_sys};

use super::thrown;
use crate::platform::{BoxFuture, Channel, CostMeter, Queue, QueueError, Verdict};

/// The producers, each looked up on first use.
pub(super) struct JobsQueue {
    env: Env,
    cost: Arc<CostMeter>,
}

impl JobsQueue {
    pub(super) fn new(env: Env, cost: Arc<CostMeter>) -> Self {
        Self { env, cost }
    }

    fn start(&self, channel: Channel, messages: &[String]) -> Result<Promise, JsValue> {
        let binding = match channel {
            Channel::Jobs => "JOBS",
            Channel::Mails => "MAILS",
        };
        let producer: Producer = self
            .env
            .queue(binding)
            .map_err(|error| JsValue::from_str(&error.to_string()))?;
        let producer = JsValue::from(producer).unchecked_into::<worker_sys::Queue>();
        self.cost
            .queue_sends(u64::try_from(messages.len()).unwrap_or(u64::MAX));
        if let [message] = messages {
            return producer.send(JSON::parse(message)?, JsValue::UNDEFINED);
        }
        let batch = Array::new();
        for message in messages {
            let entry = Object::new();
            Reflect::set(&entry, &JsValue::from_str("body"), &JSON::parse(message)?)?;
            batch.push(&entry);
        }
        producer.send_batch(batch, JsValue::UNDEFINED)
    }
}

impl Queue for JobsQueue {
    fn send(
        &self,
        channel: Channel,
        messages: Vec<String>,
    ) -> BoxFuture<'static, Result<(), QueueError>> {
        let started = self.start(channel, &messages);
        Box::pin(SendFuture::new(async move {
            let sent = match started {
                Ok(promise) => JsFuture::from(promise).await.map(drop),
                Err(error) => Err(error),
            };
            sent.map_err(|error| QueueError(thrown(&error)))
        }))
    }
}

/// Gives each message of a batch, as JSON text with the number of its attempts, to `handle`, all at
/// once, and acknowledges or retries each alone: a bad message cannot harm its neighbours.
///
/// Nothing here may throw: the platform would retry the acknowledged messages too.
pub async fn consume<F>(batch: &worker_sys::MessageBatch, handle: impl Fn(String, u32) -> F)
where
    F: Future<Output = Verdict>,
{
    let messages = batch.messages().unwrap_or_default();
    let handle = &handle;
    join_all(messages.iter().map(|message| async move {
        let message = message.unchecked_into::<worker_sys::Message>();
        let settled = match handle(body(&message), attempts(&message)).await {
            Verdict::Acknowledge => message.ack(),
            Verdict::Retry { delay_seconds } => message.retry(retry_options(delay_seconds)),
        };
        if let Err(error) = settled {
            // The platform then retries the message by itself, which is safe: jobs have one effect.
            let line = serde_json::json!({
                "level": "error",
                "event": "message_unsettled",
                "cause": thrown(&error),
            });
            worker::console_error!("{line}");
        }
    }))
    .await;
}

/// The message's body as JSON; what is no JSON becomes `null`, which no job is.
fn body(message: &worker_sys::Message) -> String {
    message
        .body()
        .and_then(|body| JSON::stringify(&body))
        .ok()
        .and_then(|text| JsValue::from(text).as_string())
        .unwrap_or_else(|| "null".to_owned())
}

/// How often the message has been delivered, this time included.
fn attempts(message: &worker_sys::Message) -> u32 {
    let attempts = Reflect::get(message, &JsValue::from_str("attempts")).ok();
    let attempts = attempts
        .and_then(|attempts| attempts.as_f64())
        .unwrap_or(1.0);
    // Saturating: an odd number of the platform's is no reason to fail.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "see above"
    )]
    let attempts = attempts as u32;
    attempts.max(1)
}

fn retry_options(delay_seconds: u32) -> JsValue {
    let options = Object::new();
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(
        &options,
        &JsValue::from_str("delaySeconds"),
        &delay_seconds.into(),
    );
    options.into()
}
