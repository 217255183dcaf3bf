// Makes client/dist/, the typed client as it is published. `npm pack` and `npm publish` in client/ run this
// first; nothing of the package runs where it is installed.

import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeSchema } from "./client-schema.mjs";
import { endChildrenOnSignals, show } from "./processes.mjs";
import { Failure, main } from "./progress.mjs";
import { setUpNpm } from "./setup.mjs";
import { findNode, npmTool, ROOT, toolEnvironment } from "./tools.mjs";

await main(async () => {
  endChildrenOnSignals();
  await setUpNpm();
  writeSchema();
  const client = join(ROOT, "client");
  for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(join(ROOT, licence), join(client, licence));
  // What is no longer a source must not stay in the package.
  await rm(join(client, "dist"), { recursive: true, force: true });
  const node = findNode() ?? process.execPath;
  const { code } = await show(node, [npmTool("typescript/bin/tsc"), "--project", client], { cwd: ROOT, env: toolEnvironment() });
  if (code !== 0) throw new Failure("The typed client does not compile; the reason is above.");
});
