// `npm run lint`: formatting, clippy for both targets, types, and the linters of TypeScript and of
// openapi.json. Each runs whatever the others found, so that one look shows everything.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeSchema } from "./client-schema.mjs";
import { endChildrenOnSignals, show } from "./processes.mjs";
import { formatDuration, main, say } from "./progress.mjs";
import { setUpBuild, setUpLint } from "./setup.mjs";
import { findNode, npmTool, ROOT, toolEnvironment, WASM_TARGET } from "./tools.mjs";

/** `--locked` is here and not in the build: a stale Cargo.lock must not pass, nor stop the edit loop. */
const CLIPPY = ["clippy", "--locked", "--quiet"];

/** @returns {readonly (readonly [name: string, command: string, args: string[]])[]} */
function lints() {
  const node = findNode() ?? process.execPath;
  const linted = ["scripts", "assets", "tests", "bench", "client"].filter((directory) => existsSync(join(ROOT, directory)));
  return [
    ["cargo fmt", "cargo", ["fmt", "--check"]],
    ["clippy, host", "cargo", [...CLIPPY, "--all-targets", "--", "-D", "warnings"]],
    ["clippy, wasm", "cargo", [...CLIPPY, "--lib", "--target", WASM_TARGET, "--", "-D", "warnings"]],
    ["tsc, scripts", node, [npmTool("typescript/bin/tsc"), "--noEmit"]],
    ["tsc, pages", node, [npmTool("typescript/bin/tsc"), "--noEmit", "--project", "tests/pages"]],
    ["tsc, client", node, [npmTool("typescript/bin/tsc"), "--noEmit", "--project", "client"]],
    ["tsc, tests", node, [npmTool("typescript/bin/tsc"), "--noEmit", "--project", "tests/api"]],
    ["openapi.json", node, ["scripts/lint-openapi.mjs"]],
    ["oxlint", node, [npmTool("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings", ...linted]],
  ];
}

/** @returns {Promise<boolean>} whether nothing was found */
export async function lint() {
  let clean = true;
  writeSchema();
  for (const [name, command, args] of lints()) {
    const begun = performance.now();
    // One after the other: their outputs must not mix, and cargo would wait for cargo anyway.
    const { code } = await show(command, args, { cwd: ROOT, env: toolEnvironment() });
    if (code !== 0) clean = false;
    say(`${code === 0 ? "✓" : "✗"} ${name} (${formatDuration(performance.now() - begun)})`);
  }
  return clean;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    endChildrenOnSignals();
    await setUpBuild();
    await setUpLint();
    return (await lint()) ? 0 : 1;
  });
}
