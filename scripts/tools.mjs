// The one place that pins the tools, says where each is kept, and can tell whether it is there. It
// installs nothing (`setup.mjs` does) and prints nothing (`doctor.mjs` does).

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { capture } from "./processes.mjs";

/** The root of the repository. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** wrangler refuses anything older. */
export const NODE_MINIMUM = "22.12.0";

/** Installed beside the machine's own Node when that is older than `NODE_MINIMUM`. */
const NODE_INSTALLED = "22.23.3";
/** Platforms for which npm carries another patch version than `NODE_INSTALLED`. */
const NODE_INSTALLED_ELSEWHERE = /** @type {Record<string, string>} */ ({ "darwin-arm64": "22.23.2" });

export const WORKER_BUILD_VERSION = "0.8.7";

export const WASM_TARGET = "wasm32-unknown-unknown";

const EXECUTABLE_SUFFIX = process.platform === "win32" ? ".exe" : "";

/**
 * Where what is shared by all clones of one user is kept, each thing in a directory named by tool
 * and version, so that two versions of Kith never overwrite each other's tools.
 */
export function cacheDirectory() {
  const chosen = process.env.KITH_CACHE_DIR;
  if (chosen) return chosen;
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(base, "kith");
}

/**
 * Compares dotted version numbers by value; a pre-release suffix is ignored.
 * @param {string} found
 * @param {string} minimum
 */
export function isAtLeast(found, minimum) {
  const numbersOf = (/** @type {string} */ text) => text.split(/[-+]/, 1)[0]?.split(".").map(Number) ?? [];
  const left = numbersOf(found);
  const right = numbersOf(minimum);
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * The oldest Rust that the crate compiles with, read from Cargo.toml so that the two cannot differ.
 * @returns {string}
 */
export function rustMinimum() {
  const manifest = readFileSync(join(ROOT, "Cargo.toml"), "utf8");
  return /^rust-version\s*=\s*"([^"]+)"/m.exec(manifest)?.[1] ?? "1.95";
}

/**
 * The wasm-bindgen command must equal the crate of that name exactly, so its version is never
 * pinned a second time: Cargo.lock says it.
 * @returns {string | null} null when Cargo.lock is missing or names no wasm-bindgen
 */
export function wasmBindgenVersion() {
  const path = join(ROOT, "Cargo.lock");
  if (!existsSync(path)) return null;
  return /name = "wasm-bindgen"\r?\nversion = "([^"]+)"/.exec(readFileSync(path, "utf8"))?.[1] ?? null;
}

/**
 * A tool that `cargo install` puts into the cache.
 * @typedef {object} CargoTool
 * @property {string} crate
 * @property {string} version
 * @property {string} directory what `cargo install --root` is given
 * @property {string} executable
 * @property {boolean} locked whether the crate's own lock file can be built
 * @property {boolean} optimised whether it is worth the minutes that optimising it takes
 */

/** @returns {CargoTool} */
export function workerBuild() {
  // It only starts other programs, so an unoptimised one is as fast and ready much sooner.
  return cargoTool("worker-build", "worker-build", WORKER_BUILD_VERSION, { locked: true, optimised: false });
}

/**
 * @returns {CargoTool}
 * @throws when Cargo.lock does not say which version is needed
 */
export function wasmBindgen() {
  const version = wasmBindgenVersion();
  if (version === null) {
    throw new Error("Cargo.lock names no wasm-bindgen; restore it with `git checkout Cargo.lock` or run `cargo check`.");
  }
  // The lock file published with 0.2.130 does not build, hence not `--locked`.
  return cargoTool("wasm-bindgen-cli", "wasm-bindgen", version, { locked: false, optimised: true });
}

/**
 * @param {string} crate
 * @param {string} command
 * @param {string} version
 * @param {{ locked: boolean, optimised: boolean }} options
 * @returns {CargoTool}
 */
function cargoTool(crate, command, version, options) {
  const directory = join(cacheDirectory(), `${crate}-${version}`);
  return { crate, version, directory, executable: join(directory, "bin", command + EXECUTABLE_SUFFIX), ...options };
}

/**
 * The npm package that carries nothing but Node's executable for this machine, and where it goes.
 * @returns {{ package: string, version: string, directory: string, executable: string }}
 */
export function cachedNode() {
  const windows = process.platform === "win32";
  const platform = windows ? "win" : process.platform;
  const prefix = platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  const version = NODE_INSTALLED_ELSEWHERE[`${platform}-${process.arch}`] ?? NODE_INSTALLED;
  const directory = join(cacheDirectory(), `node-${version}-${platform}-${process.arch}`);
  return {
    package: `${prefix}-${platform}-${process.arch}`,
    version,
    directory,
    executable: join(directory, "bin", `node${EXECUTABLE_SUFFIX}`),
  };
}

/**
 * A Node that wrangler accepts: the one running this script if it is new enough, else the cached one.
 * @returns {string | null} its executable, or null when set-up has not installed one yet
 */
export function findNode() {
  if (isAtLeast(process.versions.node, NODE_MINIMUM)) return process.execPath;
  const { executable } = cachedNode();
  return existsSync(executable) ? executable : null;
}

