// `npm run sim:mutants`: plants each defect of tests/simulation/mutants in a copy of the sources, and
// lets the simulation look for it. A simulation that finds nothing proves something only if it finds
// what is there.

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { capture, endChildrenOnSignals, lastLines } from "./processes.mjs";
import { Failure, formatDuration, main, say } from "./progress.mjs";
import { simulate, wholeNumber } from "./sim.mjs";
import { ROOT } from "./tools.mjs";

/** A proof that nobody noticed shrinking would be none. */
const FEWEST = 10;
const MUTANTS = join(ROOT, "tests/simulation/mutants");
/** Where the copy stands. */
const TREE = join(ROOT, "target/mutants");
/** What the simulation is built from. */
const SOURCES = ["Cargo.toml", "Cargo.lock", "askama.toml", "clippy.toml", "migrations", "src", "tests"];

/** Puts the sources in their original state. Times are kept, so that cargo builds only what changed. */
async function copySources() {
  await mkdir(TREE, { recursive: true });
  await Promise.all(
    SOURCES.map(async (source) => {
      await rm(join(TREE, source), { recursive: true, force: true });
      await cp(join(ROOT, source), join(TREE, source), { recursive: true, preserveTimestamps: true });
    }),
  );
  await rename();
}

/**
 * Gives the copy a version of its own, and no dynamic library: what cargo builds of it beside the
 * original then has other names. Else it would take a mutant's build for the original's, which is newer.
 */
async function rename() {
  const manifest = join(TREE, "Cargo.toml");
  const original = await readFile(manifest, "utf8");
  const renamed = original
    .replace(/^version = ".*"$/m, 'version = "0.0.0-mutant"')
    .replace('crate-type = ["cdylib", "rlib"]', 'crate-type = ["rlib"]');
  if (!renamed.includes("0.0.0-mutant") || renamed.includes("cdylib")) throw new Failure("Cargo.toml cannot be told from the original's.");
  await writeFile(manifest, renamed);
}

/** @param {string} patch a file's path */
async function apply(patch) {
  // Outside of any repository, so that the paths in the patch are those of the copy.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: join(ROOT, "target") };
  const { code, output } = await capture("git", ["apply", "--whitespace=nowarn", patch], { cwd: TREE, env });
  if (code === 127) throw new Failure("git could not be started.");
  if (code !== 0) throw new Failure(`${patch} does not apply any more:\n${output}`);
}

/**
 * @param {string} name the mutant's
 * @param {string} seeds how many seeds may look for it
 * @returns {Promise<boolean>} whether one found it
 */
async function hunt(name, seeds) {
  const begun = performance.now();
  const patch = join(MUTANTS, `${name}.patch`);
  await copySources();
  await apply(patch);
  const { output } = await simulate({ seeds, tree: TREE }, capture);
  const [, seed, promise] = /^seed (\d+) breaks a promise:\n(.*)$/m.exec(output) ?? [];
  const took = formatDuration(performance.now() - begun);
  const [about] = (await readFile(patch, "utf8")).split("\n", 1);
  if (seed !== undefined) {
    say(`✓ ${name}: found by seed ${seed} (${took})\n    ${about}\n    ${promise}`);
    return true;
  }
  if (!/\d+ seeds, .* 0 violations/.test(output)) throw new Failure(`${name}: the simulation did not run:\n${lastLines(output, 40)}`);
  say(`✗ ${name}: survived ${seeds} seeds (${took})\n    ${about}`);
  return false;
}

/**
 * Hunts all mutants.
 * @param {string} seeds how many seeds may look for each
 * @param {string[]} [chosen] names, if not all
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function huntMutants(seeds, chosen = []) {
  const files = (await readdir(MUTANTS)).filter((file) => file.endsWith(".patch")).toSorted();
  const all = files.map((file) => file.replace(/\.patch$/, ""));
  if (all.length < FEWEST) throw new Failure(`there are ${all.length} mutants, and at least ${FEWEST} are wanted.`);
  const unknown = chosen.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Failure(`there is no mutant ${unknown}. There are:\n  ${all.join("\n  ")}`);
  const names = all.filter((name) => chosen.length === 0 || chosen.includes(name));
  let passed = 0;
  // One after the other: each build and each simulation uses all cores.
  for (const name of names) if (await hunt(name, seeds)) passed += 1;
  say(`${passed} of ${names.length} mutants found`);
  return { passed, failed: names.length - passed };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    endChildrenOnSignals();
    const { values, positionals } = parseArgs({ options: { seeds: { type: "string", default: "1000" } }, allowPositionals: true });
    const { passed, failed } = await huntMutants(wholeNumber("seeds", values.seeds), positionals);
    return failed === 0 && passed > 0 ? 0 : 1;
  });
}
