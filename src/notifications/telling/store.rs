//! How the tables `told`, `inboxes` and `notifications` come to hold what a person is told, and to hold it no more.

use crate::id::{JobId, PostId, UserId};
use crate::jobs::{self, News};
use crate::notifications::Kind;
use crate::platform::{Batch, params};
use crate::posts::visible;
use crate::time::Timestamp;
use crate::users::{is_met, muted_by, told_of_post};

/// Nobody in particular, as an actor: of what the moderators did.
const NOBODY: &str = "";

/// SQL that notes that `?3` was told as `?4` about `?1` of what `?2` did, if the statement before changed a row
/// and `$source`, a `from` clause and more conditions, gives one.
macro_rules! note_told {
    ($source:expr) => {
        concat!(
            "insert into told (recipient_id, kind, subject_id, actor_id)
select ?3, ?4, ?1, ?2
",
            $source,
            "
on conflict do nothing"
        )
    };
}

/// Conditions: the account `a` acted, and `?3` may be told so.
macro_rules! may_be_named {
    () => {
        concat!(
            "a.id = ?2
  and ",
            is_met!("a", "?3"),
            "
  and not ",
            muted_by!("?2", "?3")
        )
    };
}

/// What the moderators did is told each time: the job stands for who did it.
const NOTE_MODERATION: &str = note_told!("where changes() = 1");

/// What somebody did to the recipient.
const NOTE_PERSON: &str = note_told!(concat!(
    "from users a
where changes() = 1
  and ",
    may_be_named!()
));

/// What somebody did to a post or by one, if the recipient may see it. A comment on something of the
/// recipient's is told as that, and not once more because it names them.
const NOTE_POST: &str = note_told!(concat!(
    "from posts p
cross join users author on author.id = p.author_id
cross join users a
where changes() = 1
  and p.id = ?1
  and p.deleted_at is null
  and p.removed_at is null
  and (p.author_id = ?3 or ",
    visible!("p", "author", "?3"),
    ")
  and ",
    may_be_named!(),
    "
  and (?4 <> 'mention' or not exists (
    select 1
    from posts
    where id = p.reply_to and author_id = ?3
  ))"
));

/// Does the job and deletes it, in one batch. Each statement hangs on the one before having changed
/// its row: without the job, or with the recipient told already, nothing changes.
pub(super) fn tell(job: &JobId, news: &News, now: Timestamp) -> Batch {
    let (kind, recipient) = (news.kind.as_str(), &news.recipient_id);
    // What is about nobody's post is about the recipient.
    let post = news.post_id.as_ref().map(PostId::as_str);
    let subject = post.unwrap_or(recipient.as_str());
    let actor = news.actor_id.as_ref().map_or(NOBODY, UserId::as_str);
    let (note, by) = match news.kind {
        Kind::Moderation => (NOTE_MODERATION, job.as_str()),
        Kind::Follow | Kind::FollowRequest => (NOTE_PERSON, actor),
        Kind::Like | Kind::Comment | Kind::Reply | Kind::Mention => (NOTE_POST, actor),
    };
    let mut batch = Batch::public();
    jobs::append_done(&mut batch, job);
    batch.write(note, params![subject, by, recipient, kind]);
    batch.write(
        "insert into inboxes (user_id, last_seq, unread_count)
select ?1, 1, 1
where changes() = 1
on conflict (user_id) do update set
  last_seq = last_seq + 1,
  unread_count = unread_count + not exists (
    select 1
    from notifications n
    where n.recipient_id = ?1
      and n.kind = ?2
      and n.subject_id = ?3
      and n.seq > read_seq
  )",
        params![recipient, kind, subject],
    );
    batch.write(
        "insert into notifications (
  recipient_id, kind, subject_id, seq, actor_1, created_at, updated_at
)
select ?1, ?2, ?3, last_seq, ?4, ?5, ?5
from inboxes
where changes() = 1 and user_id = ?1
on conflict (recipient_id, kind, subject_id) do update set
  seq = excluded.seq,
  actor_3 = actor_2,
  actor_2 = actor_1,
  actor_1 = excluded.actor_1,
  actor_count = actor_count + 1,
  updated_at = excluded.updated_at",
        params![recipient, kind, subject, actor, now],
    );
    batch
}

/// Who may have been told about the post `?1` of the author `?2`. Where more were told that it names them, those who
/// are left do not see it either: it counts as unread until they have read on.
macro_rules! those_told {
    () => {
        concat!(
            "(
  ",
            told_of_post!(
                "select ?2 as author_id, reply_to from posts where id = ?1",
                "?1"
            ),
            "
  )"
        )
    };
}

/// Conditions: a notification of `$recipient`'s is about the post `?1`. What the moderators did about it is not
/// meant.
macro_rules! about_post {
    ($recipient:expr) => {
        concat!(
            "recipient_id ",
            $recipient,
            "
  and kind in ('like', 'comment', 'reply', 'mention')
  and subject_id = ?1"
        )
    };
}

/// Does the job of a post that is gone and deletes it, in one batch: takes what people were told about
/// it out of their lists, and off their counters where it is unread. To each of them that is a change like any
/// other, so it takes a number of their sequence.
pub(super) fn forget_post(job: &JobId, post: &PostId, author: &UserId) -> Batch {
    let mut batch = Batch::public();
    jobs::append_done(&mut batch, job);
    batch.write(
        concat!(
            "update inboxes
set
  last_seq = last_seq + 1,
  read_seq = iif(read_seq = last_seq, read_seq + 1, read_seq),
  unread_count = max(0, unread_count - (
    select sum(seq > read_seq)
    from notifications
    where ",
            about_post!("= user_id"),
            "
  ))
where changes() = 1
  and user_id in ",
            those_told!(),
            "
  and exists (
    select 1
    from notifications
    where ",
            about_post!("= user_id"),
            "
  )"
        ),
        params![post, author],
    );
    batch.write(
        concat!(
            "delete from notifications
where changes() > 0
  and ",
            about_post!(concat!("in ", those_told!()))
        ),
        params![post, author],
    );
    batch
}
