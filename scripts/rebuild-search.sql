-- Makes the full-text index anew, of what is in the tables: for whatever was written by a Worker that knows of no index
-- (docs/deploy.md, "A new version").
insert into posts_text (posts_text) values ('delete-all');
insert into posts_text (rowid, caption, audience)
select number, caption, audience from posts where deleted_at is null and removed_at is null;
insert into users_text (users_text) values ('delete-all');
insert into users_text (rowid, username, display_name) select number, username, display_name from users;
