//! The `reports` table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{Action, NewReport, Reason, ReportStatus, Resolution};
use crate::audit::{self, Event, insert_event};
use crate::http::idempotency::{IdempotencyKey, NewRow, record_answer};
use crate::http::pagination::{Keyed, PageRequest};
use crate::id::{PostId, ReportId, UserId};
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, json_text, optional_json_text, params};
use crate::posts::{self, Removal, reportable};
use crate::time::Timestamp;
use crate::users::{self, ShortPerson, is_found, short_person};
use crate::viewer::{Moderator, Viewer};

/// A report as whoever made it sees it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(description = "A report.")]
pub(super) struct Report {
    pub(super) id: ReportId,
    /// The post reported; null where a person is.
    post_id: Option<PostId>,
    /// The person reported; null where a post is.
    #[schemars(example = None::<String>)]
    username: Option<String>,
    reason: Reason,
    /// What the moderators should know.
    #[schemars(example = &"The same under every post.")]
    comment: String,
    created_at: Timestamp,
}

/// The id of the account that wrote the post `$post` or has the username `$username`, of which one is null.
macro_rules! reported {
    ($post:literal, $username:literal) => {
        concat!(
            "coalesce(
  (select author_id from posts where id = ",
            $post,
            "),
  (select id from users where username = ",
            $username,
            ")
)"
        )
    };
}

/// The open report of the reporter `$reporter` about the post `$post` or the username `$username`.
macro_rules! open_report {
    ($reporter:literal, $post:literal, $username:literal) => {
        concat!(
            "from reports r indexed by reports_once
join users u on u.id = r.account_id
where r.resolved_at is null
  and r.reporter_id = ",
            $reporter,
            "
  and r.account_id = ",
            reported!($post, $username),
            "
  and coalesce(r.post_id, '') = coalesce(",
            $post,
            ", '')"
        )
    };
}

/// Stores a report of the viewer's and answers with it, once for each `key`; if they have reported the same and
/// it is still open, answers with that. `count` appends what counts it.
///
/// Aborts where the viewer could not see what they report even if they blocked nobody, and where it is their own.
pub(super) fn report<C>(
    viewer: &Viewer,
    id: &ReportId,
    report: &NewReport,
    key: Option<&IdempotencyKey>,
    count: impl FnOnce(&mut Batch) -> C,
    now: Timestamp,
) -> (Batch, NewRow<Report>, C) {
    let mut batch = Batch::guarded(viewer);
    if let Some(key) = key {
        key.require_unused(&mut batch, viewer, now);
    }
    let counted = count(&mut batch);
    let (me, target) = (viewer.user_id(), &report.target);
    batch.require(
        concat!(
            "select json_extract('{}', coalesce((
  select iif(p.author_id = ?1, 'abort:own_report', '$')
  from posts p
  join users a on a.id = p.author_id
  where p.id = ?2 and ",
            reportable!("p", "a", "?1"),
            "
), (
  select iif(u.id = ?1, 'abort:own_report', '$')
  from users u
  where u.username = ?3 and ",
            is_found!("u", "?1"),
            "
), 'abort:not_found'))"
        ),
        params![me, target.post(), target.username()],
    );
    batch.write(
        concat!(
            "insert into reports (id, reporter_id, account_id, post_id, reason, comment, created_at)
values (?1, ?2, ",
            reported!("?3", "?4"),
            ", ?3, ?5, ?6, ?7)
on conflict do nothing"
        ),
        params![
            id,
            me,
            target.post(),
            target.username(),
            report.reason.as_str(),
            report.comment.as_str(),
            now
        ],
    );
    let row = match key {
        None => NewRow::Plain(batch.query(
            concat!(
                "select r.id, r.post_id, iif(r.post_id is null, u.username, null) as username,
  r.reason, r.comment, r.created_at
",
                open_report!("?1", "?2", "?3")
            ),
            params![me, target.post(), target.username()],
        )),
        Some(key) => key.record(
            &mut batch,
            viewer,
            now,
            record_answer!(
                "json_object(
  'id', r.id, 'post_id', r.post_id, 'username', iif(r.post_id is null, u.username, null),
  'reason', r.reason, 'comment', r.comment, 'created_at', r.created_at
)",
                open_report!("?1", "?5", "?6")
            ),
            params![target.post(), target.username()],
        ),
    };
    (batch, row, counted)
}

