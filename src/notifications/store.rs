//! The tables `inboxes` and `notifications`, as their owner reads them and marks them read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::http::pagination::{Keyed, PageRequest};
use crate::id::PostId;
use crate::platform::{Batch, Rows, flag, optional_json_text, params};
use crate::posts::visible;
use crate::time::Timestamp;
use crate::users::{ShortPerson, is_met, muted_by, short_person};
use crate::viewer::Viewer;

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

/// SQL that joins the account of `$id` as `$row`, if it may be named to the viewer `?1`.
macro_rules! actor {
    ($row:literal, $id:literal) => {
        concat!(
            "
left join users ",
            $row,
            " on ",
            $row,
            ".id = ",
            $id,
            " and ",
            is_met!($row, "?1"),
            " and not ",
            muted_by!($id, "?1")
        )
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
            ", 0) as post_visible,
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
left join users a on a.id = p.author_id",
            actor!("a1", "n.actor_1"),
            actor!("a2", "n.actor_2"),
            actor!("a3", "n.actor_3"),
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
    /// Whether the viewer may see the post, if there is one.
    #[serde(deserialize_with = "flag")]
    post_visible: bool,
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
    /// What happened. Other kinds will come.
    #[schemars(extend("enum" = Kind::ALL.map(Kind::as_str)))]
    kind: String,
    /// Who did it: the latest, at most three, as far as the recipient may see them.
    #[schemars(length(max = 3))]
    actors: Vec<ShortPerson>,
    /// How many did it: none where the moderators did.
    #[schemars(range(min = 0), example = 1)]
    actor_count: i64,
    /// The post it is about: the one they like, the comment they wrote, the one that names the recipient, or the
    /// one that the moderators did something about. None where it is about the recipient.
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
    /// What it says. Empty if it was taken away.
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
    /// Whether the viewer may see somebody who acted: one of the latest, or one of those before them, who are
    /// counted but not named; and the post, if it is about one. What the moderators did is always shown.
    pub(super) fn is_visible(&self) -> bool {
        let latest = [&self.actor_1, &self.actor_2, &self.actor_3];
        let named = latest.into_iter().any(Option::is_some);
        let somebody = named || self.actor_count > 3;
        match Kind::named(&self.kind) {
            Some(Kind::Moderation) => true,
            Some(Kind::Follow | Kind::FollowRequest) => somebody,
            Some(Kind::Like | Kind::Comment | Kind::Reply | Kind::Mention) => {
                somebody && self.post_visible
            }
            // Told by a later version.
            None => false,
        }
    }

    /// What is answered, to someone who has read everything up to `read_seq`.
    pub(super) fn show(self, read_seq: i64) -> Notification {
        let post = self.post_id.zip(self.post_caption);
        let by_moderators = self.kind == Kind::Moderation.as_str();
        Notification {
            seq: self.seq,
            kind: self.kind,
            actors: [self.actor_1, self.actor_2, self.actor_3]
                .into_iter()
                .flatten()
                .collect(),
            actor_count: if by_moderators { 0 } else { self.actor_count },
            post: post.map(|(id, caption)| NotificationPost {
                id,
                caption: if self.post_visible {
                    caption
                } else {
                    String::new()
                },
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
