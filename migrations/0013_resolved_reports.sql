-- The resolved ones, newest first: without it a page of them would walk over all that are open.
create index reports_resolved on reports (id) where resolved_at is not null;
