//! All randomness of a run, and which faults strike when. Counts what struck.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::scenarios::{self, BURY, HANDLED_BY_THE_SWEEP, POST_DELETED_JOB, Site, TELL_JOB};

/// How a trip to the database can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// Before it took effect.
    Before,
    /// After it took effect: only the answer is lost.
    After,
    /// Before or after, perhaps long after the error that is answered.
    Unknown,
    /// Refused for the time being.
    Overloaded,
}

impl DatabaseFault {
    /// What can go wrong with a trip from `site`. For one that changes nothing, after is before.
    fn of(site: Site) -> &'static [Self] {
        if site.writes {
            &[Self::Before, Self::After, Self::Unknown, Self::Overloaded]
        } else {
            &[Self::Before, Self::Unknown, Self::Overloaded]
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Before => "D1 fails before",
            Self::After => "D1 fails after",
            Self::Unknown => "D1's outcome unknown",
            Self::Overloaded => "D1 overloaded",
        }
    }

    /// The error as D1 words it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Before | Self::After => "D1_ERROR: Network connection lost.",
            Self::Unknown => "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
            Self::Overloaded => "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
        }
    }
}

/// A place where something can go wrong: what, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub fault: &'static str,
    pub site: &'static str,
}

impl Point {
    const fn new(fault: &'static str, site: &'static str) -> Self {
        Self { fault, site }
    }

    /// Whether it takes a mail to get there, and so a registration.
    pub fn is_of_mails(self) -> bool {
        self.fault == MAIL || self.site.starts_with("jobs: mail")
    }

    pub const fn of_database(fault: DatabaseFault, site: Site) -> Self {
        Self::new(fault.name(), site.name)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.fault, self.site)
    }
}

pub const QUEUE_REFUSES: Point = Point::new("queue", "refuses messages");
pub const QUEUE_UNSURE: Point = Point::new("queue", "takes messages, and answers an error");
pub const QUEUE_HALF: Point =
    Point::new("queue", "takes half of the messages, and answers an error");
pub const QUEUE_LOSES: Point = Point::new("queue", "loses a message");
pub const QUEUE_DELAYS: Point = Point::new("queue", "delays a message");
pub const QUEUE_DOUBLES: Point = Point::new("queue", "delivers a message twice");
pub const QUEUE_REORDERS: Point = Point::new("queue", "delivers out of order");
pub const STORE_FAILS: Point = Point::new("KV", "fails");
pub const STORE_STALE: Point = Point::new("KV", "answers what is no longer so");
pub const REPLICA_LAGS: Point = Point::new("replica", "shows what is no longer so");
pub const REPLICA_WAITS: Point = Point::new("replica", "has to catch up with a bookmark");
pub const REPLICA_FAILS: Point = Point::new("replica", "does not answer");
pub const CRASH_IDLE: Point = Point::new("isolate dies", "doing nothing");
pub const CRASH_REQUEST: Point = Point::new("isolate dies", "serving a request");
pub const CRASH_MESSAGE: Point = Point::new("isolate dies", "with a message in its hands");
pub const CRASH_CHORE: Point = Point::new("isolate dies", "sweeping, or sending a message");
pub const LEAVES_EARLY: Point = Point::new("client leaves", "before the database has run it");
pub const LEAVES_LATE: Point = Point::new("client leaves", "after the database has run it");
pub const CLOCK_BACK: Point = Point::new("clock", "of an isolate set back");
pub const CLOCK_AHEAD: Point = Point::new("clock", "of an isolate set ahead");
pub const TIME_PASSES: Point = Point::new("clock", "hours pass at once");
pub const SHIELD_FAILS: Point = Point::new("limiter", "fails");
pub const SHIELD_REFUSES: Point = Point::new("limiter", "refuses whom it need not");
/// Not faults, but what must be seen to happen as surely: quotas that people use up.
pub const NAME_USED_UP: Point = Point::new(USED_UP, "auth.login: by name");
pub const ADDRESS_USED_UP: Point = Point::new(USED_UP, "auth.login: by address");
pub const REGISTRATIONS_USED_UP: Point = Point::new(USED_UP, "auth.register: by address");
pub const SETUPS_USED_UP: Point = Point::new(USED_UP, "auth.set_up: by address");
pub const PASSWORDS_USED_UP: Point = Point::new(USED_UP, "auth.email: by session");
pub const RECIPIENT_USED_UP: Point = Point::new(USED_UP, "auth.email: by recipient");
pub const MAILS_USED_UP: Point = Point::new(USED_UP, "auth.email: by address");
pub const REPORTS_USED_UP: Point = Point::new(USED_UP, "moderation.report: by account");
pub const KNOWN_USED_UP: Point = Point::new(USED_UP, "auth.register: as the isolate knows");
pub const USED_UP: &str = "quota used up";
pub const MAIL_FAILS: Point = Point::new(MAIL, "is not taken");
pub const MAIL_LOST: Point = Point::new(MAIL, "is taken, and an error answered");
pub const MAIL_SLOW: Point = Point::new(MAIL, "is taken late");
pub const MAIL_REFUSED: Point = Point::new(MAIL, "is refused for good");
const MAIL: &str = "mail";
pub const CRON_MISSES: Point = Point::new("cron", "does not fire");
/// No faults either: an operator at work.
pub const KEYS_ROTATED: Point = Point::new("keys", "rotated");
pub const KEYS_KNOWN: Point = Point::new("keys", "known to an isolate later than to others");

