//! Whether Kith is well.

use std::sync::Arc;

use serde_json::json;

use super::{Call, Moment, Operation, Scenario};
use crate::model::{Caller, Prediction};

pub const READY: Scenario = Scenario {
    route: "GET /health/ready",
    sites: &["health.ready"],
    leads_to: &[],
    weight: 1,
    hashes: false,
    reads_flags: true,
    draw: |_| Arc::new(Ready),
};

struct Ready;

impl Operation for Ready {
    fn call(&self) -> Call {
        Call::new("GET", "//health/ready")
    }

    fn writes(&self) -> bool {
        false
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn happen(&self, _: Option<&Caller>, _: &mut Moment<'_>, _: usize) -> Prediction {
        Prediction::new(200, json!({"status": "pass"}))
    }
}
