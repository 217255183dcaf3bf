//! What the document says of search beyond its handler's signature.

use schemars::JsonSchema;

use super::routes::search;
use super::store::Tag;
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;
use crate::posts::Post;
use crate::users::ShortPerson;

/// A page of what was looked for, by `type`.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape of three answers, for the document")]
enum Found {
    /// For `type=users`.
    Users(Page<ShortPerson>),
    /// For `type=posts`.
    Posts(Page<Post>),
    /// For `type=tags`.
    Tags(Page<Tag>),
}

/// Adds the slice's operation.
pub fn describe(document: &mut Document) {
    let page = Answer::ok::<Found>("A page of what was found, by `type`.");
    let operations = [Operation::get(api!("/search"), search).pages_of(&["q", "type"], page)];
    document.slice(
        "search",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
