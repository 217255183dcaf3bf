//! What the document says of posts beyond their handlers' signatures.

use super::comments::routes::{create_comment, list_comments};
use super::routes::{create_post, delete_post, get_post, update_post};
use super::store::{Post, PostOrStub};
use super::timelines::routes::{list_person_posts, list_posts, list_tag_posts};
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// What leads from a new post to all that can be done with it.
fn with_id(answer: Answer) -> Answer {
    let links = [
        ("get_post", "Shows it."),
        ("update_post", "Lets it say something else."),
        ("delete_post", "Deletes it."),
        ("put_like", "Likes it."),
        ("delete_like", "Takes the like back."),
        ("list_likes", "Lists who likes it."),
        ("create_comment", "Comments on it."),
        ("list_comments", "Lists the comments on it."),
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
            .answers(Answer::ok::<PostOrStub>("The post, or what is left of it.")),
        Operation::put(api!("/posts/{id}"), update_post)
            .path_is("The post.", None)
            .answers(Answer::ok::<Post>("The post as it is now."))
            .refuses(Error::Forbidden(Code::NotTheAuthor)),
        Operation::delete(api!("/posts/{id}"), delete_post)
            .path_is("The post.", None)
            .answers(Answer::no_content("It is gone."))
            .refuses(Error::Forbidden(Code::NotTheAuthor)),
        Operation::get(api!("/posts/{id}/comments"), list_comments)
            .path_is("The post.", None)
            .pages(Answer::ok::<Page<PostOrStub>>("A page of the list.")),
        Operation::post(api!("/posts/{id}/comments"), create_comment)
            .path_is("The post.", None)
            .answers(with_id(Answer::created::<Post>("The new comment."))),
        Operation::get(api!("/tags/{tag}/posts"), list_tag_posts)
            .path_is("The hashtag, without the `#`.", Some("harbour"))
            .pages(Answer::ok::<Page<Post>>("A page of the list.")),
        Operation::get(api!("/users/{username}/posts"), list_person_posts)
            .path_is("The person's username, in any case.", Some("asha"))
            .pages(Answer::ok::<Page<Post>>("A page of the list.")),
    ];
    document.slice(
        "posts",
        include_str!("mod.rs"),
        concat!(
            include_str!("routes.rs"),
            include_str!("comments/routes.rs"),
            include_str!("timelines/routes.rs"),
        ),
        operations,
    );
}
