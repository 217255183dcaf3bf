//! What the document says of the audit log beyond its handler's signature.

use super::routes::list_events;
use super::store::AuditEvent;
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// Adds the slice's operation.
pub fn describe(document: &mut Document) {
    let operations =
        [Operation::get(api!("/admin/audit"), list_events)
            .pages(Answer::ok::<Page<AuditEvent>>("A page of the list."))];
    document.slice(
        "audit",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
