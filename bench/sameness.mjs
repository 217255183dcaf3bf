// Makes sure that two Workers do the same thing before anyone compares what it costs them: the same
// status, headers, body and log line, byte for byte but for what is drawn or measured anew each time
// and for the order of the log line's fields.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../scripts/progress.mjs";
import { Client } from "./load.mjs";

/** @typedef {import("./workers.mjs").Running} Running */

const LOG_MS = 2_000;

/**
 * An id and a trace that both are to take over; none, so that both make their own; and a bookmark that
 * neither has made.
 * @type {readonly Record<string, string>[]}
 */
const REQUESTS = [
  { "x-request-id": "bench.1", traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
  {},
  { "d1-bookmark": "A".repeat(100) },
];

/**
 * Kith's statements stand in its Wasm just as they are sent, so those of a baseline must be there too.
 * @param {string} wasm path of Kith's
 * @param {string} baseline path of the baseline's source
 */
export function requireSameStatements(wasm, baseline) {
  const statements = [...readFileSync(baseline, "utf8").matchAll(/`(select [^`]*)`/g)].map(([, statement]) => statement ?? "");
  if (statements.length === 0) throw new Failure(`${baseline} holds no statement to compare.`);
  const built = readFileSync(wasm);
  for (const statement of statements) {
    if (!built.includes(statement)) throw new Failure(`This statement of ${baseline} is none of Kith's:\n${statement}`);
  }
}

/**
 * @param {Running} one
 * @param {Running} other
 * @param {readonly string[]} paths
 */
export async function requireSameAnswers(one, other, paths) {
  for (const path of paths) {
    for (const headers of REQUESTS) {
      const [expected, found] = [await observe(one, path, headers), await observe(other, path, headers)];
      for (const [index, line] of expected.entries()) {
        if (line === found[index]) continue;
        throw new Failure(`GET ${path}: the two do not do the same.\n  ${one.name}: ${line}\n  ${other.name}: ${found[index] ?? "nothing"}`);
      }
      if (found.length > expected.length) throw new Failure(`GET ${path}: only ${other.name} has ${found[expected.length] ?? ""}`);
    }
  }
}

/**
 * Everything that one request shows, a line each.
 * @param {Running} worker
 * @param {string} path
 * @param {Record<string, string>} sent
 */
async function observe(worker, path, sent) {
  const client = new Client(worker.url);
  /** @type {string[]} */
  const lines = [];
  worker.lines = lines;
  try {
    const { status, headers, body } = await client.get(path, sent);
    await logged(worker, lines);
    const own = headers.get("x-request-id") ?? "";
    return [
      `status ${status}`,
      ...[...headers].map(([name, value]) => `${name}: ${value}`).toSorted(),
      `body ${body.toString()}`,
      ...lines.map((line) => `log ${inOrder(line)}`),
    ].map((line) => withoutChance(line, sent["x-request-id"] ? "" : own));
  } finally {
    worker.lines = null;
    client.close();
  }
}

/**
 * Waits for the log line, which comes by another way than the answer.
 * @param {Running} worker
 * @param {string[]} lines
 */
async function logged(worker, lines) {
  const begun = performance.now();
  while (lines.length === 0) {
    if (performance.now() - begun > LOG_MS) throw new Failure(`${worker.name} logs nothing about a request.`);
    await sleep(1);
  }
}

/**
 * A log line with its fields sorted, inner ones too: who reads logs reads them by name.
 * @param {string} line
 */
function inOrder(line) {
  return JSON.stringify(JSON.parse(line), (_, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return /** @type {unknown} */ (value);
    return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)));
  });
}

/**
 * A line with what chance and the clock decide replaced by its shape.
 * @param {string} line
 * @param {string} requestId as the Worker made it, or nothing if it was given
 */
function withoutChance(line, requestId) {
  const known = requestId === "" ? line : line.replaceAll(requestId, `<${requestId.replaceAll(/[0-9a-f]/g, "x")}>`);
  return known
    .replaceAll(/dur=\d+/g, "dur=<n>")
    .replace(/"ms":\d+/, '"ms":<n>')
    .replace(/^date: .*/, "date: <now>")
    .replace(/-[0-9a-f]{16}-(0\d)$/, "-<span>-$1")
    .replace(/"span_id":"[0-9a-f]{16}"/, '"span_id":<span>')
    .replace(requestId === "" ? /$^/ : /"trace_id":"[0-9a-f]{32}"/, '"trace_id":<trace>')
    .replace(requestId === "" ? /$^/ : /00-[0-9a-f]{32}-/, "00-<trace>-");
}
