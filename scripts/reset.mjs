// `npm run reset`: removes the local data, that is D1, KV and queues of `wrangler dev`, and the mails of the
// local post office. Secrets, builds and installed tools stay.

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { relative } from "node:path";
import { LOCAL_STATE } from "./local-database.mjs";
import { LOCAL_MAIL } from "./post-office.mjs";
import { Failure, main, say } from "./progress.mjs";
import { runningServers } from "./servers.mjs";
import { ROOT } from "./tools.mjs";

await main(async () => {
  if (process.argv.length > 2) throw new Failure("Usage: npm run reset (it takes no options)");
  const server = runningServers()[0];
  if (server) {
    throw new Failure(
      `A server is using the local data (port ${server.port}). End its \`npm start\` with Ctrl-C, or process ${server.pid} if that is gone, then run this again.`,
    );
  }
  const [state, mail] = [LOCAL_STATE, LOCAL_MAIL].map((path) => relative(ROOT, path));
  if (!existsSync(LOCAL_STATE) && !existsSync(LOCAL_MAIL)) {
    say(`There is no local data (${state}, ${mail}).`);
    return;
  }
  await rm(LOCAL_STATE, { recursive: true, force: true });
  await rm(LOCAL_MAIL, { recursive: true, force: true });
  say(`Removed ${state} and ${mail}: the local database, KV, queues and mails. \`npm start\` creates them anew.`);
});
