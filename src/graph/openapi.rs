//! What the document says of follows, blocks and mutes beyond their handlers' signatures.

use super::routes::{
    accept_follow_request, delete_block, delete_follow, delete_follower, delete_mute, list_blocks,
    list_follow_requests, list_followers, list_following, list_mutes, put_block, put_follow,
    put_mute, refuse_follow_request,
};
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;
use crate::users::{Relation, ShortPerson};

/// An operation on somebody else.
fn on_other(operation: Operation) -> Operation {
    of_person(operation).refuses(Error::Forbidden(Code::OwnAccount))
}

fn of_person(operation: Operation) -> Operation {
    operation.path_is("The person's username, in any case.", Some("asha"))
}

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let relation = || Answer::ok::<Relation>("How the two stand to each other now.");
    let list = || Answer::ok::<Page<ShortPerson>>("A page of the list.");
    let operations = [
        on_other(Operation::put(api!("/users/{username}/follow"), put_follow))
            .answers(relation())
            .refuses(Error::Conflict(Code::PersonBlocked))
            .refuses(Error::Conflict(Code::FollowLimitReached)),
        on_other(Operation::delete(
            api!("/users/{username}/follow"),
            delete_follow,
        ))
        .answers(relation()),
        on_other(Operation::put(api!("/users/{username}/block"), put_block)).answers(relation()),
        on_other(Operation::delete(
            api!("/users/{username}/block"),
            delete_block,
        ))
        .answers(relation()),
        on_other(Operation::put(api!("/users/{username}/mute"), put_mute)).answers(relation()),
        on_other(Operation::delete(
            api!("/users/{username}/mute"),
            delete_mute,
        ))
        .answers(relation()),
        of_person(Operation::get(
            api!("/users/{username}/followers"),
            list_followers,
        ))
        .pages(list()),
        of_person(Operation::get(
            api!("/users/{username}/following"),
            list_following,
        ))
        .pages(list()),
        on_other(Operation::delete(
            api!("/followers/{username}"),
            delete_follower,
        ))
        .answers(Answer::no_content("They do not follow.")),
        Operation::get(api!("/follow-requests"), list_follow_requests).pages(list()),
        on_other(Operation::put(
            api!("/follow-requests/{username}"),
            accept_follow_request,
        ))
        .answers(relation()),
        on_other(Operation::delete(
            api!("/follow-requests/{username}"),
            refuse_follow_request,
        ))
        .answers(Answer::no_content("They do not ask.")),
        Operation::get(api!("/blocks"), list_blocks).pages(list()),
        Operation::get(api!("/mutes"), list_mutes).pages(list()),
    ];
    document.slice(
        "graph",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
