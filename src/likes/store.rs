//! The `likes` table.

use serde::Deserialize;

use crate::auth::{MaybeViewer, Viewer};
use crate::http::pagination::{Candidate, PageRequest};
use crate::id::PostId;
use crate::jobs::{AppendedJob, NewJob, insert_job};
use crate::platform::{Batch, Rows, flag, json_text, params};
use crate::posts::{self, LikeCountRow};
use crate::time::Timestamp;
use crate::users::{ShortPerson, blocked_between, short_person};

/// A like, its count and its job, in one batch. A second like of the same account changes nothing.
pub(super) fn like(
    viewer: &Viewer,
    post: &PostId,
    job: NewJob,
    now: Timestamp,
) -> (Batch, Rows<LikeCountRow>, AppendedJob) {
    let mut batch = Batch::guarded(viewer);
    posts::require_visible(&mut batch, &viewer.clone().into(), post);
    batch.write(
        "insert into likes (post_id, user_id, created_at)
values (?1, ?2, ?3)
on conflict do nothing",
        params![post, viewer.user_id(), now],
    );
    posts::append_like_count(&mut batch, post, 1);
    let job = job.append(
        &mut batch,
        insert_job!(
            "json_object('kind', 'like', 'post_id', p.id, 'actor_id', ?7, 'recipient_id', p.author_id)",
            "from posts p
where changes() = 1
  and p.id = ?6
  and p.author_id <> ?7
  and not exists (
    select 1
    from told
    where recipient_id = p.author_id
      and kind = 'like'
      and subject_id = p.id
      and actor_id = ?7
  )"
        ),
        params![post, viewer.user_id()],
    );
    let count = posts::select_like_count(&mut batch, post);
    (batch, count, job)
}

/// Takes a like and its count away. Changes nothing where there is none.
pub(super) fn unlike(viewer: &Viewer, post: &PostId) -> (Batch, Rows<LikeCountRow>) {
    let mut batch = Batch::guarded(viewer);
    posts::require_visible(&mut batch, &viewer.clone().into(), post);
    batch.write(
        "delete from likes
where post_id = ?1 and user_id = ?2",
        params![post, viewer.user_id()],
    );
    posts::append_like_count(&mut batch, post, -1);
    let count = posts::select_like_count(&mut batch, post);
    (batch, count)
}

/// A page of who likes a post, newest like first.
pub(super) fn list(
    viewer: &MaybeViewer,
    post: &PostId,
    page: &PageRequest,
    after: &Place,
) -> (Batch, Rows<ListedLike>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    posts::require_visible(&mut batch, viewer, post);
    let rows = batch.query(
        concat!(
            "select ",
            short_person!("u"),
            " as person, c.created_at, u.id as user_id, u.status = 'active' and not ",
            blocked_between!("u.id", "?1"),
            " as visible, c.place = ?5 as is_last
from (
  select user_id, created_at, row_number() over () as place
  from (
    select user_id, created_at
    from likes
    where post_id = ?2 and (created_at, user_id) < (?3, ?4)
    order by created_at desc, user_id desc
    limit ?5
  )
) c
join users u on u.id = c.user_id
where visible or is_last
order by c.created_at desc, c.user_id desc
limit ?6"
        ),
        params![
            viewer.user_id(),
            post,
            after.created_at,
            after.user_id.as_str(),
            page.candidates(),
            page.rows(),
        ],
    );
    (batch, rows)
}

/// A place in a list of likes: the key of the like before it.
#[derive(Debug)]
pub(super) struct Place {
    created_at: i64,
    user_id: String,
}

impl Place {
    /// The place that a cursor's key names; the beginning without one.
    pub(super) fn after(key: Option<&str>) -> Option<Self> {
        let Some(key) = key else {
            // Later than every time that 53 bits can hold, and after every id.
            return Some(Self {
                created_at: 1 << 53,
                user_id: "~".to_owned(),
            });
        };
        let (created_at, user_id) = key.split_once(' ')?;
        Some(Self {
            created_at: created_at.parse().ok()?,
            user_id: user_id.to_owned(),
        })
    }
}

/// A candidate of a list of likes.
#[derive(Debug, Deserialize)]
pub(super) struct ListedLike {
    #[serde(deserialize_with = "json_text")]
    person: ShortPerson,
    created_at: i64,
    user_id: String,
    #[serde(deserialize_with = "flag")]
    visible: bool,
    #[serde(deserialize_with = "flag")]
    is_last: bool,
}

impl Candidate for ListedLike {
    type Entry = ShortPerson;

    fn is_visible(&self) -> bool {
        self.visible
    }

    fn is_last(&self) -> bool {
        self.is_last
    }

    fn key(&self) -> String {
        format!("{} {}", self.created_at, self.user_id)
    }

    fn into_entry(self) -> ShortPerson {
        self.person
    }
}
