-- How often somebody has done what is limited exactly, one row a subject and window. Owner: http.
create table rate_limits (
  -- The end of the window. First in the key, so that the sweep finds what is over without an index,
  -- and a count is one written row.
  resets_at integer not null,
  -- The policy's name and a keyed hash of its subject: no address and no name can be read here.
  key text not null,
  used integer not null check (used >= 0),
  primary key (resets_at, key)
) strict, without rowid;
