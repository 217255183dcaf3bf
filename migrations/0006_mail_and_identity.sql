-- Bumped by every change of the password or of the e-mail address. A mail that lets its reader choose a new
-- password names the version it was made for, so that it is good once, and not after such a change.
alter table users add column credential_version integer not null default 1;

-- Until when nobody else may take a job whose effect is outside, such as a mail: somebody has taken it, or
-- it could not be done and waits. No sweep is due before (`due_at`).
alter table jobs add column leased_until integer;

-- How often such an effect could not be had, which says how long the job waits and when it is dead.
alter table jobs add column failures integer not null default 0;

-- Registrations of a deployment that tells nobody who has an account: each waits for the mail to its
-- address to be answered, whether or not the address has an account already. Owner: auth.
create table registrations (
  id text not null primary key,
  -- Case-folded. Held for this registration until it is over, against other addresses only: who registers
  -- anew because no mail came is not in their own way.
  username text not null,
  -- Case-folded. Not unique: which of two registrations is its owner's, they say by answering a mail.
  email text not null,
  password_hash text not null,
  display_name text not null,
  created_at integer not null,
  expires_at integer not null
) strict, without rowid;

-- Who holds a username, without a look at the rows.
create index registrations_by_username on registrations (username, expires_at, email);

-- From what kind of device and network an account has signed in before, so that its owner is told of a
-- new one. Owner: auth.
create table devices (
  user_id text not null,
  -- A keyed hash: no address can be read here.
  fingerprint text not null,
  created_at integer not null,
  primary key (user_id, fingerprint)
) strict, without rowid;
