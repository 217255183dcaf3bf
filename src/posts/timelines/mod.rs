//! Lists of posts, newest first: everyone's, those of a hashtag, a person's.
//!
//! Invariants: none of them shows a comment; what a muted person says stays out of the lists that one did not ask
//! for by that person's name; a page costs the same however much of it is invisible (decision 0010).

pub(super) mod routes;
mod store;
