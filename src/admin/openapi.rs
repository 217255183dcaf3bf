//! What the document says of those who run Kith beyond their handlers' signatures.

use super::routes::{change_standing, list_accounts};
use super::store::Account;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get(api!("/admin/users"), list_accounts).pages(
            Answer::ok::<Page<Account>>("A page of the list.").link(
                "change_standing",
                "username",
                "$response.body#/data/0/username",
                "Changes the standing of the first.",
            ),
        ),
        Operation::patch(api!("/admin/users/{username}"), change_standing)
            .path_is("The person's username, in any case.", Some("asha"))
            .answers(Answer::ok::<Account>("The account as it is now."))
            .refuses(Error::Conflict(Code::LastAdmin)),
    ];
    document.slice(
        "admin",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
