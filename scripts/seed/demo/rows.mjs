// The rows that only the demo has: who mutes and blocks whom, and what people were told.

/** @typedef {import("../rows.mjs").Database} Database */
/** @typedef {import("../rows.mjs").Statement} Statement */
/** @typedef {import("../rows.mjs").Person} Person */
/** @typedef {import("./notifications.mjs").Item} Item */
/** @typedef {import("./notifications.mjs").Inbox} Inbox */
/** @typedef {{ one: Person, other: Person, createdAt: number }} Pair the one mutes or blocks the other */

const INSERT_MUTES = `
insert into mutes (muter_id, muted_id, created_at)
select value ->> 0, value ->> 1, value ->> 2
from json_each(?1)`;

const INSERT_BLOCKS = `
insert into blocks (blocker_id, blocked_id, created_at)
select value ->> 0, value ->> 1, value ->> 2
from json_each(?1)`;

const INSERT_NOTIFICATIONS = `
insert into notifications (
  recipient_id, kind, subject_id, seq, actor_1, actor_2, actor_3, actor_count, created_at, updated_at
)
select
  value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 ->> 0, value -> 4 ->> 1, value -> 4 ->> 2,
  json_array_length(value -> 4), value ->> 5, value ->> 6
from json_each(?1)`;

const INSERT_TOLD = `
insert into told (recipient_id, kind, subject_id, actor_id)
select item.value ->> 0, item.value ->> 1, item.value ->> 2, actor.value
from json_each(?1) item
cross join json_each(item.value -> 4) actor`;

const INSERT_INBOXES = `
insert into inboxes (user_id, last_seq, read_seq, unread_count)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3
from json_each(?1)`;

/**
 * @param {Database} db
 * @param {readonly Pair[]} pairs
 */
export function insertMutes(db, pairs) {
  return db.prepare(INSERT_MUTES).bind(JSON.stringify(pairs.map(({ one, other, createdAt }) => [one.id, other.id, createdAt])));
}

/**
 * @param {Database} db
 * @param {readonly Pair[]} pairs
 */
export function insertBlocks(db, pairs) {
  return db.prepare(INSERT_BLOCKS).bind(JSON.stringify(pairs.map(({ one, other, createdAt }) => [one.id, other.id, createdAt])));
}

/**
 * What people were told, and how far they have read.
 * @param {Database} db
 * @param {{ items: readonly Item[], inboxes: readonly Inbox[] }} told
 * @returns {Statement[]}
 */
export function insertNotifications(db, { items, inboxes }) {
  const told = JSON.stringify(
    items.map(({ recipient, kind, subject, seq, actors, createdAt, updatedAt }) => [recipient.id, kind, subject, seq, actors.map(({ id }) => id), createdAt, updatedAt]),
  );
  const read = JSON.stringify(inboxes.map(({ person, lastSeq, readSeq, unreadCount }) => [person.id, lastSeq, readSeq, unreadCount]));
  return [db.prepare(INSERT_NOTIFICATIONS).bind(told), db.prepare(INSERT_TOLD).bind(told), db.prepare(INSERT_INBOXES).bind(read)];
}
