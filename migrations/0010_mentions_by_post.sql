-- Whom a post names was told so: by post, so that what is gone leaves their lists. An index of these only, because
-- it is one more row that a delivery writes. Who else was told about a post is known from the post itself.
create index notifications_of_mentions on notifications (subject_id, recipient_id) where kind = 'mention';
