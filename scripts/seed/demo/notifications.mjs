// What made-up people have been told, grouped as Kith groups it: one item for each kind and thing, with its three
// newest actors and a number of the recipient's sequence for each change.

/** @typedef {import("../rows.mjs").Person} Person */
/** @typedef {{ kind: string, recipient: Person, actor: Person, subject: string, at: number }} News */
/** @typedef {{ kind: string, recipient: Person, subject: string, seq: number, actors: Person[], createdAt: number, updatedAt: number }} Item actors are newest first */
/** @typedef {{ person: Person, lastSeq: number, readSeq: number, unreadCount: number }} Inbox */

/** How much of what they were told people have read. */
const READ_SHARE = 0.8;

/**
 * @param {readonly News[]} news each once
 * @returns {{ items: Item[], inboxes: Inbox[] }}
 */
export function makeNotifications(news) {
  /** @type {Map<string, Item>} */
  const items = new Map();
  /** @type {Map<Person, number>} */
  const sequences = new Map();
  for (const { kind, recipient, actor, subject, at } of news.toSorted((one, other) => one.at - other.at)) {
    const seq = 1 + (sequences.get(recipient) ?? 0);
    sequences.set(recipient, seq);
    const key = `${recipient.id} ${kind} ${subject}`;
    const before = items.get(key);
    items.set(key, { kind, recipient, subject, seq, actors: [actor, ...(before?.actors ?? [])], createdAt: before?.createdAt ?? at, updatedAt: at });
  }
  const inboxes = [...sequences].map(([person, lastSeq]) => {
    const readSeq = Math.floor(lastSeq * READ_SHARE);
    const unreadCount = [...items.values()].filter(({ recipient, seq }) => recipient === person && seq > readSeq).length;
    return { person, lastSeq, readSeq, unreadCount };
  });
  return { items: [...items.values()], inboxes };
}
