//! Log lines that stay in memory.

use std::sync::{Mutex, PoisonError};

use crate::platform::{Level, Log};

/// Keeps every line until it is taken.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<Vec<(Level, String)>>);

impl MemoryLog {
    /// The lines written since they were last taken, oldest first.
    pub fn take(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log for MemoryLog {
    fn write(&self, level: Level, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((level, line.to_owned()));
    }
}
