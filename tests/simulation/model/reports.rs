//! What people report, and what moderators do about it.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Id, Model};

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    pub reporter: Id,
    /// Who is reported, or wrote what is.
    pub account: Id,
    pub post: Option<Id>,
    pub reason: &'static str,
    pub created_at: Timestamp,
    pub resolution: Option<Resolution>,
}

/// What was done about a report.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub action: &'static str,
    pub note: &'static str,
    pub by: Id,
    pub at: Timestamp,
}

impl Model {
    /// The open report of somebody about the same.
    pub fn open_report(&self, reporter: &str, account: &str, post: Option<&Id>) -> Option<&Id> {
        let mut reports = self.reports.iter();
        let found = reports.find(|(_, report)| {
            report.resolution.is_none()
                && report.reporter == reporter
                && report.account == account
                && report.post.as_ref() == post
        });
        found.map(|(id, _)| id)
    }

    /// A report as whoever made it sees it.
    pub fn report(&self, id: &str) -> Value {
        let report = &self.reports[id];
        let username = report
            .post
            .is_none()
            .then(|| &self.users[&report.account].username);
        json!({
            "id": id,
            "post_id": report.post,
            "username": username,
            "reason": report.reason,
            "comment": "",
            "created_at": report.created_at,
        })
    }

    /// A report as moderators see it.
    pub fn moderated_report(&self, id: &str) -> Value {
        let report = &self.reports[id];
        let mut account = self.short(&report.account);
        account["role"] = json!(self.users[&report.account].role);
        account["status"] = json!(self.users[&report.account].status.name());
        let post = report.post.as_ref().map(|id| {
            let post = &self.posts[id];
            let state = match (post.deleted, post.removed) {
                (true, _) => "deleted",
                (false, true) => "removed",
                (false, false) => "there",
            };
            let visibility = if post.followers_only {
                "followers"
            } else {
                "public"
            };
            json!({"id": id, "caption": post.caption, "visibility": visibility, "state": state})
        });
        let resolution = report.resolution.as_ref().map(|resolution| {
            json!({
                "action": resolution.action,
                "note": resolution.note,
                "by": self.short(&resolution.by),
                "at": resolution.at,
            })
        });
        json!({
            "id": id,
            "reporter": self.short(&report.reporter),
            "account": account,
            "post": post,
            "reason": report.reason,
            "comment": "",
            "created_at": report.created_at,
            "resolution": resolution,
        })
    }
}
