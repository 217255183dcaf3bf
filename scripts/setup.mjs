// Installs what a command needs and is missing, and nothing else: every step asks first whether it
// is already satisfied, and an interrupted step leaves nothing that looks finished.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, delimiter, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { withLock } from "./locks.mjs";
import { capture, endChildrenOnSignals, lastLines } from "./processes.mjs";
import { elapsed, Failure, formatDuration, main, say, wait } from "./progress.mjs";
import { createMissingSecrets } from "./secrets.mjs";
import {
  cachedNode,
  cacheDirectory,
  findNode,
  findPython,
  FUZZ_REQUIREMENTS,
  fuzzer,
  isAtLeast,
  NODE_MINIMUM,
  NPM_STAMP,
  npmLockHash,
  npmPackagesAreCurrent,
  reference,
  reportedVersion,
  ROOT,
  rustMinimum,
  toolEnvironment,
  WASM_TARGET,
  wasmBindgen,
  wasmTargetIsInstalled,
  workerBuild,
} from "./tools.mjs";

export const RUST_REMEDY = [
  "  macOS, Linux:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
  "  Windows:       run the installer from https://rustup.rs",
].join("\n");

/** Where locks that concern this clone only are kept. */
export const PROJECT_LOCKS = join(ROOT, ".kith");

/** What needs only the packages of npm, such as working on the local database: no Rust. */
export async function setUpNpm() {
  await installNode();
  await installNpmPackages();
}

/** What building the Worker needs. `wrangler deploy` gets here without the other commands. */
export async function setUpBuild() {
  await checkRust();
  await installNode();
  await installNpmPackages();
  await installWasmTarget();
  await installCargoTool(workerBuild());
  await installCargoTool(wasmBindgen());
  await installReference();
}

/** Everything that running and testing locally needs. */
export async function setUp() {
  const begun = elapsed();
  await setUpBuild();
  for (const line of await createMissingSecrets()) say(`✓ ${line}`);
  say(`✓ tools in place (${formatDuration(elapsed() - begun)})`);
}

async function checkRust() {
  let [rustc, cargo] = await rustVersions();
  if (rustc === null || cargo === null) {
    // A rustup that was installed in another terminal is not on this one's PATH yet.
    const bin = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
    process.env.PATH = [bin, process.env.PATH ?? ""].join(delimiter);
    [rustc, cargo] = await rustVersions();
  }
  if (rustc === null || cargo === null) {
    throw new Failure(`Rust is missing (rustc and cargo, ${rustMinimum()} or newer). Install it, then run this again:\n${RUST_REMEDY}`);
  }
  if (!isAtLeast(rustc, rustMinimum())) {
    throw new Failure(`Rust is ${rustc}, but Kith needs ${rustMinimum()} or newer. Update it:\n  rustup update stable`);
  }
}

function rustVersions() {
  return Promise.all([reportedVersion("rustc"), reportedVersion("cargo")]);
}

async function installWasmTarget() {
  if (await wasmTargetIsInstalled()) return;
  await wait(`adding Rust's target ${WASM_TARGET}`, async () => {
    const { code, output } = await capture("rustup", ["target", "add", WASM_TARGET], { cwd: ROOT });
    if (code === 0 && (await wasmTargetIsInstalled())) return;
    throw new Failure(
      `Rust's target ${WASM_TARGET} could not be added:\n${lastLines(output, 10)}\n\n` +
        `By hand: \`rustup target add ${WASM_TARGET}\`. A Rust that does not come from rustup needs its\n` +
        "distribution's package for the target; the easier way is rustup:\n" +
        RUST_REMEDY,
    );
  }, "a few seconds");
}

