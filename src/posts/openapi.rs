//! What the document says of posts beyond their handlers' signatures.

use super::routes::{create_post, delete_post, get_post, list_posts};
use super::store::Post;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get(api!("/posts"), list_posts)
            .pages(Answer::ok::<Page<Post>>("A page of the list.")),
        Operation::post(api!("/posts"), create_post)
            .answers(Answer::created::<Post>("The new post.")),
        Operation::get(api!("/posts/{id}"), get_post)
            .path_is("The post.", None)
            .answers(Answer::ok::<Post>("The post.")),
        Operation::delete(api!("/posts/{id}"), delete_post)
            .path_is("The post.", None)
            .answers(Answer::no_content("It is deleted."))
            .refuses(Error::Forbidden(Code::NotTheAuthor)),
    ];
    document.slice(
        "posts",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
