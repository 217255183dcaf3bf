//! Background work for whoever drives the futures.

use crate::platform::{Background, BoxFuture};

/// Hands each future to a function: an executor's `spawn`.
#[derive(Debug)]
pub struct SpawnWith<F>(pub F);

impl<F: Fn(BoxFuture<'static, ()>) + Send + Sync> Background for SpawnWith<F> {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        (self.0)(work);
    }
}
