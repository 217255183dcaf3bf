//! Whether Kith is well.

use std::sync::Arc;

use serde_json::json;

use super::{Answer, Call, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{self, Caller, Prediction};

pub const READY: Scenario = Scenario {
    route: "GET /health/ready",
    sites: &[Site::reading("health.ready")],
    weight: 2,
    reads_flags: true,
    draw: |_| Arc::new(Ready),
    ..USUAL
};

struct Ready;

/// Milliseconds after which a job is late.
const LATE: i64 = 600_000;

impl Operation for Ready {
    fn call(&self) -> Call {
        // Outside of the API's base path.
        Call::new("GET", "//health/ready")
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        false
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let oldest = moment
            .model
            .jobs
            .values()
            .filter_map(|job| job.due_at)
            .min();
        Ok(Prediction::new(
            200,
            json!({"oldest": oldest, "now": moment.now.millis()}),
        ))
    }

    /// How late the oldest job is, by a clock that goes on while the answer travels.
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        let checks = &answer.body["checks"];
        let backlog = &checks["jobs:backlogAge"][0];
        let age = backlog["observedValue"].as_i64().unwrap_or(-1);
        let now = prediction.body["now"].as_i64().unwrap();
        let oldest = prediction.body["oldest"].as_i64();
        let age_at = |now: i64| oldest.map_or(0, |oldest| (now - oldest).max(0));
        // A clock may be set, and an answer may take its time: hours even, of which it tells.
        let travelled = checks["d1:responseTime"][0]["observedValue"].as_i64();
        let (least, most) = (age_at(now), age_at(now + travelled.unwrap_or(0)));
        let slack = 120_000;
        let in_time = age >= 0 && age > least - slack && age < most + slack;
        let status = if age < LATE { "pass" } else { "warn" };
        let expected = json!({"status": status, "observedValue": age, "observedUnit": "ms"});
        let well = answer.status == 200 && answer.body["status"] == "pass";
        if well
            && in_time
            && *backlog == expected
            && checks["d1:responseTime"][0]["status"] == "pass"
        {
            return Ok(());
        }
        model::agrees(prediction, answer.status, &answer.body)
    }
}
