-- Follows, blocks and mutes as people make them; comments, hashtags and mentions; the full-text index; reports.

-- Pending requests that an account has sent. With `following_count` it is what the limit of 2,000 counts, so
-- that accepting one never goes beyond. Private, so it is no part of a profile.
alter table users add column requested_count integer not null default 0 check (requested_count >= 0);

-- A running number, for what wants whole numbers: the rows of the full-text index. Given when the row is
-- written, as the largest so far and one; null only where a row was written without it.
alter table users add column number integer;
update users set number = numbered.n
from (select id, row_number() over (order by id) as n from users) numbered
where users.id = numbered.id;
create unique index users_by_number on users (number);

-- Who follows whom, as before, but for two things. A mute is a table of its own: one can mute whom one does not
-- follow, and a mute outlives an unfollow. And the key has the state before the followee, so that whom somebody
-- follows can be walked without whom they have only asked, which nobody else is to learn.
--
-- That there is at most one row for a follower and a followee is kept by the statements that write here: a batch is a
-- transaction, SQLite has one writer, and each of them either makes a row where there is none in either state or
-- moves the one there is.
alter table follows rename to former_follows;
create table follows (
  follower_id text not null,
  followee_id text not null,
  -- Pending while the followee is locked and has not accepted.
  state text not null check (state in ('pending', 'accepted')),
  created_at integer not null,
  primary key (follower_id, state, followee_id),
  -- Nobody follows themselves.
  check (follower_id <> followee_id)
) strict, without rowid;
insert into follows (follower_id, followee_id, state, created_at)
select follower_id, followee_id, state, created_at from former_follows;
drop table former_follows;

-- Who follows, and who asks to, newest first. The one index besides the key: a follow is to cost at most six
-- written rows, and whom one follows is listed by the key.
create index follows_by_followee on follows (followee_id, state, created_at, follower_id);

-- Whom one blocks, newest first.
create index blocks_newest on blocks (blocker_id, created_at, blocked_id);

-- Who does not want to hear of whom. Owner: graph.
create table mutes (
  muter_id text not null,
  muted_id text not null,
  created_at integer not null,
  primary key (muter_id, muted_id),
  check (muter_id <> muted_id)
) strict, without rowid;

create index mutes_newest on mutes (muter_id, created_at, muted_id);

-- What the server found in the caption: a JSON array of folded hashtags, and one of
-- {"username", "start", "end"} in code points. Erased with the caption.
alter table posts add column tags text not null default '[]';
alter table posts add column mentions text not null default '[]';

-- As `users.number`.
alter table posts add column number integer;
update posts set number = numbered.n
from (select id, row_number() over (order by id) as n from posts) numbered
where posts.id = numbered.id;
create unique index posts_by_number on posts (number);

-- A person's posts and the feed: roots that are there, by author. Partial, so that a candidate is never a row
-- which nobody may see.
create index posts_by_author on posts (author_id, id)
where reply_to is null and deleted_at is null and removed_at is null;

-- The direct replies of a post, oldest first. One that is gone stays only while it has replies itself: they
-- hang under its stub.
create index posts_replies on posts (reply_to, id)
where reply_to is not null and (deleted_at is null and removed_at is null or comment_count > 0);

-- Every hashtag that was ever used, for search. Owner: posts.
create table tags (
  number integer primary key,
  -- Folded, without the `#`.
  tag text not null unique
) strict;

-- The posts of a hashtag, newest first by key. Roots only; the rows go with the post. Owner: posts.
create table post_tags (
  tag text not null,
  post_id text not null,
  primary key (tag, post_id)
) strict, without rowid;

-- The full-text index, by running number. It keeps no second copy of the text (`content=''`). Not written by
-- triggers, but by statements that come last in their batch: it puts off what it writes to some later
-- statement, whose `changes()` then counts it too. Owners: posts, users, posts.
create virtual table posts_text using fts5 (
  caption,
  content='',
  contentless_delete=1,
  prefix='2 3',
  tokenize='unicode61 remove_diacritics 2'
);

create virtual table users_text using fts5 (
  username,
  display_name,
  content='',
  contentless_delete=1,
  prefix='2 3',
  tokenize='unicode61 remove_diacritics 2'
);

create virtual table tags_text using fts5 (
  tag,
  content='',
  contentless_delete=1,
  prefix='2 3',
  tokenize='unicode61 remove_diacritics 2'
);

-- What was written before.
insert into posts_text (rowid, caption)
select number, caption from posts where deleted_at is null and removed_at is null;
insert into users_text (rowid, username, display_name) select number, username, display_name from users;

-- What is deleted leaves the index at once, not at its next merge.
insert into posts_text (posts_text, rank) values ('secure-delete', 1);
insert into users_text (users_text, rank) values ('secure-delete', 1);

-- What people report to the moderators. Owner: moderation.
create table reports (
  id text not null primary key,
  reporter_id text not null,
  -- The person reported, or the author of the post reported.
  account_id text not null,
  -- Null where a person is reported.
  post_id text,
  reason text not null check (reason in ('spam', 'abuse', 'nudity', 'other')),
  comment text not null default '',
  created_at integer not null,
  resolved_at integer,
  resolved_by text,
  action text check (action in ('dismiss', 'remove_post', 'warn', 'suspend')),
  note text not null default '',
  check ((resolved_at is null) = (action is null))
) strict, without rowid;

-- The open ones, newest first.
create index reports_open on reports (id) where resolved_at is null;

-- Whoever reports the same thing twice before it is resolved has reported it once.
create unique index reports_once on reports (reporter_id, account_id, coalesce(post_id, ''))
where resolved_at is null;
