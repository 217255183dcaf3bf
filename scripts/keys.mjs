// `npm run keys:rotate`: a new key takes the place of the one that signs, without signing anybody out.
//
// Without an option it takes the next safe step. The steps are --publish, which adds a key that everybody is
// to know before it makes anything; --sign, which puts it first; and --drop-old, which removes the keys of
// which nothing is left. The keys are those of .dev.vars, or of a file that an operator keeps for their
// deployment: --file <path>, which --new makes.
//
// No key is ever printed. The file is replaced as a whole or not at all.

import { existsSync } from "node:fs";
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { dropOld, firstFile, isPublished, PUBLIC_MINUTES, publish, sign } from "./keys/rotation.mjs";
import { withLock } from "./locks.mjs";
import { Failure, main, say } from "./progress.mjs";
import { wholeNumber } from "./sim.mjs";
import { ROOT } from "./tools.mjs";

const LOCAL = join(ROOT, ".dev.vars");

const STEPS = /** @type {const} */ (["new", "publish", "sign", "drop-old"]);
/** @typedef {typeof STEPS[number] | "next"} Step */

/**
 * What the step makes of the file's text.
 * @param {Step} step
 * @param {string} text
 * @param {number} now
 * @param {number} minutes for which a key must have been public before it signs
 * @returns {{ text: string, said: string[], published: boolean }} `published` says whether a key waits for its turn
 */
export function take(step, text, now, minutes) {
  const done = (/** @type {{ text: string, said: string[] }} */ { text: changed, said }) => ({ text: changed, said, published: isPublished(changed) });
  if (step === "drop-old") return done(dropOld(text, now));
  if (step === "sign" || (step === "next" && isPublished(text))) return done(sign(text, now, minutes));
  const published = publish(text, now);
  // Where nobody has to learn of it first, one step does both.
  if (step === "publish" || minutes > 0) return done(published);
  return done(sign(published.text, now, minutes));
}

/**
 * Replaces the file: whoever reads it, and whoever comes after a crash, finds the old one or the new one, whole.
 * @param {string} path
 * @param {string} text
 * @param {number} mode
 */
async function replace(path, text, mode) {
  // One name, so that what a run that was killed has left is overwritten by the next.
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, "w", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/** @param {string} path */
async function create(path) {
  const file = await open(path, "wx", 0o600).catch((/** @type {NodeJS.ErrnoException} */ error) => {
    throw new Failure(error.code === "EEXIST" ? `${path} is there already.` : `${path} cannot be made: ${error.code}.`);
  });
  try {
    await file.writeFile(firstFile(Date.now()));
  } finally {
    await file.close();
  }
  say(`✓ ${path} has the first keys of a deployment. Once uploaded they can be read nowhere else: keep the file, and keep it secret.`);
  tellUpload(path);
}

/**
 * @param {string} path
 * @param {Step} step
 * @param {number} minutes
 */
async function rotate(path, step, minutes) {
  // The file itself, where the path is a link to it.
  const file = await realpath(path);
  const { mode } = await stat(file);
  const done = await withLock(`${file}.lock`, async () => {
    const before = await readFile(file, "utf8");
    const taken = take(step, before, Date.now(), minutes);
    if (taken.text !== before) await replace(file, taken.text, mode & 0o777);
    return { ...taken, changed: taken.text !== before };
  });
  for (const line of done.said) say(line);
  if (!done.changed) return;
  if (path === LOCAL) say("A running npm start learns of it when it is started again.");
  else tellUpload(path);
  if (done.published) say(`Next: npm run keys:rotate -- --sign${path === LOCAL ? "" : ` --file ${quoted(path)}`}, ${minutes} minutes after the upload, when whoever verifies tokens knows the new key.`);
}

/** @param {string} path */
function tellUpload(path) {
  say(`Upload:\n  grep -E '^[^#]*(SIGNING|SECRET)_KEYS *=' ${quoted(path)} | npx wrangler secret bulk`);
}

/**
 * As a shell takes it for one word.
 * @param {string} path
 */
function quoted(path) {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

async function run() {
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const { values } = parseArgs({
    options: { file: { type: "string" }, wait: { type: "string" }, new: flag, publish: flag, sign: flag, "drop-old": flag },
  });
  const chosen = STEPS.filter((step) => values[step]);
  if (chosen.length > 1) throw new Failure(`One step at a time: ${chosen.map((step) => `--${step}`).join(" or ")}.`);
  const step = chosen[0] ?? "next";
  const path = values.file ?? LOCAL;
  if (step === "new") {
    if (values.file === undefined) throw new Failure("--new makes the file that --file names; npm start makes .dev.vars.");
    return create(path);
  }
  // Nobody but this machine verifies what the local keys sign.
  const minutes = values.wait === undefined ? (path === LOCAL ? 0 : PUBLIC_MINUTES) : Number(wholeNumber("wait", values.wait, 0));
  if (!existsSync(path)) throw new Failure(path === LOCAL ? `${relative(ROOT, LOCAL)} is not there yet: npm start makes it.` : `${path} is not there. --new makes it.`);
  return rotate(path, step, minutes);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(run);
