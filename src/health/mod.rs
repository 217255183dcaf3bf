//! Whether Kith is alive, and whether what it depends on answers.

pub mod routes;
