//! A key–value store in memory, as stale as the real one may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Timeline;
use crate::platform::{BoxFuture, KeyValue, KeyValueError};

/// For how long a location goes on with what it has read, in milliseconds: absence too.
const STALE: i64 = 60_000;

/// What has been written, for all locations.
#[derive(Debug, Default)]
pub struct KeyValueStore(Mutex<HashMap<String, String>>);

impl KeyValueStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Writes a value, which each location sees when it next asks the store.
    pub fn put(&self, key: &str, value: &str) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert(key.to_owned(), value.to_owned());
    }

    /// The newest value.
    #[must_use]
    pub fn newest(&self, key: &str) -> Option<String> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(key).cloned()
    }
}

/// The store as one location of the network reads it.
#[derive(Debug)]
pub struct MemoryKeyValue {
    store: Arc<KeyValueStore>,
    timeline: Arc<Timeline>,
    /// What was read, and when.
    read: Mutex<HashMap<String, (Option<String>, i64)>>,
}

impl MemoryKeyValue {
    /// A location that has read nothing yet.
    #[must_use]
    pub fn new(store: Arc<KeyValueStore>, timeline: Arc<Timeline>) -> Self {
        Self {
            store,
            timeline,
            read: Mutex::default(),
        }
    }

    /// The value as this location knows it.
    fn value(&self, key: &str) -> Option<String> {
        let now = self.timeline.elapsed();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, at)) = read.get(key)
            && now.saturating_sub(*at) < STALE
        {
            return value.clone();
        }
        let value = self.store.newest(key);
        read.insert(key.to_owned(), (value.clone(), now));
        value
    }
}

impl KeyValue for MemoryKeyValue {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(std::future::ready(Ok(self.value(key))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_location_sees_a_change_up_to_a_minute_late_and_its_neighbour_at_once() {
        let (timeline, store) = (Timeline::new(), KeyValueStore::new());
        let location = || MemoryKeyValue::new(store.clone(), timeline.clone());
        let (early, late) = (location(), location());
        assert_eq!(early.value("flags"), None);
        store.put("flags", "on");
        timeline.advance(Duration::from_secs(59));
        assert_eq!(early.value("flags"), None);
        assert_eq!(late.value("flags").as_deref(), Some("on"));
        timeline.advance(Duration::from_secs(1));
        assert_eq!(early.value("flags").as_deref(), Some("on"));
    }
}
