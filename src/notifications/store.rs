//! The tables `told`, `inboxes` and `notifications`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::pagination::{Keyed, PageRequest};
use crate::id::{JobId, PostId, UserId};
use crate::jobs;
use crate::platform::{Batch, Rows, flag, optional_json_text, params};
use crate::posts::visible;
use crate::time::Timestamp;
use crate::users::{ShortPerson, blocked_between, short_person};
use crate::viewer::Viewer;

/// SQL that is 1 if `$recipient` has not read the likes of the post `$post`, in an update of their
/// row in `inboxes`.
macro_rules! is_unread {
    ($recipient:literal, $post:literal) => {
        concat!(
            "exists (
    select 1
    from notifications n
    where n.recipient_id = ",
            $recipient,
            "
      and n.kind = 'like'
      and n.subject_id = ",
            $post,
            "
      and n.seq > read_seq
  )"
        )
    };
}

/// Does the job and deletes it, in one batch. Each statement hangs on the one before having changed
/// its row: without the job, or with the recipient told already, nothing changes.
pub(super) fn tell_of_like(
    job: &JobId,
    post: &PostId,
    actor: &UserId,
    recipient: &UserId,
    now: Timestamp,
) -> Batch {
    let mut batch = Batch::public();
    jobs::append_done(&mut batch, job);
    batch.write(
        concat!(
            "insert into told (recipient_id, kind, subject_id, actor_id)
select ?3, 'like', ?1, ?2
from posts p
join users a on a.id = ?2
where changes() = 1
  and p.id = ?1
  and p.deleted_at is null
  and p.removed_at is null
  and a.status = 'active'
  and not ",
            blocked_between!("?2", "?3"),
            "
on conflict do nothing"
        ),
        params![post, actor, recipient],
    );
    batch.write(
        concat!(
            "insert into inboxes (user_id, last_seq, unread_count)
select ?1, 1, 1
where changes() = 1
on conflict (user_id) do update set
  last_seq = last_seq + 1,
  unread_count = unread_count + not ",
            is_unread!("?1", "?2")
        ),
        params![recipient, post],
    );
    batch.write(
        "insert into notifications (
  recipient_id, kind, subject_id, seq, actor_1, created_at, updated_at
)
select ?1, 'like', ?2, last_seq, ?3, ?4, ?4
from inboxes
where changes() = 1 and user_id = ?1
on conflict (recipient_id, kind, subject_id) do update set
  seq = excluded.seq,
  actor_3 = actor_2,
  actor_2 = actor_1,
  actor_1 = excluded.actor_1,
  actor_count = actor_count + 1,
  updated_at = excluded.updated_at",
        params![recipient, post, actor, now],
    );
    batch
}