/// The points that no scenario's site brings.
const OF_THE_PLATFORM: [Point; 39] = [
    QUEUE_REFUSES,
    QUEUE_UNSURE,
    QUEUE_HALF,
    QUEUE_LOSES,
    QUEUE_DELAYS,
    QUEUE_DOUBLES,
    QUEUE_REORDERS,
    STORE_FAILS,
    STORE_STALE,
    REPLICA_LAGS,
    REPLICA_WAITS,
    REPLICA_FAILS,
    CRASH_IDLE,
    CRASH_REQUEST,
    CRASH_MESSAGE,
    CRASH_CHORE,
    LEAVES_EARLY,
    LEAVES_LATE,
    CLOCK_BACK,
    CLOCK_AHEAD,
    TIME_PASSES,
    SHIELD_FAILS,
    SHIELD_REFUSES,
    NAME_USED_UP,
    ADDRESS_USED_UP,
    REGISTRATIONS_USED_UP,
    SETUPS_USED_UP,
    PASSWORDS_USED_UP,
    RECIPIENT_USED_UP,
    MAILS_USED_UP,
    REPORTS_USED_UP,
    KNOWN_USED_UP,
    MAIL_FAILS,
    MAIL_LOST,
    MAIL_SLOW,
    MAIL_REFUSED,
    CRON_MISSES,
    KEYS_ROTATED,
    KEYS_KNOWN,
];

/// Every point there is: each fault of the database at each site, and the platform's.
pub fn points() -> Vec<Point> {
    let of_site = |site| {
        let faults = DatabaseFault::of(site).iter();
        faults.map(move |fault| Point::of_database(*fault, site))
    };
    let mut points: Vec<_> = scenarios::sites().into_iter().flat_map(of_site).collect();
    points.extend(OF_THE_PLATFORM);
    points
}

/// How often each point struck.
pub type Struck = BTreeMap<Point, u64>;

/// The chances of one run. Each run has a point in focus, in turn, so that every point is reached
/// however rare it is.
pub struct Chaos {
    pub focus: Point,
    state: Mutex<State>,
}

struct State {
    generator: ChaCha8Rng,
    /// The chance of a fault of the database, per trip.
    of_database: f64,
    /// The chance of each other fault, by its name.
    of_others: BTreeMap<&'static str, f64>,
    struck: Struck,
    calm: bool,
}

/// The chances a run can have of one kind of fault.
const CHANCES: [f64; 5] = [0.0, 0.0, 0.02, 0.08, 0.25];

/// The chance at the point in focus, and at what leads there.
const IN_FOCUS: f64 = 0.6;

impl Chaos {
    pub fn new(seed: u64, focus: Point) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut chance = || *CHANCES.choose(&mut generator).unwrap();
        let of_database = chance();
        let of_others = OF_THE_PLATFORM
            .into_iter()
            .map(|point| (point.fault, chance()))
            .collect();
        Self {
            focus,
            state: Mutex::new(State {
                generator,
                of_database,
                of_others,
                struck: Struck::new(),
                calm: false,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.state().generator.random_range(0..end)
    }

    /// A place among this many.
    pub fn pick(&self, count: usize) -> usize {
        self.state().generator.random_range(0..count)
    }

    /// Whether something happens that has this chance.
    pub fn happens(&self, chance: f64) -> bool {
        self.state().generator.random_bool(chance)
    }

    /// From here on nothing goes wrong any more.
    pub fn calm(&self) {
        self.state().calm = true;
    }

    /// Whether a fault strikes at `point` now. The caller tells with [`Chaos::struck`] once it has.
    pub fn strikes(&self, point: Point) -> bool {
        let mut state = self.state();
        if state.calm {
            return false;
        }
        let usual = state.of_others.get(point.fault).copied().unwrap_or(0.0);
        // The sweep handles jobs itself only where the queue refuses them, and has several at once
        // only where messages are lost. Only a replica that lags has to catch up.
        let leads_there = point == QUEUE_REFUSES && self.focus.site == HANDLED_BY_THE_SWEEP.name
            || point == QUEUE_LOSES && self.focus == QUEUE_HALF
            || point == REPLICA_LAGS && self.focus == REPLICA_WAITS;
        let in_focus = point == self.focus || leads_there;
        let chance = if in_focus { IN_FOCUS } else { usual };
        state.generator.random_bool(chance)
    }

    /// What goes wrong with a trip to the database from `site`, if anything.
    pub fn database_fault(&self, site: Site) -> Option<DatabaseFault> {
        let mut state = self.state();
        if state.calm {
            return None;
        }
        let mut faults = DatabaseFault::of(site).iter().copied();
        let in_focus = faults.find(|fault| Point::of_database(*fault, site) == self.focus);
        // Only a job that fails again and again is buried.
        let fails_always =
            self.focus.site == BURY.name && [TELL_JOB, POST_DELETED_JOB].contains(&site);
        let in_focus = in_focus.or(fails_always.then_some(DatabaseFault::Before));
        let chance = if fails_always { 0.9 } else { IN_FOCUS };
        if in_focus.is_some() && state.generator.random_bool(chance) {
            return in_focus;
        }
        let chance = state.of_database;
        if !state.generator.random_bool(chance) {
            return None;
        }
        DatabaseFault::of(site)
            .choose(&mut state.generator)
            .copied()
    }

    /// Counts a fault that has struck.
    pub fn struck(&self, point: Point) {
        *self.state().struck.entry(point).or_default() += 1;
    }

    /// What has struck.
    pub fn all_struck(&self) -> Struck {
        self.state().struck.clone()
    }
}
