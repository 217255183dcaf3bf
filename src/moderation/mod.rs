//! What people report to the moderators, and what these do about it.
//!
//! Invariants: somebody reports only what they can see, and nothing of their own; the same open report twice
//! is one; a report is resolved once; what is done about it, and its events in the audit log, are in the batch
//! that resolves it; moderators suspend plain users only, and nobody suspends themselves.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;
