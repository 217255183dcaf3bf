//! The state of the database and of the model in one form, to be compared.

use std::collections::BTreeMap;

use kith::platform::native::Sqlite;
use serde_json::{Value, json};

use super::{Model, Status};

/// Each table's rows, in the order of their keys.
pub type State = BTreeMap<&'static str, Vec<Value>>;

/// How each table is read: one JSON array a row.
const TABLES: [(&str, &str); 9] = [
    (
        "users",
        "select json_array(id, username, email, status, post_count) as row from users order by id",
    ),
    (
        "sessions",
        "select json_array(id, user_id, json(iif(revoked_at is null, 'true', 'false'))) as row
         from sessions order by id",
    ),
    (
        "posts",
        "select json_array(
           id, author_id, caption, visibility, reply_to, audience_id, like_count, version,
           json(iif(deleted_at is null, 'false', 'true')),
           json(iif(removed_at is null, 'false', 'true'))
         ) as row from posts order by id",
    ),
    (
        "likes",
        "select json_array(post_id, user_id) as row from likes order by post_id, user_id",
    ),
    (
        "blocks",
        "select json_array(blocker_id, blocked_id) as row from blocks order by 1",
    ),
    (
        "jobs",
        "select json_array(id, json(payload)) as row from jobs order by id",
    ),
    (
        "told",
        "select json_array(recipient_id, subject_id, actor_id) as row
         from told order by recipient_id, subject_id, actor_id",
    ),
    (
        "inboxes",
        "select json_array(user_id, last_seq, read_seq, unread_count) as row
         from inboxes order by user_id",
    ),
    (
        "notifications",
        "select json_array(
           recipient_id, subject_id, seq, actor_1, actor_2, actor_3, actor_count
         ) as row from notifications order by recipient_id, subject_id",
    ),
];

/// What the database holds.
fn stored(database: &Sqlite) -> State {
    let statements = TABLES.map(|(_, sql)| (sql, &[][..]));
    let results = database.batch(&statements).unwrap();
    TABLES
        .iter()
        .zip(results)
        .map(|((table, _), result)| {
            let rows: Vec<BTreeMap<String, String>> =
                serde_json::from_str(result.rows.get()).unwrap();
            let rows = rows
                .iter()
                .map(|row| serde_json::from_str(&row["row"]).unwrap());
            (*table, rows.collect())
        })
        .collect()
}

/// What the model holds.
fn promised(model: &Model) -> State {
    let users = model.users.iter().map(|(id, user)| {
        let status = match user.status {
            Status::Active => "active",
            Status::Suspended => "suspended",
        };
        json!([id, user.username, user.email, status, user.posts])
    });
    let sessions = model.sessions.iter();
    let sessions = sessions.map(|(id, (user, lives))| json!([id, user, lives]));
    let posts = model.posts.iter().map(|(id, post)| {
        let visibility = if post.followers_only {
            "followers"
        } else {
            "public"
        };
        json!([
            id,
            post.author,
            post.caption,
            visibility,
            post.reply_to,
            post.audience,
            model.like_count(id),
            post.version,
            post.deleted,
            post.removed
        ])
    });
    let inboxes = model
        .inboxes
        .iter()
        .map(|(user, inbox)| json!([user, inbox.last_seq, inbox.read_seq, inbox.unread()]));
    let groups = model.inboxes.iter().flat_map(|(user, inbox)| {
        inbox.groups.iter().map(move |(post, group)| {
            let mut latest = group.actors.iter().rev();
            let (first, second, third) = (latest.next(), latest.next(), latest.next());
            json!([
                user,
                post,
                group.seq,
                first,
                second,
                third,
                group.actors.len()
            ])
        })
    });
    let jobs = model.jobs.iter();
    State::from([
        ("users", users.collect()),
        ("sessions", sessions.collect()),
        ("posts", posts.collect()),
        (
            "likes",
            model.likes.iter().map(|like| json!(like)).collect(),
        ),
        (
            "blocks",
            model.blocks.iter().map(|block| json!(block)).collect(),
        ),
        (
            "jobs",
            jobs.map(|(id, job)| json!([id, job.payload()])).collect(),
        ),
        ("told", model.told.iter().map(|told| json!(told)).collect()),
        ("inboxes", inboxes.collect()),
        ("notifications", groups.collect()),
    ])
}

/// What one of the two holds and the other does not, in words; empty when all is well.
pub fn differences(model: &Model, database: &Sqlite) -> Vec<String> {
    let (stored, promised) = (stored(database), promised(model));
    let mut found = Vec::new();
    for (table, rows) in &stored {
        let only = |here: &[Value], there: &[Value], what: &str| -> Vec<String> {
            let missing = here.iter().filter(|row| !there.contains(row));
            missing
                .map(|row| format!("{what} {table}: {row}"))
                .collect()
        };
        found.extend(only(rows, &promised[table], "stored, but not promised:"));
        found.extend(only(&promised[table], rows, "promised, but not stored:"));
    }
    found
}

/// Every counter that does not equal what it counts, by the database alone.
const WRONG_COUNTERS: &str = "
select 'likes of post ' || id || ': ' || like_count as what from posts
where like_count <> (select count(*) from likes where likes.post_id = posts.id)
union all
select 'posts of ' || username || ': ' || post_count from users
where post_count <> (select count(*) from posts where author_id = users.id and deleted_at is null)
union all
select 'unread of ' || user_id || ': ' || unread_count from inboxes
where unread_count <> (
  select count(*) from notifications where recipient_id = user_id and seq > read_seq
)
union all
select 'told of ' || subject_id || ': ' || actor_count from notifications as shown
where actor_count <> (
  select count(*) from told
  where told.recipient_id = shown.recipient_id and told.subject_id = shown.subject_id
)
union all
select 'a job is left: ' || payload from jobs";

/// Every counter that does not equal its count, and every job that is left; empty when all is well.
pub fn wrong_counters(database: &Sqlite) -> Vec<String> {
    let results = database.batch(&[(WRONG_COUNTERS, &[])]).unwrap();
    let rows: Vec<BTreeMap<String, String>> = serde_json::from_str(results[0].rows.get()).unwrap();
    rows.into_iter()
        .map(|mut row| row.remove("what").unwrap())
        .collect()
}
