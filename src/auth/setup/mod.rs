//! The first admin: made by whoever has the one-time link that the operator was given.
//!
//! Invariants: a link makes one admin, within a day, and none once there is an active one, of however
//! many uses at once; a link that is wrong, was used, or is too late is refused with the same bytes after
//! the same work; only its SHA-256 is stored.

pub(super) mod routes;
mod rules;
mod store;