/// A report as moderators see it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(description = "A report as moderators see it.")]
pub(super) struct ModeratedReport {
    id: ReportId,
    /// Who reports.
    #[serde(deserialize_with = "json_text")]
    reporter: ShortPerson,
    /// Who is reported, or wrote what is.
    #[serde(deserialize_with = "json_text")]
    account: ReportedAccount,
    /// The post reported; null where a person is.
    #[serde(deserialize_with = "optional_json_text")]
    post: Option<ReportedPost>,
    reason: Reason,
    /// What the reporter says.
    #[schemars(example = &"The same under every post.")]
    comment: String,
    created_at: Timestamp,
    /// What was done about it; null while it is open.
    #[serde(deserialize_with = "optional_json_text")]
    resolution: Option<Resolved>,
}

/// Whoever is reported.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct ReportedAccount {
    /// The account.
    id: UserId,
    /// Its public address.
    #[schemars(example = &"ben")]
    username: String,
    /// The name shown.
    #[schemars(example = &"Ben Okafor")]
    display_name: String,
    /// The picture shown.
    #[schemars(example = None::<String>)]
    avatar_url: Option<String>,
    /// What the account may do beyond its own.
    #[schemars(extend("enum" = ["user", "moderator", "admin"]))]
    role: String,
    /// Whether it may act.
    #[schemars(extend("enum" = ["active", "suspended", "deleted"]))]
    status: String,
}

/// The post reported, whoever may see it otherwise.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct ReportedPost {
    /// The post.
    id: PostId,
    /// What it says; nothing once its author has deleted it.
    #[schemars(example = &"Cheap watches")]
    caption: String,
    /// Who may see it.
    #[schemars(extend("enum" = ["public", "followers"]))]
    visibility: String,
    /// Whether it is there.
    #[schemars(extend("enum" = ["there", "removed", "deleted"]))]
    state: String,
}

/// What was done about a report.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Resolved {
    /// What.
    action: Action,
    /// For other moderators.
    #[schemars(example = &"Third time this week.")]
    note: String,
    /// By whom.
    by: ShortPerson,
    /// When.
    at: Timestamp,
}

