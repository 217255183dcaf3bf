//! The port for randomness.

/// A source of randomness fit for secrets.
pub trait Random: Send + Sync {
    /// Overwrites `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}
