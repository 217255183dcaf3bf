-- What a signed-in request with an `Idempotency-Key` has created, so that the same request sent again
-- answers the same and creates nothing. Owner: http.
create table idempotency_keys (
  user_id text not null,
  -- As the client sent it, without quotes.
  key text not null,
  -- SHA-256 of method, path and body: another request under the same key is a mistake of the client's.
  fingerprint text not null,
  -- The row that was answered, as JSON.
  response text not null,
  created_at integer not null,
  -- A key belongs to its account: nobody can meet, or take, another's.
  primary key (user_id, key)
) strict, without rowid;

-- For the sweep, which forgets a key after a day.
create index idempotency_keys_by_age on idempotency_keys (created_at);
