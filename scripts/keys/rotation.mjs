// How a deployment's keys follow each other, as changes of the text of the file that holds them. A new key
// is published before it makes anything, and an old one stays until nothing is left that it made.
//
// The file is one of lines `NAME=value`, as `.dev.vars` is. When a key was published, when it came first
// and when it was replaced stands in comments of the form that `describe` writes. No text that leaves this
// file but the file's own holds a key.

import { randomBytes } from "node:crypto";
import { Failure } from "../progress.mjs";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * What there are keys for, and how long a key is kept after another has taken its place. A session is over
 * when nobody renews it for 60 days, and each renewal makes its refresh token anew. An access token is good
 * for ten minutes. What is more than that is for the upload, which comes after the change of the file.
 * @type {Readonly<Record<string, number>>}
 */
export const KEPT_MS = { SIGNING_KEYS: 60 * MINUTE_MS, SECRET_KEYS: 61 * DAY_MS };

/**
 * For how many minutes a key must have been public before it signs: so long may other services keep
 * `/.well-known/jwks.json`.
 */
export const PUBLIC_MINUTES = 60;

/**
 * A key: its id, its bytes as they are written, and when it was published, came first and was replaced, in
 * milliseconds since 1970, as far as that is known.
 * @typedef {{ id: string, bytes: string, published?: number, first?: number, replaced?: number }} Key
 */

/** The words of a record, and which time each names. */
const TIMES = /** @type {const} */ ([["published", "published"], ["first", "first since"], ["replaced", "replaced"]]);

/**
 * A new key, with an id that says on which day it was made.
 * @param {number} now
 * @param {readonly string[]} taken ids
 * @returns {Key}
 */
export function drawKey(now, taken) {
  const day = `k${new Date(now).toISOString().slice(0, 10).replaceAll("-", "")}`;
  let id = day;
  for (let number = 2; taken.includes(id); number += 1) id = `${day}.${number}`;
  return { id, bytes: randomBytes(32).toString("base64url") };
}

/**
 * A file for a deployment that has no keys yet.
 * @param {number} now
 */
export function firstFile(now) {
  const lines = ["# The keys of a deployment. Keep this file secret and out of every repository."];
  for (const name of Object.keys(KEPT_MS)) lines.push(...written(name, "", [{ ...drawKey(now, []), published: now, first: now }]));
  return `${lines.join("\n")}\n`;
}

/**
 * Adds a key that everybody is to know before it makes anything.
 * @param {string} text the file's
 * @param {number} now
 */
export function publish(text, now) {
  if (Object.keys(KEPT_MS).every((name) => pending(read(text, name).keys) !== undefined)) {
    throw new Failure("New keys are published and do not sign yet: the next step is --sign. Nothing was changed.");
  }
  return change(text, now, (name, keys) => {
    const waiting = pending(keys);
    if (waiting !== undefined) return { keys, said: [`${name}: ${waiting.id} was published before.`] };
    const added = drawKey(now, keys.map(({ id }) => id));
    return { keys: [...keys, { ...added, published: now }], said: [`${name}: ${added.id} is published. ${keys[0]?.id ?? ""} still makes what is new.`] };
  });
}

/**
 * Puts the published key first.
 * @param {string} text the file's
 * @param {number} now
 * @param {number} minutes for which it must have been public
 */
export function sign(text, now, minutes) {
  if (!isPublished(text)) throw new Failure("No key is published that does not sign yet: the first step is --publish. Nothing was changed.");
  return change(text, now, (name, keys) => {
    const next = pending(keys);
    if (next === undefined) return { keys, said: [`${name}: no key waits for its turn.`] };
    const since = (next.published ?? now) + minutes * MINUTE_MS;
    if (now < since) throw new Failure(`${name}: ${next.id} was published at ${time(next.published ?? now)}, so others may not know it before ${time(since)}. Nothing was changed.`);
    const others = keys.filter((key) => key !== next);
    const replaced = others.map((key, place) => (place === 0 ? { ...key, replaced: now } : key));
    return { keys: [{ ...next, first: now }, ...replaced], said: [`${name}: ${next.id} makes what is new. ${others[0]?.id ?? ""} still verifies what it made.`] };
  });
}

/**
 * Removes the keys of which nothing is left that they made.
 * @param {string} text the file's
 * @param {number} now
 */
export function dropOld(text, now) {
  return change(text, now, (name, keys) => {
    const due = (/** @type {Key} */ { replaced }) => (replaced ?? now) + (KEPT_MS[name] ?? Number.POSITIVE_INFINITY);
    const isOver = (/** @type {Key} */ key) => key.replaced !== undefined && now >= due(key);
    const said = keys.filter(({ replaced }) => replaced !== undefined).map((key) => (isOver(key) ? `${name}: ${key.id} is dropped.` : `${name}: ${key.id} is kept until ${time(due(key))}.`));
    return { keys: keys.filter((key) => !isOver(key)), said: said.length > 0 ? said : [`${name}: there is no old key.`] };
  });
}

