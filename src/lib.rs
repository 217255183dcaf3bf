//! Kith: the backend of a social app, running at the edge.
//!
//! The map of the crate, in the order of a request's way through it:
//!
//! * `entry`: the Worker's three events; turns platform bindings into an [`app::App`] and nothing else.
//! * [`app`]: the App (configuration and ports) and the visible list of the slices' routers.
//! * [`http`]: the pipeline around every route: identity of the request, limits, errors, headers, log line.
//! * [`viewer`]: who is behind a request, and the guard that every slice's batches begin with.
//! * [`auth`], [`users`], [`graph`], [`posts`], [`likes`], [`feed`], [`search`], [`notifications`],
//!   [`moderation`], [`admin`], [`audit`], [`health`]: the slices, one per thing the product does. Open `likes/` to learn everything about a like.
//! * [`jobs`]: the outbox: what must still happen after a request, and who does it.
//! * [`platform`]: the ports (database, key–value store, queue, clock, …) and their adapters.
//! * [`error`], [`config`], [`flags`], [`id`], [`time`], [`text`], [`number`], [`mac`], [`origins`], `word`: what
//!   all of the above speak in.
//!
//! `ARCHITECTURE.md` states the rules of who may import whom; `tests/architecture.rs` enforces them.

pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod config;
pub mod error;
pub mod feed;
pub mod flags;
pub mod graph;
pub mod health;
pub mod http;
pub mod id;
pub mod jobs;
pub mod likes;
pub mod mac;
pub mod moderation;
pub mod notifications;
pub mod number;
pub mod origins;
pub mod platform;
pub mod posts;
pub mod search;
pub mod text;
pub mod time;
pub mod users;
pub mod viewer;
mod word;

#[cfg(target_arch = "wasm32")]
pub mod entry;