/// Does the job of a deleted post and deletes it, in one batch: takes what its author was told about
/// it out of their list, and off the counter if it is unread. That is a change like any other, so it
/// takes a number of the sequence.
pub(super) fn forget_post(job: &JobId, post: &PostId, author: &UserId) -> Batch {
    let mut batch = Batch::public();
    jobs::append_done(&mut batch, job);
    batch.write(
        concat!(
            "update inboxes
set
  last_seq = last_seq + 1,
  read_seq = iif(read_seq = last_seq, read_seq + 1, read_seq),
  unread_count = max(unread_count - ",
            is_unread!("?1", "?2"),
            ", 0)
where changes() = 1
  and user_id = ?1
  and exists (
    select 1
    from notifications
    where recipient_id = ?1 and kind = 'like' and subject_id = ?2
  )"
        ),
        params![author, post],
    );
    batch.write(
        "delete from notifications
where changes() = 1
  and recipient_id = ?1
  and kind = 'like'
  and subject_id = ?2",
        params![author, post],
    );
    batch
}

/// The state of a person's inbox.
#[derive(Debug, Deserialize)]
pub(super) struct InboxRow {
    pub(super) read_seq: i64,
    pub(super) unread_count: i64,
    pub(super) version: String,
}

/// SQL for the version of an inbox, in a query over `users u left join inboxes i`: it changes with
/// every delivery, with reading, and with the account itself, whose version its own posts bump. It
/// names the account, so that one's version is never another's.
macro_rules! version {
    () => {
        "substr(u.id, -12) || '.' || coalesce(i.last_seq, 0) || '.' || coalesce(i.read_seq, 0) || '.' || u.version"
    };
}

/// The state of the viewer's inbox, and a page of it, newest first: unless the state is `known`, in
/// which case no row of the page is read: the bound that the scan starts from is one value, and null
/// then, at which SQLite does not even begin.
pub(super) fn list(
    viewer: &Viewer,
    page: &PageRequest,
    after: i64,
    known: &[&str],
) -> (Batch, Rows<InboxRow>, Rows<ListedNotification>) {
    let mut batch = Batch::guarded(viewer);
    let inbox = batch.query(
        concat!(
            "select
  coalesce(i.read_seq, 0) as read_seq,
  coalesce(i.unread_count, 0) as unread_count,
  ",
            version!(),
            " as version
from users u
left join inboxes i on i.user_id = u.id
where u.id = ?1"
        ),
        params![viewer.user_id()],
    );
    let rows = batch.query(
        concat!(
            "select
  n.seq,
  n.kind,
  n.actor_count,
  n.created_at,
  n.updated_at,
  p.id as post_id,
  p.caption as post_caption,
  coalesce(",
            visible!("p", "a", "?1"),
            ", 0) as visible,
  ",
            short_person!("a1"),
            " as actor_1,
  ",
            short_person!("a2"),
            " as actor_2,
  ",
            short_person!("a3"),
            " as actor_3
from (
  select seq, kind, subject_id, actor_count, actor_1, actor_2, actor_3, created_at, updated_at
  from notifications
  where recipient_id = ?1
    and seq < (
      select iif(instr(?3, ' ' || ",
            version!(),
            " || ' ') = 0, ?2, null)
      from users u
      left join inboxes i on i.user_id = u.id
      where u.id = ?1
    )
  order by seq desc
  limit ?4
) n
left join posts p on p.id = n.subject_id
left join users a on a.id = p.author_id
left join users a1 on a1.id = n.actor_1 and a1.status = 'active' and not ",
            blocked_between!("a1.id", "?1"),
            "
left join users a2 on a2.id = n.actor_2 and a2.status = 'active' and not ",
            blocked_between!("a2.id", "?1"),
            "
left join users a3 on a3.id = n.actor_3 and a3.status = 'active' and not ",
            blocked_between!("a3.id", "?1"),
            "
order by n.seq desc"
        ),
        params![
            viewer.user_id(),
            after,
            format!(" {} ", known.join(" ")),
            page.rows()
        ],
    );
    (batch, inbox, rows)
}

/// A candidate of the list: a group, as far as the viewer may see it.
#[derive(Debug, Deserialize)]
pub(super) struct ListedNotification {
    seq: i64,
    kind: String,
    actor_count: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(deserialize_with = "flag")]
    visible: bool,
    post_id: Option<PostId>,
    post_caption: Option<String>,
    #[serde(deserialize_with = "optional_json_text")]
    actor_1: Option<ShortPerson>,
    #[serde(deserialize_with = "optional_json_text")]
    actor_2: Option<ShortPerson>,
    #[serde(deserialize_with = "optional_json_text")]
    actor_3: Option<ShortPerson>,
}

/// A notification as it is answered.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(description = "What a person is told: a group of events of one kind about one thing.")]
pub(super) struct Notification {
    /// Its number in the recipient's sequence. A change takes a new one.
    #[schemars(range(min = 1), example = 7)]
    seq: i64,
    /// What happened: `like`. Other kinds will come.
    #[schemars(example = &"like")]
    kind: String,
    /// Who did it: the latest, at most three, as far as the recipient may see them.
    #[schemars(length(max = 3))]
    actors: Vec<ShortPerson>,
    /// How many did it.
    #[schemars(range(min = 1), example = 1)]
    actor_count: i64,
    /// The post it is about.
    post: Option<NotificationPost>,
    /// The order it is about: none yet.
    #[schemars(example = None::<String>)]
    order_id: Option<String>,
    /// When the first of it happened.
    created_at: Timestamp,
    /// When the latest of it happened.
    updated_at: Timestamp,
    /// Whether the recipient has read it.
    read: bool,
}

/// The post a notification is about.
#[derive(Debug, JsonSchema, Serialize)]
struct NotificationPost {
    id: PostId,
    /// What it says.
    #[schemars(example = &"Morning light on the harbour")]
    caption: String,
    /// Its picture: none yet.
    #[schemars(example = None::<String>)]
    thumb_url: Option<String>,
}

impl Keyed for ListedNotification {
    fn key(&self) -> String {
        self.seq.to_string()
    }
}

impl ListedNotification {
    /// Whether the viewer may see the post and somebody who acted: one of the latest, or one of
    /// those before them, who are counted but not named.
    pub(super) fn is_visible(&self) -> bool {
        let latest = [&self.actor_1, &self.actor_2, &self.actor_3];
        let named = latest.into_iter().any(Option::is_some);
        let before_them = self.actor_count > 3;
        self.visible && (named || before_them)
    }

    /// What is answered, to someone who has read everything up to `read_seq`.
    pub(super) fn show(self, read_seq: i64) -> Notification {
        let post = self.post_id.zip(self.post_caption);
        Notification {
            seq: self.seq,
            kind: self.kind,
            actors: [self.actor_1, self.actor_2, self.actor_3]
                .into_iter()
                .flatten()
                .collect(),
            actor_count: self.actor_count,
            post: post.map(|(id, caption)| NotificationPost {
                id,
                caption,
                thumb_url: None,
            }),
            order_id: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            read: self.seq <= read_seq,
        }
    }
}

/// How many rows either side of the watermark is counted by.
const COUNTED: i64 = 200;

/// Moves the viewer's watermark up to `up_to`, never back and never beyond what there is.
///
/// Usually everything is read, and nothing is counted. Else what stays unread is counted, up to
/// [`COUNTED`]; and if there is more, what is newly read is taken off the counter. So a number below
/// [`COUNTED`] is exact, and one from there on says that at least that many are unread.
pub(super) fn mark_read(viewer: &Viewer, up_to: i64) -> Batch {
    let mut batch = Batch::guarded(viewer);
    batch.write(
        "update inboxes
set
  read_seq = min(?2, last_seq),
  unread_count = case
    when ?2 >= last_seq then 0
    else (
      select case
        when still_unread < ?3 then still_unread
        when newly_read < ?3 then max(unread_count - newly_read, ?3)
        else ?3
      end
      from (
        select
          (
            select count(*)
            from (
              select 1
              from notifications
              where recipient_id = ?1 and seq > read_seq and seq <= ?2
              limit ?3
            )
          ) as newly_read,
          (
            select count(*)
            from (
              select 1
              from notifications
              where recipient_id = ?1 and seq > ?2
              limit ?3
            )
          ) as still_unread
      )
    )
  end
where user_id = ?1 and read_seq < min(?2, last_seq)",
        params![viewer.user_id(), up_to, COUNTED],
    );
    batch
}
