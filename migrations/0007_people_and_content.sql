-- Follows, blocks and mutes as people make them; comments, hashtags and mentions; the full-text index; reports.

-- Pending requests that an account has sent. With `following_count` it is what the limit of 2,000 counts, so
-- that accepting one never goes beyond. Private, so it is no part of a profile.
alter table users add column requested_count integer not null default 0 check (requested_count >= 0);

-- A running number, for what wants whole numbers: the rows of the full-text index. Given when the row is
-- written, as the largest so far and one.
alter table users add column number integer;
update users set number = numbered.n
from (select id, row_number() over (order by id) as n from users) numbered
where users.id = numbered.id;
create unique index users_by_number on users (number);

-- A Worker of before writes none, until it is replaced and after a rollback. Every row has one all the same: for a
-- null the index would draw a number by itself, which is the next row's.
create trigger users_numbered after insert on users when new.number is null
begin
  update users set number = (select coalesce(max(number), 0) + 1 from users) where id = new.id;
end;

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

create trigger posts_numbered after insert on posts when new.number is null
begin
  update posts set number = (select coalesce(max(number), 0) + 1 from posts) where id = new.id;
end;

-- As which words the index knows for whom a post is. U+E000 alone: for everyone. Otherwise it is followed by whose
-- followers the post is for, and another word names its author behind U+E001. Nobody can ask for such words: what is
-- searched for is letters and digits.
alter table posts add column audience text generated always as (
  iif(
    visibility = 'public',
    char(57344),
    char(57344) || replace(audience_id, '-', '') || ' ' || char(57345) || replace(author_id, '-', '')
  )
) virtual;

-- A person's posts and the feed: roots that are there, by author. Partial, so that a candidate is never a row
-- which nobody may see.
create index posts_by_author on posts (author_id, id)
where reply_to is null and deleted_at is null and removed_at is null;

-- The direct replies of a post, oldest first. One that is gone stays only while it has replies itself: they
-- hang under its stub.
create index posts_replies on posts (reply_to, id)
where reply_to is not null and (deleted_at is null and removed_at is null or comment_count > 0);

-- Every hashtag of a public post, ever, for search. Owner: posts.
create table tags (
  number integer primary key,
  -- Folded, without the `#`.
  tag text not null unique
) strict;

-- The posts of a hashtag, newest first by key. Public roots only, so that nothing which most may not see stands
-- before what they may; the rows go with the post. Owner: posts.
create table post_tags (
  tag text not null,
  post_id text not null,
  primary key (tag, post_id)
) strict, without rowid;

-- The full-text index, by running number. It keeps no second copy of the text (`content=''`), so whoever takes
-- words out must say which. `contentless_delete` would need none, but only marks a row as gone: its words stay in the
-- index until some later merge. Not written by triggers: it puts off what it writes to some later statement, whose
-- `changes()` then counts it too. Owners: posts, users, posts.
create virtual table posts_text using fts5 (
  caption,
  audience,
  content='',
  prefix='2 3',
  tokenize='unicode61 remove_diacritics 2'
);

create virtual table users_text using fts5 (
  username,
  display_name,
  content='',
  prefix='2 3',
  tokenize='unicode61 remove_diacritics 2'
);

create virtual table tags_text using fts5 (
  tag,
  content='',
  prefix='2 3',
  tokenize='unicode61 remove_diacritics 2'
);

-- What was written before.
insert into posts_text (rowid, caption, audience)
select number, caption, audience from posts where deleted_at is null and removed_at is null;
insert into users_text (rowid, username, display_name) select number, username, display_name from users;

-- What is taken out leaves the index at once, not at its next merge.
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

-- The resolved ones, newest first: without it a page of them would walk over all that are open.
create index reports_resolved on reports (id) where resolved_at is not null;

-- Whom a post names was told so: by post, so that what is gone leaves their lists. An index of these only, because
-- it is one more row that a delivery writes. Who else was told about a post is known from the post itself.
create index notifications_of_mentions on notifications (subject_id, recipient_id) where kind = 'mention';
