//! Who may see a post, and who may add to it: the predicates that every statement about posts is made of
//! (decision 0005).

mod store;

pub(crate) use store::{in_sight, in_thread, is_there, open_to, reportable, shared, visible};
pub(super) use store::{is_there_or_stub, open_or_stub, visible_or_stub};
pub use store::{require_open, select_open_like_count};
