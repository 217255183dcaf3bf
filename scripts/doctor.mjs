// `npm run doctor`: what is needed, what is there, and how to get the rest. Changes nothing.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, main, say } from "./progress.mjs";
import {
  cachedNode,
  esbuildExecutable,
  findNode,
  findPython,
  fuzzer,
  isAtLeast,
  NODE_MINIMUM,
  npmTool,
  npmPackagesAreCurrent,
  PYTHON_MINIMUM,
  reference,
  reportedVersion,
  ROOT,
  rustMinimum,
  WASM_TARGET,
  wasmBindgen,
  wasmBindgenVersion,
  wasmTargetIsInstalled,
  WORKER_BUILD_VERSION,
  workerBuild,
} from "./tools.mjs";

/**
 * @typedef {object} Finding
 * @property {string} tool
 * @property {string} wanted
 * @property {string | null} found
 * @property {boolean} ok
 * @property {string} remedy
 */

const BY_SET_UP = "npm start installs it";

/**
 * @param {string} tool
 * @param {string} minimum
 * @param {string | null} found
 * @param {string} remedy
 * @returns {Finding}
 */
function atLeast(tool, minimum, found, remedy) {
  return { tool, wanted: `≥ ${minimum}`, found, ok: found !== null && isAtLeast(found, minimum), remedy };
}

/**
 * @param {string} tool
 * @param {string} wanted
 * @param {string | null} found
 * @param {string} remedy
 * @returns {Finding}
 */
function exactly(tool, wanted, found, remedy) {
  return { tool, wanted, found, ok: found === wanted, remedy };
}

/**
 * @param {string} tool
 * @param {string} wanted
 * @param {boolean | string | null} found a version, if there are any
 * @param {string} remedy
 * @returns {Finding}
 */
function presence(tool, wanted, found, remedy) {
  const shown = found === true ? "yes" : found === false ? null : found;
  return { tool, wanted, found: shown, ok: shown !== null, remedy };
}

/** @param {string} name */
function installedPackageVersion(name) {
  const manifest = npmTool(`${name}/package.json`);
  if (!existsSync(manifest)) return null;
  return /** @type {{ version: string }} */ (JSON.parse(readFileSync(manifest, "utf8"))).version;
}

/** @returns {Promise<Finding[]>} */
async function examine() {
  const rust = "https://rustup.rs, or `rustup update stable`";
  const node = findNode();
  const nodeRunning = isAtLeast(process.versions.node, NODE_MINIMUM);
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const [rustc, cargo, rustup, target, nodeVersion, npmVersion, workerBuildVersion, esbuild, rustfmt, clippy] =
    await Promise.all([
      reportedVersion("rustc"),
      reportedVersion("cargo"),
      reportedVersion("rustup"),
      wasmTargetIsInstalled(),
      node === null ? Promise.resolve(null) : reportedVersion(node),
      reportedVersion(npm),
      reportedVersion(workerBuild().executable),
      reportedVersion(esbuildExecutable()),
      reportedVersion("cargo", ["fmt", "--version"]),
      reportedVersion("cargo", ["clippy", "--version"]),
    ]);
  const python = await findPython();
  const bindgen = wasmBindgenVersion();
  const lock = /** @type {{ packages: Record<string, { version: string }> }} */ (
    JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"))
  );
  const locked = (/** @type {string} */ name) => lock.packages[`node_modules/${name}`]?.version ?? "?";
  return [
    atLeast("rustc", rustMinimum(), rustc, rust),
    atLeast("cargo", rustMinimum(), cargo, rust),
    presence("rustup", "any", rustup, "https://rustup.rs"),
    presence(`target ${WASM_TARGET}`, "installed", target, `rustup target add ${WASM_TARGET}`),
    atLeast(nodeRunning ? "node" : "node (in the cache)", NODE_MINIMUM, nodeVersion, `${BY_SET_UP} (${cachedNode().version})`),
    presence("npm", "any", npmVersion, "comes with Node: https://nodejs.org"),
    presence("npm packages", "as in the lock", npmPackagesAreCurrent(), "npm start, or npm ci"),
    exactly("wrangler", locked("wrangler"), installedPackageVersion("wrangler"), BY_SET_UP),
    exactly("vitest", locked("vitest"), installedPackageVersion("vitest"), BY_SET_UP),
    exactly("wasm-opt (binaryen)", locked("binaryen"), installedPackageVersion("binaryen"), BY_SET_UP),
    exactly("esbuild", locked("esbuild"), esbuild, BY_SET_UP),
    exactly("worker-build", WORKER_BUILD_VERSION, workerBuildVersion, BY_SET_UP),
    bindgen === null
      ? presence("wasm-bindgen", "as in Cargo.lock", false, "git checkout Cargo.lock")
      : exactly("wasm-bindgen", bindgen, await reportedVersion(wasmBindgen().executable), BY_SET_UP),
    presence("API reference", reference().version, existsSync(reference().bundle), BY_SET_UP),
    presence(".dev.vars", "local secrets", existsSync(join(ROOT, ".dev.vars")), "npm start creates it"),
    presence("Python, with venv", `≥ ${PYTHON_MINIMUM}, for fuzzing`, python?.version ?? null, "https://python.org, or the system's packages"),
    presence("Schemathesis", "as required", python !== null && existsSync(fuzzer(python).python), "npm test or npm run fuzz installs it"),
    presence("rustfmt", "for npm run lint", rustfmt, "rustup component add rustfmt"),
    presence("clippy", "for npm run lint", clippy, "rustup component add clippy"),
  ];
}

/** @param {string[][]} rows */
function sayTable(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) say(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
}

await main(async () => {
  if (process.argv.length > 2) throw new Failure("Usage: npm run doctor (it takes no options)");
  const findings = await examine();
  sayTable([
    ["tool", "wanted", "found", "", "remedy"],
    ...findings.map((finding) => [
      finding.tool,
      finding.wanted,
      finding.found ?? "-",
      finding.ok ? "ok" : finding.found === null ? "missing" : "differs",
      finding.ok ? "" : finding.remedy,
    ]),
  ]);
  const missing = findings.filter((finding) => !finding.ok).length;
  say("");
  say(missing === 0 ? "Everything is in place." : `${missing} missing. \`npm start\` and \`npm test\` install all but Rust, npm and Python.`);
  return missing === 0 ? 0 : 1;
});
