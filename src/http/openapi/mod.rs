//! The OpenAPI document: every route's parameters, bodies, headers and errors, from the Rust types.
//!
//! Native only: the Worker never holds it, because the platform serves the finished `openapi.json` as
//! a file. A handler's signature says who may ask, what is sent, and how such a request can be
//! refused ([`Input`]); its comment says what it does; the slice's own `openapi.rs` adds what it
//! answers, and refuses of its own. What holds for every route stands once, in [`headers`] and in
//! `Document`.

mod codes;
mod document;
mod example;
mod headers;
mod operation;
mod source;

pub use document::Document;
pub use headers::{answered, read};
pub use operation::{Answer, Asker, Handler, Input, Operation};