/**
 * The environment in which npm's tools run: a Node that is new enough comes first, nothing asks a
 * question, and nothing is sent anywhere.
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment() {
  const node = findNode();
  const separator = process.platform === "win32" ? ";" : ":";
  const path = [node ? dirname(node) : "", process.env.PATH ?? ""].filter(Boolean).join(separator);
  return {
    ...process.env,
    PATH: path,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
    // Local runs need no real `Request.cf`; looking it up costs a timeout when offline.
    CLOUDFLARE_CF_FETCH_ENABLED: process.env.CLOUDFLARE_CF_FETCH_ENABLED ?? "false",
  };
}

/**
 * The JavaScript file of an npm tool, to be run with `findNode()`. Going through `node_modules/.bin`
 * would put another process between us and the tool, which then misses our signals.
 * @param {string} path below node_modules
 */
export function npmTool(path) {
  return join(ROOT, "node_modules", ...path.split("/"));
}

/** wrangler without its launcher, which only checks Node's version and starts this very file. */
export const WRANGLER = npmTool("wrangler/wrangler-dist/cli.js");

/** The executable that npm put beside the `esbuild` package for this platform. */
export function esbuildExecutable() {
  const windows = process.platform === "win32";
  const name = windows ? "esbuild.exe" : "bin/esbuild";
  const native = npmTool(`@esbuild/${process.platform}-${process.arch}/${name}`);
  return existsSync(native) ? native : npmTool(".bin/esbuild");
}

export function wasmOptExecutable() {
  return npmTool(process.platform === "win32" ? ".bin/wasm-opt.cmd" : ".bin/wasm-opt");
}

/**
 * The page /docs: one file of an npm package that contains all it needs. Installed by itself, because the
 * package also names 270 others, of which the file is made.
 */
export function reference() {
  const version = "1.72.1";
  const directory = join(cacheDirectory(), `api-reference-${version}`);
  return {
    package: "@scalar/api-reference",
    version,
    /** Of the package as the registry has it, as a lock file would pin it. */
    integrity: "sha512-XpEJ0rfc/cXbCrR+iC4kK0o/WwX2dTtGQbT049OlPKAHD6IMIFdTeGz2r+M27P2EDWKyUITRm/NzlP8z2pw/Ow==",
    /** Its place in the package's archive. */
    entry: "package/dist/browser/standalone.js",
    directory,
    bundle: join(directory, "package", "dist", "browser", "standalone.js"),
  };
}

/** The oldest Python for the Schemathesis that Kith was tested with (docs/decisions/0023). */
export const PYTHON_MINIMUM = "3.11";

/** Where there are several, the one that has the plain name is often the oldest. */
const PYTHONS = [["python3"], ["python"], ["py", "-3"], ["python3.14"], ["python3.13"], ["python3.12"], ["python3.11"]];

/** What is installed for API fuzzing: every package by version and hash. */
export const FUZZ_REQUIREMENTS = join(ROOT, "tests", "fuzz", "requirements.txt");

/**
 * A Python that can make virtual environments.
 * @typedef {object} Python
 * @property {string} executable
 * @property {string} version
 */

/** Debian and others keep what makes virtual environments in a package of its own. */
const PYTHON_PROBE = "import ensurepip, sys, venv; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3])";

/**
 * @returns {Promise<Python | null>} null where there is none that will do
 */
export async function findPython() {
  for (const [name, ...args] of PYTHONS) {
    const { code, output } = await capture(`${name}${EXECUTABLE_SUFFIX}`, [...args, "-c", PYTHON_PROBE], { timeout: 20_000 });
    const [executable = "", version = ""] = output.trim().split(/\r?\n/);
    if (code === 0 && isAtLeast(version, PYTHON_MINIMUM)) return { executable, version };
  }
  return null;
}

/**
 * Where Schemathesis is kept for this Python: a virtual environment, named by what is to be in it.
 * @param {Python} python
 */
export function fuzzer({ executable, version }) {
  const content = createHash("sha256").update(readFileSync(FUZZ_REQUIREMENTS)).update(`${executable} ${version}`).digest("hex");
  const directory = join(cacheDirectory(), `schemathesis-${content.slice(0, 16)}`);
  const inside = process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];
  return { directory, python: join(directory, ...inside) };
}

/** Written when `npm ci` has finished, so that an interrupted one is told from a finished one. */
export const NPM_STAMP = join(ROOT, "node_modules", ".kith-lock");

/** What `NPM_STAMP` must contain for `node_modules` to be what the lock file says. */
export function npmLockHash() {
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  return createHash("sha256").update(lock).update(`${process.platform}-${process.arch}`).digest("hex");
}

export function npmPackagesAreCurrent() {
  return existsSync(NPM_STAMP) && readFileSync(NPM_STAMP, "utf8") === npmLockHash();
}

/**
 * The version that a command reports, or null when it cannot be run.
 * @param {string} command
 * @param {string[]} [args]
 */
export async function reportedVersion(command, args = ["--version"]) {
  const result = await capture(command, args, { timeout: 20_000 });
  if (result.code !== 0) return null;
  return /\d+\.\d+(\.\d+)?/.exec(result.output)?.[0] ?? null;
}

/** Whether the standard library for the Wasm target is installed, by rustup or otherwise. */
export async function wasmTargetIsInstalled() {
  const args = ["--print", "target-libdir", "--target", WASM_TARGET];
  const { code, output } = await capture("rustc", args, { timeout: 20_000 });
  return code === 0 && existsSync(output.trim());
}
