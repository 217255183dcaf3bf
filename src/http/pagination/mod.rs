//! Lists in pages: `?limit=` and `?cursor=` in, `{data, next_cursor}` and `Link` out.

mod cursor;
mod page;
mod request;
mod store;

pub use page::{Boundary, Keyed, Listed, Page};
pub use request::{Cursor, Limit, List, PageQuery, PageRequest, TimedPlace};
pub(crate) use store::select_boundary;
