// Starts other programs: quietly with their output kept, or with their output shown. Nothing else
// in scripts/ uses node:child_process, so that every child has an end that somebody waits for.

import { execFileSync, spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeout] milliseconds after which the program is killed
 * @property {(pid: number) => void} [onStart] told the program's process id
 * @property {(line: string) => void} [onLine] told each line that the program writes
 * @property {AbortSignal} [signal] ends the program
 */

/**
 * How a program ended. A program that could not be started has the code 127, like in a shell, and
 * one that a signal ended has 128 plus the signal's number.
 * @typedef {object} Ending
 * @property {number} code
 * @property {string} output standard output and standard error as they came, if they were kept
 */

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/** A Ctrl-C reaches only this process, which then decides how its children end. */
const ownGroups = process.platform !== "win32";
const GRACE_MS = 5_000;

/**
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions & { show: boolean, keep: boolean }} options
 * @returns {Promise<Ending>}
 */
function run(command, args, options) {
  return new Promise((resolve) => {
    const piped = options.keep || options.onLine !== undefined;
    const stdio = piped ? "pipe" : "inherit";
    // What is shown through a pipe keeps the colours it would have without.
    const colours = piped && options.show && process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: "1" } : {};
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...colours, ...(options.env ?? process.env) },
      // npm and its tools are scripts on Windows, which only a shell can start.
      shell: process.platform === "win32" && !command.endsWith(".exe"),
      stdio: ["ignore", stdio, stdio],
      detached: ownGroups,
    });
    running.add(child);
    if (child.pid !== undefined) options.onStart?.(child.pid);
    let output = "";
    /** @type {[import("node:stream").Readable | null, NodeJS.WriteStream][]} */
    const streams = [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ];
    for (const [stream, shown] of streams) {
      const split = options.onLine === undefined ? undefined : lineByLine(options.onLine);
      stream?.setEncoding("utf8");
      stream?.on("data", (/** @type {string} */ text) => {
        if (options.keep) output += text;
        if (options.show) shown.write(text);
        split?.(text);
      });
    }
    const stop = () => endWithGrace(child);
    options.signal?.addEventListener("abort", stop);
    if (options.signal?.aborted) stop();
    const timer = options.timeout === undefined ? undefined : setTimeout(() => end(child, "SIGKILL"), options.timeout);
    child.on("error", (error) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code: 127, output: `${output}${error.message}` });
    });
    // What a program started and left behind must not outlive it, nor keep its output open.
    child.on("exit", () => end(child, "SIGKILL"));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", stop);
      running.delete(child);
      resolve({ code: exitCode(code, signal), output });
    });
  });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function end(child, signal) {
  if (child.pid === undefined) return;
  try {
    if (ownGroups) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // Everything in the group has already ended.
  }
}

/**
 * Asks the program to end, and makes it end when it takes too long.
 * @param {import("node:child_process").ChildProcess} child
 */
function endWithGrace(child) {
  end(child, "SIGTERM");
  const kill = setTimeout(() => end(child, "SIGKILL"), GRACE_MS);
  child.once("exit", () => clearTimeout(kill));
}

/**
 * Puts lines together from what comes in pieces; a last one without an end is not told.
 * @param {(line: string) => void} tell
 * @returns {(text: string) => void}
 */
function lineByLine(tell) {
  let begun = "";
  return (text) => {
    const lines = (begun + text).split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) tell(line);
  };
}

/**
 * What a shell would report for a process that ended by itself or by a signal.
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
export function exitCode(code, signal) {
  if (code !== null) return code;
  return 128 + (signal ? constants.signals[signal] : 0);
}

/**
 * Runs a program silently and keeps what it wrote.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function capture(command, args, options = {}) {
  return run(command, args, { ...options, show: false, keep: true });
}

/**
 * Runs a program with its output shown as if it had been started by hand.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function show(command, args, options = {}) {
  return run(command, args, { ...options, show: true, keep: false });
}

/**
 * Runs a program with its output both shown and kept.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function showAndCapture(command, args, options = {}) {
  return run(command, args, { ...options, show: true, keep: true });
}

/**
 * When this process is told to end, ends every program still running, waits for them, and then ends
 * by the same signal, so that callers see why. A second signal does not wait. The end of the one who
 * started this process (npm does not pass every signal on) counts as being told.
 * @param {() => void} [lastly] done last of all, when no program is left
 */
export function endChildrenOnSignals(lastly = () => {}) {
  const startedBy = process.ppid;
  const npm = npmProcess();
  const watch = setInterval(() => {
    if (process.ppid === startedBy && (npm === null || isAlive(npm))) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 1_000);
  watch.unref();
  for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.once(signal, () => {
      stopping = true;
      for (const child of running) end(child, signal);
      const endSelf = () => {
        lastly();
        process.kill(process.pid, signal);
      };
      const kill = () => {
        for (const child of running) end(child, "SIGKILL");
        endSelf();
      };
      setTimeout(kill, GRACE_MS);
      setInterval(() => {
        if (running.size === 0) endSelf();
      }, 20);
    });
  }
}

/**
 * The npm that started this process. Between the two stands a shell, which outlives npm.
 * @returns {number | null} `null` where there is none, or the system does not tell
 */
function npmProcess() {
  if (process.env.npm_lifecycle_event === undefined) return null;
  try {
    const shellsParent = execFileSync("ps", ["-o", "ppid=", "-p", String(process.ppid)], { encoding: "utf8" });
    const pid = Number(shellsParent.trim());
    return pid > 1 ? pid : null;
  } catch {
    return null;
  }
}

/**
 * @param {number} pid
 * @returns {boolean} whether there is such a process
 */
export function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

let stopping = false;

/** Whether this process has been told to end, so that a child's end is no news. */
export function isStopping() {
  return stopping;
}

/**
 * The end of a long output, which is where programs say why they failed.
 * @param {string} output
 * @param {number} count
 */
export function lastLines(output, count) {
  return output.trimEnd().split(/\r?\n/).slice(-count).join("\n");
}