async function installNode() {
  if (findNode() !== null) return;
  const node = cachedNode();
  await mkdir(cacheDirectory(), { recursive: true });
  await withLock(join(cacheDirectory(), `${basename(node.directory)}.lock`), async () => {
    if (findNode() !== null) return;
    const spec = `${node.package}@${node.version}`;
    await wait(`installing Node ${node.version} beside this ${process.versions.node} (wrangler needs ${NODE_MINIMUM})`, async () => {
      const partial = `${node.directory}.partial`;
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      const args = ["install", "--prefix", partial, "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", spec];
      const { code, output } = await runNpm(args, partial);
      if (code !== 0) {
        throw new Failure(
          `Node ${node.version} could not be installed:\n${lastLines(output, 10)}\n\n` +
            `By hand: install Node ${NODE_MINIMUM} or newer from https://nodejs.org or with a version manager, then run this again.`,
        );
      }
      // Moved only when complete. The copy is for file systems where the cache is a mount of its own.
      await rm(node.directory, { recursive: true, force: true });
      const unpacked = join(partial, "node_modules", node.package);
      await rename(unpacked, node.directory).catch(() => cp(unpacked, node.directory, { recursive: true }));
      await rm(partial, { recursive: true, force: true });
    }, "10 s");
  });
  if (findNode() === null) throw new Failure(`Node ${node.version} was installed but has no executable at ${node.executable}.`);
}

async function installNpmPackages() {
  if (npmPackagesAreCurrent()) return;
  const lock = join(PROJECT_LOCKS, "npm.lock");
  await withLock(lock, async () => {
    if (npmPackagesAreCurrent()) return;
    await wait("installing npm packages from the lock file", async () => {
      // A developer tool's `omit=dev` or NODE_ENV=production would leave out everything we need.
      const args = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
      const { code, output } = await runNpm(args, ROOT);
      if (code !== 0) {
        throw new Failure(`The npm packages could not be installed:\n${lastLines(output, 15)}\n\nBy hand: \`npm ci\` in ${ROOT}.`);
      }
      await writeFile(NPM_STAMP, npmLockHash());
    }, "10 s");
  });
}

/** What the page /docs is made of; a build without a change of the Worker's sources needs it too. */
export async function installReference() {
  const { directory, bundle, entry, integrity, package: name, version } = reference();
  if (existsSync(bundle)) return;
  await mkdir(cacheDirectory(), { recursive: true });
  await withLock(join(cacheDirectory(), `${basename(directory)}.lock`), async () => {
    if (existsSync(bundle)) return;
    await wait(`installing the API reference ${version}`, async () => {
      const partial = `${directory}.partial`;
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      const spec = `${name}@${version}`;
      const packed = await runNpm(["pack", spec, "--pack-destination", partial, "--loglevel=error"], partial);
      const archive = readdirSync(partial).find((file) => file.endsWith(".tgz"));
      if (packed.code !== 0 || archive === undefined) {
        throw new Failure(`${spec} could not be installed:\n${lastLines(packed.output, 10)}`);
      }
      const found = `sha512-${createHash("sha512").update(readFileSync(join(partial, archive))).digest("base64")}`;
      if (found !== integrity) throw new Failure(`${spec} is not the package that Kith was tested with (${found}).`);
      const { code, output } = await capture("tar", ["-xzf", archive, entry], { cwd: partial });
      if (code !== 0) throw new Failure(`${spec} could not be unpacked:\n${lastLines(output, 10)}`);
      await rm(join(partial, archive));
      await rm(directory, { recursive: true, force: true });
      await rename(partial, directory);
    }, "10 s");
  });
}

/**
 * What API fuzzing needs: Schemathesis in a virtual environment.
 * @returns {Promise<ReturnType<typeof fuzzer> | null>} null where there is no Python for it
 */
