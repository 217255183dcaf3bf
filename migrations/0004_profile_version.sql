-- The version that `If-Match` compares when a profile is changed. It is not `users.version`, which also
-- grows with what is only shown beside the profile: a new post of one's own is no conflict.
alter table users add column profile_version integer not null default 1;
