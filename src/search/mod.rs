//! Search over people, posts and hashtags.
//!
//! Invariants: what a person types is never read as the query language of the full-text index: it is split
//! into words here, and each is asked for in quotes; nobody finds what they may not see, nor learns that
//! it is there; what was edited away or deleted is found no more; a page costs the same however many
//! matches are invisible.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;
