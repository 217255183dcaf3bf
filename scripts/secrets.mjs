// Writes `.dev.vars`, the secrets and settings of local runs only. What is already there is never
// changed, so that signed-in clients stay signed in over restarts.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawKey } from "./keys/rotation.mjs";
import { ROOT } from "./tools.mjs";

const PATH = join(ROOT, ".dev.vars");

/** The first line of a file that set-up has written. */
const HEADING = "# Local secrets and settings, written by set-up. Never commit this file.\n";

/** A port other than this one has to be told to the Worker, as its address is in every token. */
export const DEFAULT_PORT = 8787;

/** @param {number} port */
export function localAddress(port) {
  return `http://localhost:${port}`;
}

/** Where the local post office takes mails, unless that port is taken. */
export const DEFAULT_MAIL_PORT = 8025;

/**
 * By number, as what listens there is no name that the runtime would have to look up.
 * @param {number} port
 */
export function localMailApi(port) {
  return `http://127.0.0.1:${port}/emails`;
}

/**
 * `<kid>:<base64url of 32 random bytes>`: the first key of a comma-separated list signs, the others
 * only verify. `npm run keys:rotate` adds more.
 */
function newKey() {
  const { id, bytes } = drawKey(Date.now(), []);
  return `${id}:${bytes}`;
}

/** @type {readonly (readonly [name: string, comment: string, value: () => string])[]} */
const VARIABLES = [
  ["SIGNING_KEYS", "Ed25519 seeds for access tokens: <kid>:<base64url of 32 bytes>, comma-separated, the first signs.", newKey],
  ["SECRET_KEYS", "Symmetric keys for cursors, refresh tokens and the links of mails, in the same form.", newKey],
  ["ISSUER", "The public address of the Worker, part of every token.", () => localAddress(DEFAULT_PORT)],
  ["EXPOSE_COST", "1 answers with the Kith-Cost header.", () => "1"],
  ["REVEAL_EMAIL", "1 lets registration say that an e-mail address is taken.", () => "1"],
  ["CORS_ORIGINS", "The origins whose pages may call from a browser.", () => "http://localhost:*,http://127.0.0.1:*"],
  ["JOB_GRACE_SECONDS", "How long the queue may take before the sweep looks after a job.", () => "10"],
  ["RATE_LIMIT_FACTOR", "By how much the quotas of all rate limits are multiplied.", () => "100"],
  ["MAIL_TRANSPORT", "How mails leave: by `http`, to MAIL_API_URL.", () => "http"],
  ["MAIL_FROM", "Who mails are from.", () => '"Kith <no-reply@localhost.example>"'],
  ["MAIL_API_URL", "The local post office, which `npm start` runs. Another address has it stay away.", () => localMailApi(DEFAULT_MAIL_PORT)],
  ["MAIL_API_KEY", "What the post office knows Kith by.", () => randomBytes(32).toString("base64url")],
];

/**
 * Those that a file has had from its first day, and that others were made with. One that is gone was lost:
 * a new one would end every session without a word, so the Worker is left to say that it lacks it.
 */
const LASTING = new Set(["SIGNING_KEYS", "SECRET_KEYS"]);

/**
 * The variables of a file, by name. Quotes around a value are not part of it, nor is a comment after it.
 * @param {string} text
 */
function variablesOf(text) {
  const lines = text.matchAll(/^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^#\r\n]*))/gm);
  return new Map([...lines].map(([, name = "", double, single, bare = ""]) => [name, double ?? single ?? bare.trim()]));
}

/**
 * What a local run is set to.
 * @param {string} name
 * @param {string} [path]
 * @returns {string | null} null where the file does not say
 */
export function localSetting(name, path = PATH) {
  return variablesOf(readFileSync(path, "utf8")).get(name) ?? null;
}

/**
 * Adds the variables that are missing.
 * @param {string} [path]
 * @returns {Promise<string[]>} what was done, as sentences
 */
export async function createMissingSecrets(path = PATH) {
  const existed = existsSync(path);
  const before = existed ? readFileSync(path, "utf8") : HEADING;
  const present = variablesOf(before);
  const mayBeMade = (/** @type {string} */ name) => !(existed && before.startsWith(HEADING) && LASTING.has(name));
  const missing = VARIABLES.filter(([name]) => !present.has(name) && mayBeMade(name));
  if (missing.length === 0) return [];
  const added = missing.map(([name, comment, value]) => `# ${comment}\n${name}=${value()}\n`).join("");
  const separator = before.endsWith("\n") ? "" : "\n";
  // Written aside and renamed, so that nobody ever reads half a key.
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, before + separator + added, { mode: 0o600 });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  const names = missing.map(([name]) => name).join(", ");
  return [existed ? `added ${names} to .dev.vars` : "created .dev.vars with new local secrets"];
}
