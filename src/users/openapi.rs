//! What the document says of people beyond their handlers' signatures.

use super::routes::{get_my_profile, get_profile, update_my_profile};
use super::store::{Me, PersonRow};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get(api!("/profile"), get_my_profile)
            .answers(Answer::ok::<Me>("One's own account.")),
        Operation::patch(api!("/profile"), update_my_profile)
            .answers(Answer::ok::<Me>("One's own account as it is now.")),
        Operation::get(api!("/users/{username}"), get_profile)
            .path_is("The person's username, in any case.", Some("asha"))
            .answers(Answer::ok::<PersonRow>("The person.")),
    ];
    document.slice(
        "users",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
