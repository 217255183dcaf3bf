//! What moderators and admins see and do of accounts.
//!
//! Invariants: who may do it is asked in the batch that does it; each change of a role, a status or a
//! plan leaves an event in the audit log, and nothing leaves one that changed nothing; nobody's e-mail
//! address is shown; no change leaves Kith without an active admin.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;
