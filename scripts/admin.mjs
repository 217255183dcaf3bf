// `npm run admin:create`: the first admin, by a link or by name.
//
//   npm run admin:create                            prints a one-time link that makes the first admin
//   npm run admin:create -- asha                    makes asha, who has an account, an admin
//   npm run admin:create -- --remote [asha]         the same in the deployed database
//   npm run admin:create -- --address https://…     where the link is to lead

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createLink, LOCAL, promote, REMOTE } from "./first-admin.mjs";
import { migrateLocalDatabase } from "./local-database.mjs";
import { endChildrenOnSignals } from "./processes.mjs";
import { Failure, main, messageOf, say, wait } from "./progress.mjs";
import { DEFAULT_PORT, localAddress } from "./secrets.mjs";
import { setUpNpm } from "./setup.mjs";
import { ROOT } from "./tools.mjs";

const USAGE = "Usage: npm run admin:create -- [USERNAME] [--remote] [--address URL]";

function parseOptions() {
  try {
    const options = /** @type {const} */ ({ remote: { type: "boolean", default: false }, address: { type: "string" } });
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length > 1) throw new Failure("One username at a time.");
    return { ...values, username: positionals[0] };
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n${USAGE}`);
  }
}

/** Where the deployment is, as `wrangler.toml` says: its app's pages, or else the Worker itself. */
function deployedAddress() {
  const file = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  // Not APP_URL: the page of the link is Kith's own, and asks the address that it comes from.
  const address = /^\s*ISSUER\s*=\s*"(https?:\/\/[^"]+)"/m.exec(file)?.[1];
  if (address === undefined) throw new Failure(`wrangler.toml does not say where the deployment is. Name it: --address https://…\n${USAGE}`);
  return address;
}

await main(async () => {
  endChildrenOnSignals();
  const { username, remote, address } = parseOptions();
  const where = remote ? REMOTE : LOCAL;
  const base = (address ?? (remote ? deployedAddress() : localAddress(DEFAULT_PORT))).replace(/\/+$/, "");
  await setUpNpm();
  if (!remote) await wait("migrating the local database", migrateLocalDatabase);
  if (username !== undefined) {
    await wait(`making ${username} an admin`, () => promote(username, where));
    say(`✓ ${username} is an admin`);
    return 0;
  }
  const link = await wait("making a link", () => createLink(base, where));
  if (link === null) {
    throw new Failure("There is an admin already, who can make others admins. By name it works here too: npm run admin:create -- USERNAME");
  }
  say("");
  say("Whoever opens this first becomes the admin. It works once, for a day:");
  say(`  ${link}`);
  say("");
  return 0;
});
