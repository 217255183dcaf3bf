// Builds the Worker into build/<profile>/ and the files served beside it into build/assets/, or does
// nothing when their sources have not changed since. wrangler runs this before it serves, bundles or
// deploys; so do `npm start` and `npm test`.
//
//   node scripts/build.mjs                  the release profile: what runs at the edge
//   node scripts/build.mjs --profile edit   seconds instead of minutes, for working on the code
//
// The variable KITH_PROFILE chooses as well, for callers that cannot pass arguments.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { buildAssets } from "./assets.mjs";
import { withLock } from "./locks.mjs";
import { capture, endChildrenOnSignals, show } from "./processes.mjs";
import { announce, Failure, main, say } from "./progress.mjs";
import { installReference, PROJECT_LOCKS, setUpBuild } from "./setup.mjs";
import {
  esbuildExecutable,
  npmLockHash,
  ROOT,
  toolEnvironment,
  wasmBindgen,
  wasmBindgenVersion,
  wasmOptExecutable,
  WORKER_BUILD_VERSION,
  workerBuild,
} from "./tools.mjs";

/** @typedef {"release" | "edit"} Profile */

/** What each profile tells worker-build. The profiles themselves are in Cargo.toml. */
const PROFILE_ARGUMENTS = /** @type {Record<Profile, string[]>} */ ({
  release: ["--release"],
  edit: ["--profile", "edit", "--no-opt"],
});

/** What the Worker is made of; anything else in the repository may change without a new build. */
const SOURCES = ["src", "Cargo.toml", "Cargo.lock", "askama.toml", "build.rs", ".cargo/config.toml", "rust-toolchain.toml", "scripts/build.mjs"];

/** The two files that a finished build has and wrangler needs. */
const OUTPUTS = ["index.js", "index_bg.wasm"];

/** @param {string | undefined} name */
export function parseProfile(name) {
  if (name === undefined || name === "") return "release";
  if (name === "release" || name === "edit") return name;
  throw new Failure(`There is no profile "${name}": use release or edit.`);
}

/** @param {Profile} profile */
export function buildDirectory(profile) {
  return join(ROOT, "build", profile);
}

/**
 * Makes build/<profile>/ match the sources. Calls at the same time wait for one another, and the
 * later ones then find nothing left to do.
 * @param {Profile} profile
 */
export async function build(profile) {
  const directory = buildDirectory(profile);
  await installReference();
  await buildAssets();
  if (await isCurrent(directory, profile)) return;
  const lock = join(PROJECT_LOCKS, `build-${profile}.lock`);
  const onWait = () => say(`  … another build of the ${profile} profile is running; waiting for it`);
  await withLock(lock, async () => {
    // Hashed before compiling: an edit made meanwhile makes the next call build again.
    const hash = await sourceHash(profile);
    if (await isCurrent(directory, profile, hash)) return;
    await setUpBuild();
    await announce(`building the Worker (${profile})`, () => compile(directory, profile, hash));
  }, onWait);
}

/**
 * @param {string} directory
 * @param {Profile} profile
 * @param {string} hash
 */
async function compile(directory, profile, hash) {
  await mkdir(directory, { recursive: true });
  await rm(stampOf(directory), { force: true });
  const args = [...PROFILE_ARGUMENTS[profile], "--out-dir", `build/${profile}`];
  const env = {
    ...toolEnvironment(),
    WASM_BINDGEN_BIN: wasmBindgen().executable,
    WASM_OPT_BIN: wasmOptExecutable(),
    ESBUILD_BIN: esbuildExecutable(),
  };
  const { code } = await show(workerBuild().executable, args, { cwd: ROOT, env });
  // A build that failed leaves its staging directory, which the next one would wait five seconds for.
  await rm(join(directory, ".tmp"), { recursive: true, force: true });
  if (code !== 0) throw new Failure("The Worker does not build; the reason is above.");
  for (const output of OUTPUTS) {
    if (!existsSync(join(directory, output))) throw new Failure(`worker-build reported success but wrote no ${output}.`);
  }
  if (profile === "release") await forgetNames(join(directory, "index_bg.wasm"));
  await writeFile(stampOf(directory), hash);
}

/**
 * Takes the names of functions out of the Worker: a tenth of what is uploaded and started, and only the stack
 * trace of a panic would show them. The edit profile keeps them.
 * @param {string} wasm
 */
async function forgetNames(wasm) {
  const { code } = await show(wasmOptExecutable(), ["--all-features", "--strip-debug", wasm, "--output", wasm], { cwd: ROOT });
  if (code !== 0) throw new Failure("wasm-opt could not take the names out of the Worker; the reason is above.");
}

/** @param {string} directory */
function stampOf(directory) {
  return join(directory, ".sources");
}

/**
 * @param {string} directory
 * @param {Profile} profile
 * @param {string} [known] the hash of the sources, if it was just computed
 */
async function isCurrent(directory, profile, known) {
  if (OUTPUTS.some((output) => !existsSync(join(directory, output)))) return false;
  if (!existsSync(stampOf(directory))) return false;
  return readFileSync(stampOf(directory), "utf8") === (known ?? (await sourceHash(profile)));
}

/**
 * A hash over everything that decides what a build comes to.
 * @param {Profile} profile
 */
async function sourceHash(profile) {
  const hash = createHash("sha256");
  const rustc = await capture("rustc", ["--version", "--verbose"], { cwd: ROOT, timeout: 20_000 });
  const facts = [profile, rustc.output, WORKER_BUILD_VERSION, wasmBindgenVersion(), npmLockHash(), process.env.RUSTFLAGS];
  hash.update(JSON.stringify(facts));
  for (const path of SOURCES.flatMap(filesUnder)) {
    const content = readFileSync(join(ROOT, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/**
 * @param {string} path of a file or directory, or of nothing
 * @returns {string[]}
 */
function filesUnder(path) {
  const absolute = join(ROOT, path);
  if (!existsSync(absolute)) return [];
  const entries = tryReadDirectory(absolute);
  if (entries === null) return [path];
  return entries.toSorted().flatMap((name) => filesUnder(`${path}/${name}`));
}

/** @param {string} path */
function tryReadDirectory(path) {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return null;
    throw error;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  endChildrenOnSignals();
  await main(async () => {
    const { values } = parseArgs({ options: { profile: { type: "string" } } });
    await build(parseProfile(values.profile ?? process.env.KITH_PROFILE));
  });
}
