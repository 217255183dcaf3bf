// Brings the local D1 to the newest schema and fills it. The work itself is done by wrangler and by
// `seed/local.mjs`, which need a newer Node than the one these scripts may be running on.

import { join } from "node:path";
import { capture, lastLines, show } from "./processes.mjs";
import { Failure } from "./progress.mjs";
import { findNode, ROOT, toolEnvironment, WRANGLER } from "./tools.mjs";

/** The name that wrangler.toml gives the database. */
const DATABASE = "kith";

/** Everything that `wrangler dev` keeps between runs. */
export const LOCAL_STATE = join(ROOT, ".wrangler", "state");

/**
 * A call of one of the functions of `processes.mjs`.
 * @param {string[]} args
 * @returns {[command: string, args: string[], options: import("./processes.mjs").RunOptions]}
 */
function underNode(args) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that wrangler accepts.");
  // Only what goes wrong is worth a line here.
  return [node, ["--no-warnings", ...args], { cwd: ROOT, env: { ...toolEnvironment(), WRANGLER_LOG: "warn" } }];
}

/** Applies the migrations that the local database has not seen. */
export async function migrateLocalDatabase() {
  const { code, output } = await capture(...underNode([WRANGLER, "d1", "migrations", "apply", DATABASE, "--local"]));
  if (code !== 0) {
    throw new Failure(
      `The local database could not be migrated:\n${lastLines(output, 15)}\n\n` +
        "If a migration that had already been applied was edited, `npm run reset` starts over.",
    );
  }
}

/**
 * Adds the demo data unless somebody is already there.
 * @returns {Promise<boolean>} whether the demo people are there now
 */
export async function seedEmptyDatabase() {
  const { code, output } = await capture(...underNode([join(ROOT, "scripts/seed/local.mjs"), "--if-empty"]));
  if (code !== 0) throw new Failure(`The demo data could not be added:\n${lastLines(output, 15)}`);
  return /demo people/.test(output);
}

/**
 * @param {string[]} args of `seed/local.mjs`
 * @returns {Promise<number>} its exit code
 */
export async function seedLocalDatabase(args) {
  const { code } = await show(...underNode([join(ROOT, "scripts/seed/local.mjs"), ...args]));
  return code;
}