export async function setUpFuzzer() {
  const python = await findPython();
  if (python === null) return null;
  const tool = fuzzer(python);
  if (existsSync(tool.python)) return tool;
  const { directory } = tool;
  await mkdir(cacheDirectory(), { recursive: true });
  await withLock(join(cacheDirectory(), `${basename(directory)}.lock`), async () => {
    if (existsSync(tool.python)) return;
    await wait(`installing Schemathesis for Python ${python.version}`, async () => {
      // Moved when complete. Its interpreter finds its packages by where it stands; the commands beside it,
      // which would not, are not used.
      const partial = `${directory}.partial`;
      await rm(partial, { recursive: true, force: true });
      const made = await capture(python.executable, ["-m", "venv", partial]);
      const inside = join(partial, relative(directory, tool.python));
      const options = ["--require-hashes", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--no-cache-dir"];
      const filled = made.code === 0 ? await capture(inside, ["-m", "pip", "install", ...options, "--requirement", FUZZ_REQUIREMENTS]) : made;
      if (filled.code !== 0) {
        throw new Failure(`Schemathesis could not be installed:\n${lastLines(filled.output, 10)}`);
      }
      await rm(directory, { recursive: true, force: true });
      await rename(partial, directory);
    }, "30 s");
  });
  return tool;
}

/**
 * Runs the npm that started this script, if one did, under a Node that its packages accept.
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env]
 */
export function runNpm(args, cwd, env = toolEnvironment()) {
  const started = process.env.npm_execpath;
  if (started && basename(started) === "npm-cli.js") {
    return capture(findNode() ?? process.execPath, [started, ...args], { cwd, env });
  }
  return capture("npm", args, { cwd, env });
}

/** @param {import("./tools.mjs").CargoTool} tool */
async function installCargoTool(tool) {
  if (existsSync(tool.executable)) return;
  const cache = cacheDirectory();
  // One lock for all tools: compiling two at once takes no less time and twice the memory.
  await withLock(join(cache, "cargo.lock"), () => compileCargoTool(tool), () => {
    say(`  … another set-up is compiling; waiting for it to get to ${tool.crate}`);
  });
}

/** @param {import("./tools.mjs").CargoTool} tool */
async function compileCargoTool(tool) {
  if (existsSync(tool.executable)) return;
  const spec = `${tool.crate}@${tool.version}`;
  const partial = `${tool.directory}.partial`;
  // Kept when interrupted, so that the next attempt continues instead of starting over.
  const target = `${tool.directory}.compiling`;
  const options = [...(tool.locked ? ["--locked"] : []), ...(tool.optimised ? [] : ["--debug"])];
  await wait(`compiling ${tool.crate} ${tool.version}, once per machine`, async () => {
    await rm(partial, { recursive: true, force: true });
    const env = { ...process.env, CARGO_TARGET_DIR: target, CARGO_PROFILE_DEV_DEBUG: "0" };
    const { code, output } = await capture("cargo", ["install", ...options, "--root", partial, spec], { cwd: cacheDirectory(), env });
    if (code !== 0) {
      throw new Failure(
        `${spec} could not be installed:\n${lastLines(output, 15)}\n\n${remedyFor(output)}` +
          `By hand: cargo ${["install", ...options, "--root", `"${tool.directory}"`, spec].join(" ")}`,
      );
    }
    await rm(tool.directory, { recursive: true, force: true });
    await rename(partial, tool.directory);
    await rm(target, { recursive: true, force: true });
  }, "1 to 3 min");
}

/** @param {string} output of a failed `cargo install` */
function remedyFor(output) {
  if (/openssl|pkg-config/i.test(output)) {
    return [
      "It needs OpenSSL's headers:",
      "  Debian, Ubuntu:  sudo apt-get install pkg-config libssl-dev",
      "  Fedora:          sudo dnf install pkgconf openssl-devel",
      "",
      "",
    ].join("\n");
  }
  if (/linker `.*` not found/.test(output)) {
    return [
      "It needs a C compiler to link with:",
      "  Debian, Ubuntu:  sudo apt-get install build-essential",
      "  Fedora:          sudo dnf install gcc",
      "  macOS:           xcode-select --install",
      "",
      "",
    ].join("\n");
  }
  return "";
}

/**
 * What linting needs beyond a minimal rustup installation.
 */
export async function setUpLint() {
  const [fmt, clippy] = await Promise.all([
    reportedVersion("cargo", ["fmt", "--version"]),
    reportedVersion("cargo", ["clippy", "--version"]),
  ]);
  if (fmt !== null && clippy !== null) return;
  await wait("adding Rust's rustfmt and clippy", async () => {
    const { code, output } = await capture("rustup", ["component", "add", "rustfmt", "clippy"], { cwd: ROOT });
    if (code !== 0) {
      throw new Failure(`rustfmt and clippy could not be added:\n${lastLines(output, 10)}\n\nBy hand: \`rustup component add rustfmt clippy\`.`);
    }
  }, "a few seconds");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  endChildrenOnSignals();
  await main(setUp);
}
