// What the commands say while they work: one line per step with the time it took, a sign of life
// while a step is silent, and failures as plain sentences instead of stack traces.

/** A failure that the user can act on; printed as it is, without a stack trace. */
export class Failure extends Error {}

const started = performance.now();
const interactive = process.stdout.isTTY;
/** How often a waiting step says so where no line can be rewritten. */
const PATIENCE_MS = 15_000;

/** @param {number} milliseconds */
export function formatDuration(milliseconds) {
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/**
 * "1 kill", "2 kills".
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Milliseconds since this command began. */
export function elapsed() {
  return performance.now() - started;
}

/** @param {string} line */
export function say(line) {
  process.stdout.write(`${line}\n`);
}

/**
 * Names a step before it runs and its time after it, for steps that print output of their own.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function announce(name, work) {
  const begun = performance.now();
  say(`▸ ${name}`);
  const result = await work();
  say(`✓ ${name} (${formatDuration(performance.now() - begun)})`);
  return result;
}

/**
 * Runs a silent step and says every now and then that it is still at it.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @param {string} [expectation] how long it usually takes, as in "2 to 4 min"
 * @returns {Promise<T>}
 */
export async function wait(name, work, expectation) {
  const begun = performance.now();
  const hint = expectation ? `, usually ${expectation}` : "";
  const soFar = () => `  … ${name} (${formatDuration(performance.now() - begun)} so far${hint})`;
  if (!interactive) say(`  … ${name}${expectation ? ` (usually ${expectation})` : ""}`);
  const timer = setInterval(
    () => (interactive ? process.stdout.write(`\r\u001B[K${soFar()}`) : say(soFar())),
    interactive ? 250 : PATIENCE_MS,
  );
  try {
    const result = await work();
    if (interactive) process.stdout.write("\r\u001B[K");
    say(`✓ ${name} (${formatDuration(performance.now() - begun)})`);
    return result;
  } catch (error) {
    if (interactive) process.stdout.write("\r\u001B[K");
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * What to print about something thrown. What is neither a `Failure` nor a wrong option is a mistake
 * in these scripts and keeps its stack trace.
 * @param {unknown} error
 * @returns {string}
 */
export function describe(error) {
  if (error instanceof Failure || !(error instanceof Error)) return messageOf(error);
  const wrongOption = "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  return wrongOption ? error.message : (error.stack ?? error.message);
}

/**
 * Runs a command's body and turns what it throws into a message and an exit code.
 * @param {() => Promise<number | void>} body resolves to the exit code, 0 if nothing
 */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`\n✗ ${describe(error)}\n`);
  }
}

/**
 * The message of whatever was thrown, with the cause that `fetch` hides behind "fetch failed".
 * @param {unknown} error
 * @returns {string}
 */
export function messageOf(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
}
