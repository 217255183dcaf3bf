// The first admin of a deployment: the one-time link that makes one, and an existing account made an admin
// at the console. `src/auth/setup/` redeems the link.

import { createHash, randomBytes } from "node:crypto";
import { capture, lastLines } from "./processes.mjs";
import { Failure } from "./progress.mjs";
import { findNode, ROOT, toolEnvironment, WRANGLER } from "./tools.mjs";

/** The name that wrangler.toml gives the database. */
const DATABASE = "kith";

/** For how long a link is good. */
const LIFETIME_MS = 24 * 3_600_000;

/** What a username looks like once it is folded: nothing in it could end a text of SQL. */
const USERNAME = /^[a-z0-9_.]{3,30}$/;

/** Which database is meant: the one of this machine, or the deployed one. */
export const LOCAL = "--local";
export const REMOTE = "--remote";

/** A token that nobody can guess, and what the database keeps of it. */
export function newToken() {
  const token = randomBytes(32).toString("base64url");
  return { token, hash: createHash("sha256").update(token).digest("base64url") };
}

/** @param {number} atMs */
function uuidV7(atMs) {
  const time = atMs.toString(16).padStart(12, "0");
  const random = randomBytes(10).toString("hex");
  const variant = ((Number.parseInt(random.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

/**
 * SQL that keeps a new link's token, unless there is an active admin; the links before it are void. The last
 * statement answers with a row if it was kept.
 * @param {string} hash
 * @param {number} nowMs
 * @returns {string[]}
 */
export function sqlOfLink(hash, nowMs) {
  return [
    "delete from setup_tokens",
    `insert into setup_tokens (hash, expires_at)
     select '${hash}', ${nowMs + LIFETIME_MS}
     where not exists (select 1 from users where role = 'admin' and status = 'active')
     returning hash`,
  ];
}

/**
 * SQL that makes an active account an admin, with an event in the audit log, unless it is one. The last
 * statement answers with its role and status, if there is such an account.
 * @param {string} username
 * @param {number} nowMs
 * @returns {string[]}
 */
export function sqlOfPromotion(username, nowMs) {
  const folded = username.toLowerCase();
  if (!USERNAME.test(folded)) throw new Failure(`"${username}" is no username.`);
  const whom = `username = '${folded}' and status = 'active' and role <> 'admin'`;
  return [
    `insert into audit_events (id, at, kind, account_id, request_id, details)
     select '${uuidV7(nowMs)}', ${nowMs}, 'admin_created', id, 'console', json_object('by', 'console', 'from', role)
     from users where ${whom}`,
    `update users set role = 'admin', version = version + 1, standing_version = standing_version + 1 where ${whom}`,
    `select role, status from users where username = '${folded}' and status <> 'deleted'`,
  ];
}

/**
 * Runs statements in one of the databases.
 * @param {string[]} statements
 * @param {typeof LOCAL | typeof REMOTE} where
 * @returns {Promise<Record<string, unknown>[]>} the rows of the last
 */
async function execute(statements, where) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that wrangler accepts.");
  const args = ["--no-warnings", WRANGLER, "d1", "execute", DATABASE, where, "--json", "--command", statements.join(";\n")];
  const { code, output } = await capture(node, args, { cwd: ROOT, env: { ...toolEnvironment(), WRANGLER_LOG: "log" } });
  if (code !== 0) throw new Failure(`The database could not be asked:\n${lastLines(output, 15)}`);
  // What else wrangler has to say stands before the answer.
  const begin = output.search(/^\[/m);
  if (begin === -1) throw new Failure(`wrangler answered in another form than JSON:\n${lastLines(output, 15)}`);
  const answers = /** @type {{ results: Record<string, unknown>[] }[]} */ (JSON.parse(output.slice(begin)));
  return answers.at(-1)?.results ?? [];
}

/**
 * A new link that makes the first admin, or null if there is one.
 * @param {string} address where the deployment is
 * @param {typeof LOCAL | typeof REMOTE} where
 */
export async function createLink(address, where) {
  const { token, hash } = newToken();
  const rows = await execute(sqlOfLink(hash, Date.now()), where);
  // In the fragment, which browsers send to nobody.
  return rows.length === 0 ? null : `${address}/setup#token=${token}`;
}

/**
 * Makes an existing account an admin.
 * @param {string} username
 * @param {typeof LOCAL | typeof REMOTE} where
 */
export async function promote(username, where) {
  const [account] = await execute(sqlOfPromotion(username, Date.now()), where);
  if (account === undefined) throw new Failure(`Nobody is called ${username}.`);
  if (account["role"] !== "admin") throw new Failure(`${username} is suspended. Make them active first.`);
}
