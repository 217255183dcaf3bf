// Keeps the newest mails, in memory and each in a file of its own, so that they are there again after a
// restart. A mail is on disk before it counts as taken.

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLetter } from "./mail.mjs";

/** More than anybody reads. */
export const MOST_MAILS = 200;

/** Its number puts it in order; its id keeps two post offices of one clone apart. */
const FILE_NAME = /^(\d{12})-[0-9a-f-]{36}\.json$/;

/**
 * @typedef {import("./mail.mjs").Mail} Mail
 * @typedef {{ mail: Mail, key: string | null, path: string }} Kept
 */

export class MailStore {
  #directory;
  /** Newest last. @type {Kept[]} */
  #kept = [];
  #number = 0;
  /** Changes with every mail, and is another after a restart. */
  #revision = 0;
  #epoch = randomUUID();

  /**
   * @param {string} directory made if it is not there
   * @param {(path: string) => void} warn told of each file that holds no mail
   */
  constructor(directory, warn) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory).toSorted()) {
      const number = FILE_NAME.exec(name)?.[1];
      if (number === undefined) continue;
      const path = join(directory, name);
      const kept = readKept(path);
      if (kept === null) warn(path);
      else this.#kept.push(kept);
      this.#number = Number(number);
    }
    this.#dropOld();
  }

  /** Names what is there: as long as it is the same, so are the mails. */
  get revision() {
    return `${this.#epoch}.${this.#revision}`;
  }

  /** @returns {Mail[]} newest first */
  newestFirst() {
    return this.#kept.map(({ mail }) => mail).toReversed();
  }

  /** @param {string} id */
  find(id) {
    return this.#kept.find(({ mail }) => mail.id === id)?.mail ?? null;
  }

  /**
   * Takes a mail, unless one with the same key is there: then that is the one.
   * @param {import("./mail.mjs").Letter} letter
   * @param {string | null} key
   * @returns {Mail}
   */
  take(letter, key) {
    const known = key === null ? undefined : this.#kept.find((kept) => kept.key === key);
    if (known !== undefined) return known.mail;
    const mail = { id: randomUUID(), received_at: new Date().toISOString(), ...letter };
    const name = `${String(this.#number + 1).padStart(12, "0")}-${mail.id}.json`;
    const path = join(this.#directory, name);
    // Made again if it was removed meanwhile. Written aside and renamed, so that no half of a mail is ever read.
    mkdirSync(this.#directory, { recursive: true });
    const partial = `${path}.partial`;
    writeFileSync(partial, JSON.stringify({ key, ...mail }), { mode: 0o600 });
    renameSync(partial, path);
    this.#number += 1;
    this.#revision += 1;
    this.#kept.push({ mail, key, path });
    this.#dropOld();
    return mail;
  }

  #dropOld() {
    for (const { path } of this.#kept.splice(0, Math.max(0, this.#kept.length - MOST_MAILS))) rmSync(path, { force: true });
  }
}

/**
 * @param {string} path
 * @returns {Kept | null} null for a file that somebody else wrote
 */
function readKept(path) {
  try {
    const content = /** @type {Record<string, unknown>} */ (JSON.parse(readFileSync(path, "utf8")));
    const { id, received_at: receivedAt, key } = content;
    if (typeof id !== "string" || typeof receivedAt !== "string") return null;
    return { mail: { id, received_at: receivedAt, ...readLetter(content) }, key: typeof key === "string" ? key : null, path };
  } catch {
    return null;
  }
}
