//! What the document says of moderation beyond its handlers' signatures.

use super::routes::{create_report, list_reports, resolve_report};
use super::store::{ModeratedReport, Report};
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Document, Operation};
use crate::http::pagination::Page;

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::post(api!("/reports"), create_report)
            .answers(Answer::created::<Report>("The report.").link(
                "resolve_report",
                "id",
                "$response.body#/id",
                "Resolves it.",
            ))
            .refuses(Error::NotFound)
            .refuses(Error::Forbidden(Code::OwnReport)),
        Operation::get(api!("/admin/reports"), list_reports).pages(
            Answer::ok::<Page<ModeratedReport>>("A page of the list.").link(
                "resolve_report",
                "id",
                "$response.body#/data/0/id",
                "Resolves the first.",
            ),
        ),
        Operation::post(api!("/admin/reports/{id}/resolve"), resolve_report)
            .path_is("The report.", None)
            .answers(Answer::ok::<ModeratedReport>("The report as it is now."))
            .refuses(Error::Conflict(Code::ReportResolved)),
    ];
    document.slice(
        "moderation",
        include_str!("mod.rs"),
        include_str!("routes.rs"),
        operations,
    );
}
