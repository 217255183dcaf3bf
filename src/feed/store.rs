//! The feed's query, over tables of others.

use serde::Deserialize;

use crate::http::pagination::{Keyed, PageRequest};
use crate::id::PostId;
use crate::platform::{Batch, Rows, optional_json_text, params};
use crate::posts::{Post, post_json, visible};
use crate::users::muted_by;
use crate::viewer::Viewer;

/// SQL for the id of the newest post by `$author` before the id `$before`, or null: one row of an index that holds
/// posts which are there, and no comments. The index is named because the planner might change its mind after
/// `analyze`.
macro_rules! newest_before {
    ($author:literal, $before:literal) => {
        concat!(
            "(
      select id
      from posts indexed by posts_by_author
      where author_id = ",
            $author,
            "
        and reply_to is null
        and deleted_at is null
        and removed_at is null
        and id < ",
            $before,
            "
      order by id desc
      limit 1
    )"
        )
    };
}

/// A page of the viewer's feed, and one candidate more.
///
/// It merges the posts of all authors as one merges sorted piles: the newest post of each author lies in a queue; the
/// newest of the queue is taken, and that author's next older one put in. `order by` and `limit` inside the
/// recursion are that queue. So it looks at three rows for each whom the viewer follows, the follow, the account
/// and the post, and at one for each post it takes, however many posts there are and however far the page is.
///
/// The rows come in the order of the queue, because `cross join` keeps the merge outermost, but SQLite promises no
/// order to a query that asks for none, and to ask would read each row once more: [`newest_first`] sorts them.
///
/// Whoever is muted or not active puts nothing in. Where one of two blocks the other there is no follow; should
/// there be one all the same, the predicate hides the posts, and the page is short.
pub(super) fn list(viewer: &Viewer, page: &PageRequest) -> (Batch, Rows<Candidate>) {
    let mut batch = Batch::guarded(viewer);
    let rows = batch.query(
        concat!(
            "with recursive merged (id, author_id) as (
  select ",
            newest_before!("s.author_id", "?2"),
            ", s.author_id
  from (
    select f.followee_id as author_id
    from follows f
    cross join users u on u.id = f.followee_id
    where f.follower_id = ?1
      and f.state = 'accepted'
      and u.status = 'active'
      and not ",
            muted_by!("f.followee_id", "?1"),
            "
    union all
    select ?1
  ) s
  union all
  select ",
            newest_before!("m.author_id", "m.id"),
            ", m.author_id
  from merged m
  where m.id is not null
  order by 1 desc
  limit ?3
)
select m.id, iif(",
            visible!("p", "a", "?1"),
            ", ",
            post_json!("p", "a", "?1"),
            ", null) as post
from merged m
cross join posts p on p.id = m.id
cross join users a on a.id = p.author_id"
        ),
        params![viewer.user_id(), page.before_id(), page.rows()],
    );
    (batch, rows)
}

/// A post of the feed, or the place of one that the viewer may not see, so that the list goes on behind it.
#[derive(Debug, Deserialize)]
pub(super) struct Candidate {
    id: PostId,
    #[serde(deserialize_with = "optional_json_text")]
    post: Option<Post>,
}

/// Puts candidates in the order of the list, whatever order they were read in.
pub(super) fn newest_first(mut rows: Vec<Candidate>) -> Vec<Candidate> {
    rows.sort_unstable_by(|one, other| other.id.as_str().cmp(one.id.as_str()));
    rows
}

impl Candidate {
    /// The post, if the viewer may see it.
    pub(super) fn post(self) -> Option<Post> {
        self.post
    }
}

impl Keyed for Candidate {
    fn key(&self) -> String {
        self.id.to_string()
    }
}
