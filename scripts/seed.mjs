// `npm run seed`: fills the local database.
//
//   npm run seed                                    a small, lively demo; again, and nothing happens
//   npm run seed -- --scale 100000                  so many posts and a tenth as many people
//   npm run seed -- --scale 100000 --seed 2         other data of the same size

import { parseArgs } from "node:util";
import { migrateLocalDatabase, seedLocalDatabase } from "./local-database.mjs";
import { endChildrenOnSignals } from "./processes.mjs";
import { Failure, main, messageOf, wait } from "./progress.mjs";
import { setUpNpm } from "./setup.mjs";

const MOST_POSTS = 1_000_000;
const USAGE = "Usage: npm run seed -- [--scale POSTS] [--seed NUMBER]";

function parseOptions() {
  try {
    const { values } = parseArgs({ options: { scale: { type: "string" }, seed: { type: "string" } } });
    if (values.scale !== undefined) requireNumber("--scale", values.scale, 1, MOST_POSTS);
    if (values.seed !== undefined) requireNumber("--seed", values.seed, 0, Number.MAX_SAFE_INTEGER);
    if (values.seed !== undefined && values.scale === undefined) throw new Failure("--seed goes with --scale.");
    return values;
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n${USAGE}`);
  }
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function requireNumber(option, text, least, most) {
  if (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most) return;
  throw new Failure(`${option} takes a whole number from ${least} to ${most}, not "${text}".`);
}

await main(async () => {
  endChildrenOnSignals();
  const options = parseOptions();
  await setUpNpm();
  await wait("migrating the local database", migrateLocalDatabase);
  return seedLocalDatabase(Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]));
});
