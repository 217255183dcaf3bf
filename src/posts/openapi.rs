//! What the document says of posts beyond their handlers' signatures.

use super::routes::{create_post, delete_post, get_post, list_posts};
use super::store::Post;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// What leads from a new post to all that can be done with it.
fn with_id(answer: Answer) -> Answer {
    let links = [
        ("get_post", "Shows it."),
        ("delete_post", "Deletes it."),
        ("put_like", "Likes it."),
        ("delete_like", "Takes the like back."),
        ("list_likes", "Lists who likes it."),
    ];
    links.into_iter().fold(answer, |answer, (operation, says)| {
        answer.link(operation, "id", "$response.body#/id", says)
    })
}

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get(api!("/posts"), list_posts)
            .pages(Answer::ok::<Page<Post>>("A page of the list.")),
        Operation::post(api!("/posts"), create_post)
            .answers(with_id(Answer::created::<Post>("The new post."))),
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
