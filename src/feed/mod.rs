//! The feed: what those whom one follows post, and oneself, newest first.
//!
//! Invariants: it is a query, not a copy (decision 0036): nothing is written for a reader when somebody posts, so it
//! shows what is so at the moment it is read. Paging never misses a post that was there all along, and never shows
//! one twice, whatever is written meanwhile. What a page costs depends on how many one follows, and on nothing else.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod store;
