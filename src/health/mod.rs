//! Whether Kith is alive, and whether what it depends on answers.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
