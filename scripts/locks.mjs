// Lets one process at a time do something that two would spoil, across processes of one machine.
// Node has no file locks, so a lock is a file that its holder keeps touching.

import { mkdir, readFile, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./progress.mjs";

const TOUCH_MS = 2_000;
/** A holder that has not touched its lock for this long is gone, even if its process id lives on. */
const STALE_MS = 20_000;
const POLL_MS = 200;
/** Longer than the slowest thing done under a lock: compiling a tool on a small machine. */
const GIVE_UP_MS = 30 * 60_000;

/**
 * Runs `work` while holding the lock; waits for whoever holds it.
 * @template T
 * @param {string} path of the lock file
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once if the lock is taken
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait) {
  await mkdir(dirname(path), { recursive: true });
  const begun = Date.now();
  let told = false;
  while (!(await tryTake(path))) {
    if (!told) onWait?.();
    told = true;
    if (Date.now() - begun > GIVE_UP_MS) throw new Failure(`${path} is held by another process; if none is running, delete it.`);
    await sleep(POLL_MS);
  }
  const toucher = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(toucher);
    await rm(path, { force: true });
  }
}

/** @param {string} path */
async function tryTake(path) {
  try {
    await writeFile(path, `${process.pid} ${hostname()}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
  if (await isAbandoned(path)) await removeAbandoned(path);
  return false;
}

/**
 * Only one process may remove an abandoned lock, or the second one would remove the lock that the
 * first has meanwhile taken; so removal has a gate, and the check is repeated behind it.
 * @param {string} path
 */
async function removeAbandoned(path) {
  const gate = `${path}.removal`;
  try {
    await mkdir(gate);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    // Whoever opened the gate died behind it.
    const age = await ageOf(gate);
    if (age !== null && age > STALE_MS) await rmdir(gate).catch(() => {});
    return;
  }
  try {
    if (await isAbandoned(path)) await rm(path, { force: true });
  } finally {
    await rmdir(gate).catch(() => {});
  }
}

/** @param {string} path */
async function isAbandoned(path) {
  const age = await ageOf(path);
  if (age === null) return false;
  if (age > STALE_MS) return true;
  const [holder, machine] = (await readFile(path, "utf8").catch(() => "")).split(" ");
  // Empty while its holder is still writing it; and in a container, ids of another one say nothing.
  if (!holder || machine !== hostname()) return false;
  try {
    process.kill(Number(holder), 0);
    return false;
  } catch (error) {
    return isCode(error, "ESRCH");
  }
}

/**
 * @param {string} path
 * @returns {Promise<number | null>} milliseconds, or null when it does not exist
 */
async function ageOf(path) {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return null;
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function isCode(error, code) {
  return error instanceof Error && "code" in error && error.code === code;
}
