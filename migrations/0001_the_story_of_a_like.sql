-- The tables of the first story. Conventions, for every migration:
--   * ids are UUIDv7 in their 36-character text form, so that key order is time order;
--   * times are milliseconds since 1970-01-01T00:00:00Z, UTC;
--   * `strict` keeps types honest, because D1 binds every number as REAL;
--   * `without rowid` saves one written row wherever the key is not an integer;
--   * there are no foreign keys: a deleted account or post leaves stubs, and each parent lookup on
--     insert would be a row read that the guard of the same batch has already paid for.

-- Accounts. Owner: users (auth writes credentials at registration through what users exports).
create table users (
  id text not null primary key,
  -- Case-folded before it gets here; unique because it is the public address of a person.
  username text not null unique,
  -- Case-folded; unique so that one mailbox owns one account.
  email text not null unique,
  email_verified_at integer,
  -- A PHC string (Argon2id with its parameters), never the password.
  password_hash text not null,
  display_name text not null,
  bio text not null default '',
  avatar_url text,
  locked integer not null default 0 check (locked in (0, 1)),
  role text not null default 'user' check (role in ('user', 'moderator', 'admin')),
  status text not null default 'active' check (status in ('active', 'suspended', 'deleted')),
  plan text not null default 'free' check (plan in ('free', 'pro')),
  -- Counters live beside what they count and are bumped in the batch of the fact (decision 0006).
  post_count integer not null default 0 check (post_count >= 0),
  follower_count integer not null default 0 check (follower_count >= 0),
  following_count integer not null default 0 check (following_count >= 0),
  -- Bumped by every change of this row or of what is shown with it; part of entity tags.
  version integer not null default 1,
  created_at integer not null
) strict, without rowid;

-- One login on one device. Owner: auth.
create table sessions (
  id text not null primary key,
  user_id text not null,
  user_agent text not null,
  -- SHA-256 of the current and of the previous refresh token's secret; a token itself is never stored.
  current_hash text not null,
  previous_hash text,
  generation integer not null default 1,
  rotated_at integer not null,
  created_at integer not null,
  last_used_at integer not null,
  expires_at integer not null,
  -- Set by logout; the guard refuses the session from the very next request on.
  revoked_at integer
) strict, without rowid;

create index sessions_by_user on sessions (user_id, id);

-- Who follows whom. Owner: graph. Read by the visibility predicate.
create table follows (
  follower_id text not null,
  followee_id text not null,
  -- Pending while the followee is locked and has not accepted.
  state text not null check (state in ('pending', 'accepted')),
  muted integer not null default 0 check (muted in (0, 1)),
  created_at integer not null,
  primary key (follower_id, followee_id),
  -- Nobody follows themselves.
  check (follower_id <> followee_id)
) strict, without rowid;

-- Who blocks whom; each becomes invisible to the other. Owner: graph. Read by the visibility predicate.
create table blocks (
  blocker_id text not null,
  blocked_id text not null,
  created_at integer not null,
  primary key (blocker_id, blocked_id),
  check (blocker_id <> blocked_id)
) strict, without rowid;

-- Posts; a comment is a post that replies to another. Owner: posts.
create table posts (
  id text not null primary key,
  author_id text not null,
  -- Erased when the post is deleted.
  caption text not null,
  visibility text not null check (visibility in ('public', 'followers')),
  -- The direct parent; null for a post that is no comment.
  reply_to text,
  -- Whose followers may see a followers-only post: the author of the thread's root, because a
  -- comment inherits its root's visibility. The author itself for a root.
  audience_id text not null,
  like_count integer not null default 0 check (like_count >= 0),
  comment_count integer not null default 0 check (comment_count >= 0),
  -- Bumped by an edit, not by a like: a like is no conflict for `If-Match`.
  version integer not null default 1,
  created_at integer not null,
  edited_at integer,
  -- Deleted by its author.
  deleted_at integer,
  -- Removed by a moderator.
  removed_at integer
) strict, without rowid;

-- The public timeline: newest first by key. Partial, so that its candidates are never rows which
-- nobody may see, and a page reads at most twice its size.
create index posts_public on posts (id)
where reply_to is null and visibility = 'public' and deleted_at is null and removed_at is null;

-- At most one like per (account, post), ever: the primary key is the rule. Owner: likes.
create table likes (
  post_id text not null,
  user_id text not null,
  created_at integer not null,
  primary key (post_id, user_id)
) strict, without rowid;

-- Who liked, newest first.
create index likes_newest on likes (post_id, created_at, user_id);

-- The outbox (docs/decisions/0003): a job is written in the batch of its cause and deleted in the
-- batch of its effect. Owner: jobs.
create table jobs (
  id text not null primary key,
  -- The JSON of `jobs::Job`, the same that travels in the queue's message.
  payload text not null,
  -- Which request caused it, for the log lines of its delivery.
  request_id text not null,
  trace_id text not null,
  attempts integer not null default 0,
  -- When the sweep wakes it up if nobody has handled it by then; null once it is dead, so that dead
  -- jobs leave the index that the sweep walks.
  due_at integer,
  created_at integer not null,
  -- Set after the last attempt; an admin can replay it.
  dead_at integer
) strict, without rowid;

create index jobs_due on jobs (due_at) where due_at is not null;

-- What a person has been told, so that like, unlike, like notifies once. Owner: notifications.
create table told (
  recipient_id text not null,
  kind text not null,
  subject_id text not null,
  actor_id text not null,
  primary key (recipient_id, kind, subject_id, actor_id)
) strict, without rowid;

-- One row per recipient: the sequence its notifications are numbered by, and the read watermark.
-- Owner: notifications.
create table inboxes (
  user_id text not null primary key,
  -- The number of the newest change; taken in the delivering batch, so that nobody resuming by
  -- number can skip one.
  last_seq integer not null default 0,
  -- Everything up to this number is read.
  read_seq integer not null default 0,
  -- Groups with a number above `read_seq`.
  unread_count integer not null default 0 check (unread_count >= 0)
) strict, without rowid;

-- The shown items: one group per (recipient, kind, subject) with its latest actors.
-- Owner: notifications.
create table notifications (
  recipient_id text not null,
  kind text not null,
  subject_id text not null,
  seq integer not null,
  -- The three newest, newest first.
  actor_1 text not null,
  actor_2 text,
  actor_3 text,
  actor_count integer not null default 1 check (actor_count >= 1),
  created_at integer not null,
  updated_at integer not null,
  primary key (recipient_id, kind, subject_id)
) strict, without rowid;

-- The list, newest first; unique because a number is given once.
create unique index notifications_newest on notifications (recipient_id, seq);
