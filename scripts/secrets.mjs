// Writes `.dev.vars`, the secrets and settings of local runs only. What is already there is never
// changed, so that signed-in clients stay signed in over restarts.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./tools.mjs";

const PATH = join(ROOT, ".dev.vars");

/** A port other than this one has to be told to the Worker, as its address is in every token. */
export const DEFAULT_PORT = 8787;

/** @param {number} port */
export function localAddress(port) {
  return `http://localhost:${port}`;
}

/**
 * `<kid>:<base64url of 32 random bytes>`: the first key of a comma-separated list signs, the others
 * only verify. The id says on which day the key was made.
 */
function newKey() {
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  return `k${day}:${randomBytes(32).toString("base64url")}`;
}

/** @type {readonly (readonly [name: string, comment: string, value: () => string])[]} */
const VARIABLES = [
  ["SIGNING_KEYS", "Ed25519 seeds for access tokens: <kid>:<base64url of 32 bytes>, comma-separated, the first signs.", newKey],
  ["SECRET_KEYS", "Symmetric keys for cursors and refresh tokens, in the same form.", newKey],
  ["ISSUER", "The public address of the Worker, part of every token.", () => localAddress(DEFAULT_PORT)],
  ["EXPOSE_COST", "1 answers with the Kith-Cost header.", () => "1"],
  ["REVEAL_EMAIL", "1 lets registration say that an e-mail address is taken.", () => "1"],
  ["CORS_ORIGINS", "The origins whose pages may call from a browser.", () => "http://localhost:*,http://127.0.0.1:*"],
  ["JOB_GRACE_SECONDS", "How long the queue may take before the sweep looks after a job.", () => "10"],
  ["RATE_LIMIT_FACTOR", "By how much the quotas of all rate limits are multiplied.", () => "100"],
];

/**
 * Adds the variables that are missing.
 * @returns {Promise<string[]>} what was done, as sentences
 */
export async function createMissingSecrets() {
  const existed = existsSync(PATH);
  const before = existed ? readFileSync(PATH, "utf8") : "# Local secrets and settings, written by set-up. Never commit this file.\n";
  const present = new Set(before.split(/\r?\n/).map((line) => /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1]));
  const missing = VARIABLES.filter(([name]) => !present.has(name));
  if (missing.length === 0) return [];
  const added = missing.map(([name, comment, value]) => `# ${comment}\n${name}=${value()}\n`).join("");
  const separator = before.endsWith("\n") ? "" : "\n";
  // Written aside and renamed, so that nobody ever reads half a key.
  const partial = `${PATH}.${process.pid}.partial`;
  try {
    await writeFile(partial, before + separator + added, { mode: 0o600 });
    await rename(partial, PATH);
  } finally {
    await rm(partial, { force: true });
  }
  const names = missing.map(([name]) => name).join(", ");
  return [existed ? `added ${names} to .dev.vars` : "created .dev.vars with new local secrets"];
}
