//! What the document says of the feed beyond its handler's signature.

use super::routes::list_feed;
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;
use crate::posts::Post;

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [Operation::get(api!("/feed"), list_feed)
        .pages(Answer::ok::<Page<Post>>("A page of the list."))];
    document.slice(
        "feed",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
