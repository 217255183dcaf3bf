-- What happened to accounts and sessions, and what moderators and admins did: one row an event, written
-- in the batch of the event and never changed. Owner: audit.
--
-- No index but the key: each would cost every sign-in a written row. No list of kinds here: the program
-- has it, and a table would have to be copied for each new one.
create table audit_events (
  id text not null primary key,
  -- The same time that is in the id.
  at integer not null,
  kind text not null,
  -- Who did it; null for the operator at the console, and where nobody knows.
  actor_id text,
  -- Whom it concerns; null where a name is nobody's.
  account_id text,
  session_id text,
  -- Which request did it, as its log line says.
  request_id text not null,
  -- A JSON object of a few words and numbers of the program's own: no secret, no address, no name.
  details text not null default '{}'
) strict, without rowid;

-- The one-time tokens that make a first admin. Owner: auth.
create table setup_tokens (
  -- SHA-256 of the token: whoever reads the table cannot use it.
  hash text not null primary key,
  expires_at integer not null
) strict, without rowid;

-- The version that `If-Match` compares when an admin changes an account's role, status or plan.
alter table users add column standing_version integer not null default 1;

-- Who is an admin, so that the question whether another is left reads a row of each and not the table.
-- Partial, so that nobody else's account costs a written row for it.
create index users_admins on users (id) where role = 'admin' and status = 'active';
