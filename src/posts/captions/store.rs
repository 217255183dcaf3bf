//! The tables `tags` and `post_tags`, and the jobs that tell people who were named.

use crate::id::{PostId, PostRef, UserId};
use crate::jobs::{AppendedJob, NewJobs, insert_jobs};
use crate::platform::{Batch, params};
use crate::users::post_ref;

/// Appends, after a post was written, that it is found by its hashtags, and they are found themselves, unless it is a
/// comment or for followers: nothing that most may not see is to stand before what they may. What is there already is
/// not written again.
pub(in crate::posts) fn append_tags(batch: &mut Batch, post: &PostId) {
    batch.write(
        "insert into post_tags (tag, post_id)
select t.value, p.id
from posts p
cross join json_each(p.tags) t
where p.id = ?1 and p.reply_to is null and p.visibility = 'public'
on conflict do nothing",
        params![post],
    );
    batch.write(
        "insert into tags (tag)
select t.value
from posts p
cross join json_each(p.tags) t
where p.id = ?1 and p.reply_to is null and p.visibility = 'public'
on conflict do nothing",
        params![post],
    );
    batch.write_last(
        "insert into tags_text (rowid, tag)
select g.number, g.tag
from posts p
cross join json_each(p.tags) t
cross join tags g on g.tag = t.value
where p.id = ?1 and not exists (select 1 from tags_text where rowid = g.number)",
        params![post],
    );
}

/// Appends, before a post is written anew, that it is no longer found by those of its hashtags that are not among
/// `tags`, a JSON array.
pub(in crate::posts) fn forget_tags(batch: &mut Batch, post: PostRef, tags: &str) {
    batch.write(
        concat!(
            "delete from post_tags
where post_id = ",
            post_ref!("?1", "?2"),
            " and tag in (
  select t.value
  from posts p
  cross join json_each(p.tags) t
  where p.id = ",
            post_ref!("?1", "?2"),
            " and not exists (
    select 1
    from json_each(?3) n
    where n.value = t.value
  )
)"
        ),
        post.params(params![tags]),
    );
}

/// Appends, before the post is written, a job for each person whom the post is to name and the post did not name yet:
/// if there is such an account, which is neither the author's nor that of whoever is told of the reply to
/// `reply_to`.
pub(in crate::posts) fn append_mentions(
    batch: &mut Batch,
    post: &PostId,
    author: &UserId,
    reply_to: Option<&PostId>,
    jobs: NewJobs,
) -> AppendedJob {
    jobs.append(
        batch,
        insert_jobs!(
            "json_object('kind', 'mention', 'post_id', ?6, 'actor_id', ?7, 'recipient_id', named.id)",
            "cross join users named on named.username = each.value ->> 1
where named.status = 'active'
  and named.id <> ?7
  and not exists (
    select 1
    from posts parent
    where parent.id = coalesce(?8, (select reply_to from posts where id = ?6))
      and parent.author_id = named.id
  )
  and not exists (
    select 1
    from posts p
    cross join json_each(p.mentions) m
    where p.id = ?6 and m.value ->> 'username' = named.username
  )"
        ),
        params![post, author, reply_to],
    )
}
