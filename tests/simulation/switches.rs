//! The operator's switches: what the store says of them, and from when on an isolate must know.

use serde_json::{Value, json};

use crate::world::World;

/// How long an isolate that serves requests may not know of a change: a minute until it asks again,
/// and a minute that the store may be behind.
const BEHIND: i64 = 125_000;

/// How long asking takes.
const ASKING: i64 = 10_000;

/// What an isolate has had the chance to learn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Since when nothing stands in the way of its learning: it lives, the store answers, its clock
    /// goes on.
    since: i64,
    /// When it was first asked to serve after it was time to learn.
    reminded: Option<i64>,
}

impl World {
    /// Opens and closes registration and Kith itself.
    pub fn set_switches(&self, open: bool, maintenance: bool) {
        self.note(|| format!("registration open: {open}, maintenance: {maintenance}"));
        let flags = json!({"registration_open": open, "maintenance": maintenance});
        self.store.put(kith::flags::KEY, &flags.to_string());
        self.state().switches = (open, maintenance);
        let isolates = self.state().watches.len();
        for isolate in 0..isolates {
            self.forgive(isolate);
        }
    }

    /// An isolate has a reason not to know of a change for a while longer.
    pub fn forgive(&self, isolate: usize) {
        let since = self.timeline.elapsed();
        self.state().watches[isolate] = Watch {
            since,
            reminded: None,
        };
    }

    /// Holds what an isolate knows as it begins to serve a request against what it must know.
    pub fn check_switches(&self, isolate: usize, knows_of_maintenance: bool) {
        let now = self.timeline.elapsed();
        let mut state = self.state();
        let maintenance = state.switches.1;
        let watch = &mut state.watches[isolate];
        if now < watch.since + BEHIND {
            return;
        }
        let reminded = *watch.reminded.get_or_insert(now);
        drop(state);
        if now > reminded + ASKING && knows_of_maintenance != maintenance {
            self.violate(&format!(
                "isolate {isolate} takes maintenance for {knows_of_maintenance}, long after it was set"
            ));
        }
    }
}

/// Whether a value of the store closes registration.
pub fn closes_registration(flags: Option<&str>) -> bool {
    let flags: Option<Value> = flags.and_then(|flags| serde_json::from_str(flags).ok());
    flags.is_some_and(|flags| flags["registration_open"] == false)
}
