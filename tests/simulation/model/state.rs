//! The state of the database and of the model in one form, to be compared.

use std::collections::BTreeMap;

use kith::platform::native::Sqlite;
use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Event, Id, Model, OLDER_HASH, Registration, User};

/// Each table's rows, in the order of their keys.
pub type State = BTreeMap<&'static str, Vec<Value>>;

/// How each table is read: one JSON array a row.
const TABLES: [(&str, &str); 18] = [
    (
        "users",
        "select json_array(
           id, username, email, status, post_count, created_at, display_name, bio, locked, profile_version,
           role, plan, standing_version, email_verified_at, credential_version,
           following_count, requested_count, follower_count,
           json(iif(instr(password_hash, '$m=19456,t=2,p=1$') > 0, 'true', 'false'))
         ) as row from users order by id",
    ),
    (
        "audit_events",
        "select json_array(id, at, kind, actor_id, account_id, session_id, json(details)) as row
         from audit_events order by id",
    ),
    (
        "reports",
        "select json_array(
           id, reporter_id, account_id, post_id, reason, created_at, action, note, resolved_by, resolved_at
         ) as row from reports order by id",
    ),
    (
        "setup_tokens",
        "select json_array(hash, expires_at) as row from setup_tokens order by hash",
    ),
    (
        // How many each account has, because which they are cannot be read.
        "devices",
        "select json_array(user_id, count(*)) as row from devices group by user_id order by user_id",
    ),
    (
        "sessions",
        "select json_array(
           id, user_id, created_at, expires_at, current_hash, previous_hash, generation, rotated_at,
           last_used_at,
           json(iif(revoked_at is null, 'true', 'false'))
         ) as row from sessions order by id",
    ),
    (
        "registrations",
        "select json_array(id, username, email, display_name, created_at, expires_at) as row
         from registrations order by id",
    ),
    (
        "posts",
        "select json_array(
           id, author_id, caption, json(tags), json(mentions), visibility, reply_to, audience_id,
           like_count, comment_count, version, created_at, edited_at,
           json(iif(deleted_at is null, 'false', 'true')),
           json(iif(removed_at is null, 'false', 'true'))
         ) as row from posts order by id",
    ),
    (
        "post_tags",
        "select json_array(tag, post_id) as row from post_tags order by tag, post_id",
    ),
    (
        "likes",
        "select json_array(post_id, user_id, created_at) as row from likes order by post_id, user_id",
    ),
    (
        "follows",
        "select json_array(follower_id, followee_id, state, created_at) as row from follows order by 1",
    ),
    (
        "blocks",
        "select json_array(blocker_id, blocked_id, created_at) as row from blocks order by 1",
    ),
    (
        "mutes",
        "select json_array(muter_id, muted_id, created_at) as row from mutes order by 1",
    ),
    (
        "jobs",
        "select json_array(
           id, json(payload), attempts, due_at, json(iif(dead_at is null, 'false', 'true')),
           leased_until, failures
         ) as row from jobs order by id",
    ),
    (
        "told",
        "select json_array(recipient_id, kind, subject_id, actor_id) as row
         from told order by 1",
    ),
    (
        "inboxes",
        "select json_array(user_id, last_seq, read_seq, unread_count) as row
         from inboxes order by user_id",
    ),
    (
        "notifications",
        "select json_array(
           recipient_id, kind, subject_id, seq, actor_1, actor_2, actor_3, actor_count
         ) as row from notifications order by 1",
    ),
    (
        // All counts of a window, because whose each is cannot be read.
        "rate_limits",
        "select json_array(resets_at, policy, json_group_array(used)) as row
         from (
           select resets_at, substr(key, 1, instr(key, ':') - 1) as policy, used
           from rate_limits order by 1, 2, 3
         ) group by resets_at, policy",
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

fn promised_user(model: &Model, id: &str, user: &User) -> Value {
    let [following, requested, followers] = model.follow_counts(id);
    json!([
        id,
        user.username,
        user.email,
        user.status.name(),
        user.posts,
        user.created_at.millis(),
        user.display_name,
        user.bio,
        i64::from(user.locked),
        user.profile_version,
        user.role,
        user.plan,
        user.standing_version,
        user.email_verified_at.map(Timestamp::millis),
        user.credential_version,
        following,
        requested,
        followers,
        user.hash != OLDER_HASH,
    ])
}

fn promised_registration(id: &str, registration: &Registration) -> Value {
    json!([
        id,
        registration.username,
        registration.email,
        registration.username,
        registration.created_at.millis(),
        registration.expires_at().millis(),
    ])
}

fn promised_event(id: &str, event: &Event) -> Value {
    json!([
        id,
        event.at.millis(),
        event.kind,
        event.actor,
        event.account,
        event.session,
        event.details,
    ])
}

/// What each person is shown, with its newest actors.
fn promised_groups(model: &Model) -> Vec<Value> {
    let groups = model.inboxes.iter().flat_map(|(user, inbox)| {
        inbox.groups.iter().map(move |((kind, subject), group)| {
            let actors = group.actors.iter().rev();
            let mut latest = actors.map(|actor| actor.as_deref().unwrap_or_default());
            let (first, second, third) = (latest.next(), latest.next(), latest.next());
            json!([
                user,
                kind,
                subject,
                group.seq,
                first,
                second,
                third,
                group.actors.len()
            ])
        })
    });
    groups.collect()
}

/// How often who did what is limited, without who.
fn promised_counts(model: &Model) -> Vec<Value> {
    let mut counts: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for (window, used) in &model.counts {
        let of_all = counts.entry((window.resets_at, window.name)).or_default();
        of_all.push(*used);
        of_all.sort_unstable();
    }
    let counts = counts.iter();
    let counts = counts.map(|((resets_at, name), used)| json!([resets_at, name, used]));
    counts.collect()
}

fn promised_pairs(pairs: &BTreeMap<(Id, Id), Timestamp>) -> Vec<Value> {
    let pairs = pairs.iter();
    let pairs = pairs.map(|((one, other), at)| json!([one, other, at.millis()]));
    pairs.collect()
}

/// What was reported, and what was done about it.
fn promised_reports(model: &Model) -> Vec<Value> {
    let reports = model.reports.iter().map(|(id, report)| {
        let done = report.resolution.as_ref();
        json!([
            id,
            report.reporter,
            report.account,
            report.post,
            report.reason,
            report.created_at.millis(),
            done.map(|done| done.action),
            done.map_or("", |done| done.note),
            done.map(|done| &done.by),
            done.map(|done| done.at.millis())
        ])
    });
    reports.collect()
}

/// What the model holds.
fn promised(model: &Model) -> State {
    let users = model
        .users
        .iter()
        .map(|(id, user)| promised_user(model, id, user));
    let sessions = model.sessions.iter().map(|(id, session)| {
        let renewed_at = session.renewed_at.millis();
        json!([
            id,
            session.user,
            session.created_at.millis(),
            session.expires_at.millis(),
            session.newest,
            session.parent,
            session.generation,
            renewed_at,
            renewed_at,
            session.lives
        ])
    });
    let registrations = model.registrations.iter();
    let registrations = registrations.map(|(id, waiting)| promised_registration(id, waiting));
    let posts = model.posts.iter().map(|(id, post)| {
        let shown = model.post(None, id);
        json!([
            id,
            post.author,
            post.caption,
            post.tags(),
            post.mentions(),
            shown["visibility"],
            post.reply_to,
            post.audience,
            shown["like_count"],
            shown["comment_count"],
            post.version,
            post.created_at.millis(),
            post.edited_at.map(Timestamp::millis),
            post.deleted,
            post.removed
        ])
    });
    let found = model.posts.iter().filter(|(_, post)| post.is_there());
    let found = found.filter(|(_, post)| post.reply_to.is_none() && !post.followers_only);
    let tags = found.flat_map(|(id, post)| {
        let tags = post.tags().into_iter();
        tags.map(move |tag| json!([tag, id]))
    });
    let likes = model.likes.iter();
    let likes = likes.map(|((post, user), at)| json!([post, user, at.millis()]));
    let follows = model.follows.iter().map(|((from, to), follow)| {
        let state = if follow.accepted {
            "accepted"
        } else {
            "pending"
        };
        json!([from, to, state, follow.at.millis()])
    });
    let jobs = model.jobs.iter().map(|(id, job)| {
        let payload = job.task.payload();
        json!([
            id,
            payload,
            job.attempts,
            job.due_at,
            job.dead,
            job.leased_until,
            job.failures
        ])
    });
    let inboxes = model
        .inboxes
        .iter()
        .map(|(user, inbox)| json!([user, inbox.last_seq, inbox.read_seq, inbox.unread()]));
    let events = model.events.iter();
    let events = events.map(|(id, event)| promised_event(id, event));
    let links = model.links.iter();
    let links = links.map(|(hash, expires_at)| json!([hash, expires_at.millis()]));
    let devices = model.devices.iter();
    let devices = devices.map(|(user, devices)| json!([user, devices.len()]));
    State::from([
        ("users", users.collect()),
        ("audit_events", events.collect()),
        ("reports", promised_reports(model)),
        ("setup_tokens", links.collect()),
        ("devices", devices.collect()),
        ("sessions", sessions.collect()),
        ("registrations", registrations.collect()),
        ("posts", posts.collect()),
        ("post_tags", tags.collect()),
        ("likes", likes.collect()),
        ("follows", follows.collect()),
        ("blocks", promised_pairs(&model.blocks)),
        ("mutes", promised_pairs(&model.mutes)),
        ("jobs", jobs.collect()),
        ("told", model.told.iter().map(|told| json!(told)).collect()),
        ("inboxes", inboxes.collect()),
        ("notifications", promised_groups(model)),
        ("rate_limits", promised_counts(model)),
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
const WRONG_COUNTERS: [&str; 10] = [
    "select 'likes of post ' || id || ': ' || like_count as what from posts
where like_count <> (select count(*) from likes where likes.post_id = posts.id)",
    "select 'posts of ' || username || ': ' || post_count as what from users
where post_count <> (
  select count(*) from posts
  where author_id = users.id and reply_to is null and deleted_at is null and removed_at is null
)",
    "select 'comments of post ' || id || ': ' || comment_count as what from posts
where comment_count <> (
  select count(*) from posts as reply
  where reply.reply_to = posts.id and reply.deleted_at is null and reply.removed_at is null
)",
    "select 'follows of ' || username || ': ' || following_count || ', asked ' || requested_count as what from users
where following_count <> (select count(*) from follows where follower_id = users.id and state = 'accepted')
  or requested_count <> (select count(*) from follows where follower_id = users.id and state = 'pending')",
    "select 'followers of ' || username || ': ' || follower_count as what from users
where follower_count <> (select count(*) from follows where followee_id = users.id and state = 'accepted')",
    "select 'two rows of a follow: ' || follower_id || ' of ' || followee_id as what from follows
group by follower_id, followee_id
having count(*) > 1",
    "select 'a follow beside a block: ' || follower_id || ' of ' || followee_id as what from follows
where exists (
  select 1 from blocks
  where (blocker_id = follower_id and blocked_id = followee_id)
    or (blocker_id = followee_id and blocked_id = follower_id)
)",
    "select 'unread of ' || user_id || ': ' || unread_count as what from inboxes
where unread_count <> (
  select count(*) from notifications where recipient_id = user_id and seq > read_seq
)",
    "select 'told of ' || subject_id || ': ' || actor_count as what from notifications as shown
where actor_count <> (
  select count(*) from told
  where told.recipient_id = shown.recipient_id and told.kind = shown.kind
    and told.subject_id = shown.subject_id
)",
    "select 'a job is left: ' || payload as what from jobs",
];

/// Every counter that does not equal its count, and every job that is left; empty when all is well.
pub fn wrong_counters(database: &Sqlite) -> Vec<String> {
    let statements = WRONG_COUNTERS.map(|sql| (sql, &[][..]));
    let results = database.batch(&statements).unwrap();
    let rows = results.iter().flat_map(|result| {
        let rows: Vec<BTreeMap<String, String>> = serde_json::from_str(result.rows.get()).unwrap();
        rows
    });
    rows.map(|mut row| row.remove("what").unwrap()).collect()
}
