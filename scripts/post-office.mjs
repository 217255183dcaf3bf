// The post office of local runs: Kith's mails end here, on a page where a developer reads them, and go
// nowhere. It takes them as a provider does to whom Kith speaks over HTTP. `npm start` runs it.

import { join } from "node:path";
import { isTaken } from "./ports.mjs";
import { openPostOffice } from "./post-office/server.mjs";
import { Failure, say } from "./progress.mjs";
import { DEFAULT_MAIL_PORT, localAddress, localMailApi, localSetting } from "./secrets.mjs";
import { ROOT } from "./tools.mjs";

/** The mails that came. */
export const LOCAL_MAIL = join(ROOT, ".wrangler", "mail");

/**
 * Opens it, unless `.dev.vars` has mails go elsewhere.
 * @param {number | null} chosen the port to take; if none, the usual one, or the next that is free
 * @param {number} workerPort
 * @returns {Promise<import("./post-office/server.mjs").PostOffice | null>}
 */
export async function openLocalPostOffice(chosen, workerPort) {
  if (localSetting("MAIL_TRANSPORT") !== "http" || localSetting("MAIL_API_URL") !== localMailApi(DEFAULT_MAIL_PORT)) {
    if (chosen !== null) throw new Failure("--mail-port is for the local post office, but MAIL_TRANSPORT or MAIL_API_URL in .dev.vars sends mails elsewhere.");
    say("! MAIL_TRANSPORT or MAIL_API_URL in .dev.vars sends mails elsewhere, so there is no page that shows them");
    return null;
  }
  const key = localSetting("MAIL_API_KEY");
  if (!key) throw new Failure("MAIL_API_KEY in .dev.vars is empty. Remove the line, and `npm start` makes a new one.");
  let port = chosen ?? DEFAULT_MAIL_PORT;
  while (port === workerPort || (await isTaken(port))) {
    if (chosen !== null) throw new Failure(`Port ${chosen} is in use. Take another for mails: npm start -- --mail-port ${chosen + 1}`);
    port += 1;
  }
  if (chosen === null && port !== DEFAULT_MAIL_PORT) say(`! Port ${DEFAULT_MAIL_PORT} is in use: mails are shown at ${localAddress(port)} instead`);
  const warn = (/** @type {string} */ path) => say(`! ${path} is no mail that could be read; it is not shown`);
  return openPostOffice({ port, key, directory: LOCAL_MAIL, warn });
}