/**
 * Whether a key waits for its turn.
 * @param {string} text the file's
 */
export function isPublished(text) {
  return Object.keys(KEPT_MS).some((name) => pending(read(text, name).keys) !== undefined);
}

/**
 * The key that is known and has not made anything yet.
 * @param {readonly Key[]} keys
 */
function pending(keys) {
  return keys.slice(1).find(({ published, first }) => published !== undefined && first === undefined);
}

/**
 * Changes each list of keys.
 * @param {string} text
 * @param {number} now
 * @param {(name: string, keys: Key[]) => { keys: Key[], said: string[] }} step
 * @returns {{ text: string, said: string[] }}
 */
function change(text, now, step) {
  let changed = text;
  const said = [];
  for (const name of Object.keys(KEPT_MS)) {
    const { keys, before, after, prefix } = read(changed, name);
    // Of an old key of which nothing is known, the time is counted from now.
    const known = keys.map((key, place) => (place === 0 || key.published !== undefined || key.replaced !== undefined ? key : { ...key, replaced: now }));
    const done = step(name, known);
    changed = [...before, ...written(name, prefix, done.keys), ...after].join(endOf(text));
    said.push(...done.said);
  }
  return { text: changed, said };
}

/**
 * How the lines of a text end.
 * @param {string} text
 */
function endOf(text) {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/**
 * The keys of a setting, and the lines before and after it without its records.
 * @param {string} text
 * @param {string} name
 */
function read(text, name) {
  const broken = (/** @type {string} */ what) => new Failure(`${name} ${what}. Nothing was changed.`);
  const lines = text.split(endOf(text));
  const assignment = new RegExp(`^(\\s*(?:export\\s+)?)${name}\\s*=\\s*(.*?)\\s*$`);
  const places = lines.flatMap((line, place) => (assignment.test(line) ? [place] : []));
  const [place] = places;
  if (place === undefined) throw broken("is not in the file");
  if (places.length > 1) throw broken("is in the file more than once");
  const [, prefix = "", value = ""] = assignment.exec(lines[place] ?? "") ?? [];
  const bare = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  const keys = bare.split(",").map((entry) => {
    const [, id, bytes] = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9_-]{43})$/.exec(entry.trim()) ?? [];
    if (id === undefined || bytes === undefined) throw broken("is no list of keys as `id:key`, separated by commas");
    return { id, bytes };
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw broken("has two keys with one id");
  if (new Set(keys.map(({ bytes }) => bytes)).size < keys.length) throw broken("has one key under two ids");
  const record = new RegExp(`^# ${name} \\S+: (?:${TIMES.map(([, word]) => word).join("|")}) `);
  const isRecord = (/** @type {string} */ line) => record.test(line);
  const records = new Map(lines.filter(isRecord).map((line) => timesOf(line.slice(`# ${name} `.length))));
  const others = (/** @type {string[]} */ part) => part.filter((line) => !isRecord(line));
  return {
    keys: keys.map((key) => ({ ...key, ...records.get(key.id) })),
    before: others(lines.slice(0, place)),
    after: others(lines.slice(place + 1)),
    prefix,
  };
}

/**
 * The id of a record and its times.
 * @param {string} record
 * @returns {[id: string, times: Partial<Key>]}
 */
function timesOf(record) {
  const [id = "", said = ""] = record.split(": ", 2);
  const times = TIMES.flatMap(([field, word]) => {
    const at = Date.parse(new RegExp(`\\b${word} (\\S+Z)`).exec(said)?.[1] ?? "");
    return Number.isNaN(at) ? [] : [[field, at]];
  });
  return [id, Object.fromEntries(times)];
}

/**
 * The lines of a setting and its records.
 * @param {string} name
 * @param {string} prefix
 * @param {readonly Key[]} keys
 */
function written(name, prefix, keys) {
  const records = keys.filter((key) => TIMES.some(([field]) => key[field] !== undefined));
  return [`${prefix}${name}=${keys.map(({ id, bytes }) => `${id}:${bytes}`).join(",")}`, ...records.map((key) => `# ${name} ${describe(key)}`)];
}

/** @param {Key} key */
function describe(key) {
  const times = TIMES.flatMap(([field, word]) => (key[field] === undefined ? [] : [`${word} ${time(key[field])}`]));
  return `${key.id}: ${times.join(", ")}`;
}

/** @param {number} at */
function time(at) {
  return new Date(at).toISOString();
}
