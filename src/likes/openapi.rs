//! What the document says of likes beyond their handlers' signatures.

use super::routes::{LikeState, NoLike, delete_like, list_likes, put_like};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;
use crate::users::ShortPerson;

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::put(api!("/posts/{id}/like"), put_like)
            .path_is("The post.", None)
            .answers(Answer::ok::<LikeState>("It is liked.")),
        Operation::delete(api!("/posts/{id}/like"), delete_like)
            .path_is("The post.", None)
            .answers(Answer::ok::<NoLike>("It is not liked.")),
        Operation::get(api!("/posts/{id}/likes"), list_likes)
            .path_is("The post.", None)
            .pages(Answer::ok::<Page<ShortPerson>>("A page of the list.")),
    ];
    document.slice(
        "likes",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
