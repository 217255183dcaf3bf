//! What the document says of notifications beyond their handlers' signatures.

use super::routes::{NotificationPage, list_notifications, mark_read};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::get(api!("/notifications"), list_notifications).pages(Answer::ok::<
            NotificationPage,
        >(
            "A page of the list, and how much is unread.",
        )),
        Operation::post(api!("/notifications/read"), mark_read)
            .answers(Answer::no_content("It is marked.")),
    ];
    document.slice(
        "notifications",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
