//! Which state of the database a batch must read, and which one a request has reached.
//!
//! The database is one primary, which takes every write, and replicas that follow it and lag behind.

use std::sync::{Arc, Mutex, PoisonError};

/// Names a state of the database, in the platform's own words. Only what the platform has said is one:
/// whatever comes from outside must prove first that Kith gave it away (`http::bookmark`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark(Arc<str>);

impl Bookmark {
    /// As the platform said it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// As the platform understands it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which state a batch that only reads must see. One that writes runs at the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Every commit before it: it runs at the primary.
    Primary,
    /// Any state there was: it runs at the nearest replica.
    Nearest,
    /// That state or a later one: it runs at the nearest replica, which catches up if it must.
    AtLeast(Bookmark),
}

/// The state that a request has reached at the primary, for its answer to name. Each request has one of
/// its own, which the adapters of the database fill in.
#[derive(Debug, Default)]
pub struct ReachedState(Mutex<Reached>);

#[derive(Debug, Default)]
enum Reached {
    #[default]
    Nothing,
    State(Bookmark),
    Withheld,
}

impl ReachedState {
    /// A batch has run, and the platform named the state after it. A later one takes its place.
    pub fn reach(&self, state: Bookmark) {
        let mut reached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*reached, Reached::Withheld) {
            *reached = Reached::State(state);
        }
    }

    /// From here on the answer names no state: that there is one would tell what was done.
    pub fn withhold(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Reached::Withheld;
    }

    /// The state to name, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<Bookmark> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Reached::State(state) => Some(state.clone()),
            Reached::Nothing | Reached::Withheld => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_reached_last_is_named() {
        let reached = ReachedState::default();
        assert_eq!(reached.get(), None);
        reached.reach(Bookmark::new("1"));
        reached.reach(Bookmark::new("2"));
        assert_eq!(reached.get(), Some(Bookmark::new("2")));
    }

    #[test]
    fn what_is_withheld_stays_so() {
        let reached = ReachedState::default();
        reached.reach(Bookmark::new("1"));
        reached.withhold();
        reached.reach(Bookmark::new("2"));
        assert_eq!(reached.get(), None);
    }
}
