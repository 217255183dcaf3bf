//! What the document says of people beyond their handlers' signatures.

use super::profiles::{PersonRow, Profile};
use super::routes::{get_my_profile, get_profile, list_people, update_my_profile};
use super::store::Me;
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get(api!("/profile"), get_my_profile)
            .answers(Answer::ok::<Me>("One's own account.")),
        Operation::patch(api!("/profile"), update_my_profile)
            .answers(Answer::ok::<Me>("One's own account as it is now.")),
        Operation::get(api!("/users"), list_people)
            .pages(Answer::ok::<Page<PersonRow>>("A page of the directory.")),
        Operation::get(api!("/users/{username}"), get_profile)
            .path_is("The person's username, in any case.", Some("asha"))
            .answers(Answer::ok::<Profile>(
                "The person, or what is left of one who is blocked.",
            )),
    ];
    document.slice(
        "users",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