impl Keyed for ModeratedReport {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// The query for each [`ModeratedReport`] whose id `$candidates` selects.
macro_rules! moderated {
    ($candidates:expr) => {
        concat!(
            "select r.id,
  ",
            short_person!("w"),
            " as reporter,
  json_object(
    'id', a.id, 'username', a.username, 'display_name', a.display_name,
    'avatar_url', a.avatar_url, 'role', a.role, 'status', a.status
  ) as account,
  iif(p.id is null, null, json_object(
    'id', p.id, 'caption', p.caption, 'visibility', p.visibility, 'state', case
      when p.deleted_at is not null then 'deleted'
      when p.removed_at is not null then 'removed'
      else 'there'
    end
  )) as post,
  r.reason,
  r.comment,
  r.created_at,
  iif(r.resolved_at is null, null, json_object(
    'action', r.action, 'note', r.note, 'by', json(",
            short_person!("m"),
            "), 'at', r.resolved_at
  )) as resolution
from (
  ",
            $candidates,
            "
) c
cross join reports r on r.id = c.id
cross join users w on w.id = r.reporter_id
cross join users a on a.id = r.account_id
left join posts p on p.id = r.post_id
left join users m on m.id = r.resolved_by
order by c.id desc"
        )
    };
}

/// A page of the reports of this status, newest first.
pub(super) fn list(
    moderator: &Moderator,
    status: ReportStatus,
    page: &PageRequest,
) -> (Batch, Rows<ModeratedReport>) {
    let mut batch = Batch::guarded_for_moderator(moderator);
    let rows = batch.query(
        match status {
            ReportStatus::Open => moderated!(
                "select id
  from reports indexed by reports_open
  where resolved_at is null and id < ?1
  order by id desc
  limit ?2"
            ),
            ReportStatus::Resolved => moderated!(
                "select id
  from reports indexed by reports_resolved
  where resolved_at is not null and id < ?1
  order by id desc
  limit ?2"
            ),
        },
        params![page.before_id(), page.rows()],
    );
    (batch, rows)
}

/// What a resolution leaves besides, as far as its action has use for it.
pub(super) struct Effects {
    pub(super) resolved: Event,
    pub(super) suspended: Event,
    pub(super) removal: Removal,
}

/// Resolves a report, which is done once, and answers with it.
///
/// Aborts where there is no such report, where it was resolved before, where it is not about the post that is to
/// be removed, and where the moderator may not suspend the account.
pub(super) fn resolve(
    moderator: &Moderator,
    report: &ReportId,
    resolution: &Resolution,
    effects: Effects,
    now: Timestamp,
) -> (Batch, Rows<ModeratedReport>, Vec<AppendedJob>) {
    let (me, action) = (moderator.user_id(), resolution.action);
    let mut batch = Batch::guarded_for_moderator(moderator);
    batch.require(
        "select json_extract('{}', coalesce((
  select case
    when r.resolved_at is not null then 'abort:report_resolved'
    when ?3 = 'remove_post' and r.post_id is null then 'abort:no_post_reported'
    when ?3 = 'suspend' and (a.id = m.id or a.role <> 'user' and m.role <> 'admin')
      then 'abort:role_required'
    else '$'
  end
  from reports r
  join users a on a.id = r.account_id
  join users m on m.id = ?2
  where r.id = ?1
), 'abort:not_found'))",
        params![report, me, action.as_str()],
    );
    batch.write(
        "update reports
set resolved_at = ?3, resolved_by = ?2, action = ?4, note = ?5
where id = ?1",
        params![report, me, now, action.as_str(), resolution.note.as_str()],
    );
    audit::append_selected(
        &mut batch,
        &effects.resolved,
        insert_event!(
            "?5",
            "account_id",
            "null",
            "json_object('report_id', id, 'action', action, 'post_id', post_id)",
            "from reports
where id = ?6"
        ),
        params![me, report],
    );
    let jobs = match action {
        Action::Dismiss => vec![],
        Action::RemovePost => {
            posts::append_removal_of_reported(&mut batch, report, me, effects.removal, now).into()
        }
        Action::Warn => vec![append_warning(&mut batch, report, effects.removal.news)],
        Action::Suspend => {
            append_suspension(&mut batch, report, me, &effects.suspended);
            vec![]
        }
    };
    let row = batch.query(moderated!("select ?1 as id"), params![report]);
    (batch, row, jobs)
}

/// Appends the job that tells whoever a report is about.
fn append_warning(batch: &mut Batch, report: &ReportId, job: NewJob) -> AppendedJob {
    job.append(
        batch,
        insert_job!(
            "json_object('kind', 'moderation', 'post_id', post_id, 'recipient_id', account_id)",
            "from reports
where id = ?6"
        ),
        params![report],
    )
}

/// Appends the suspension of whoever a report is about, and its event: nothing, if they are not active.
fn append_suspension(batch: &mut Batch, report: &ReportId, by: &UserId, event: &Event) {
    audit::append_selected(
        batch,
        event,
        insert_event!(
            "?5",
            "u.id",
            "null",
            "json_object('from', u.status, 'to', 'suspended')",
            "from reports r
join users u on u.id = r.account_id
where r.id = ?6 and u.status = 'active'"
        ),
        params![by, report],
    );
    users::append_suspension_of_reported(batch, report);
}
