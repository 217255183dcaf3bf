//! The clock, randomness, log and background work of a Worker.

use std::sync::Arc;
use std::time::Duration;

use worker::send::SendFuture;
use worker::web_sys::console;
use worker::{Context, Delay, js_sys};

use crate::platform::{Background, BoxFuture, Clock, Level, Log, Random};
use crate::time::Timestamp;

/// The platform's clock, which advances only with I/O.
pub(super) struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        // A JavaScript time is a whole number of milliseconds within ±8.64e15: exact in an i64.
        #[expect(clippy::cast_possible_truncation, reason = "see above")]
        #[expect(clippy::disallowed_methods, reason = "this is the Clock adapter")]
        Timestamp::from_millis(js_sys::Date::now() as i64)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(SendFuture::new(async move { Delay::from(duration).await }))
    }
}

/// The platform's Web Crypto.
pub(super) struct WebCrypto;

impl Random for WebCrypto {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // The platform always has Web Crypto. Were it gone, going on with predictable secrets
            // would be worse than killing the invocation.
            worker::wasm_bindgen::throw_str(&format!("no randomness: {error}"));
        }
    }
}

/// `console`, which Workers Logs reads.
pub(super) struct Console;

impl Log for Console {
    fn write(&self, level: Level, line: &str) {
        match level {
            Level::Info => console::log_1(&line.into()),
            Level::Warn => console::warn_1(&line.into()),
            Level::Error => console::error_1(&line.into()),
        }
    }
}

/// `waitUntil` of the invocation.
pub(super) struct WaitUntil(Arc<Context>);

impl WaitUntil {
    pub(super) fn new(context: Context) -> Self {
        Self(Arc::new(context))
    }
}

impl Background for WaitUntil {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(SendFuture::new(work));
    }
}
