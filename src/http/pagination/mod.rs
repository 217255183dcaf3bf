//! Lists in pages: `?limit=` and `?cursor=` in, `{data, next_cursor}` and `Link` out.

mod cursor;
mod page;
mod request;

pub use page::{Boundary, Keyed, Listed, Page};
pub use request::{Cursor, Limit, List, PageQuery, PageRequest, TimedPlace};
