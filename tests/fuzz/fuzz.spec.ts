/**
 * Schemathesis sends Kith what the document says it takes, and what it says it does not, again and again:
 * every answer is one that the document describes, none is a 5xx, and the database is whole after it.
 * `npm run fuzz` is the long form of the same.
 */
import { afterAll, expect, test } from "vitest";
import { readDocument } from "../api/harness/openapi.ts";
import { keepEvidence, makeDirectory } from "../api/harness/scratch.ts";
import { commandFor, EXAMPLES, SEEDS, TIMEOUT_MS } from "./extent.ts";
import type { LogTally } from "./log.ts";
import { PYTHON, runSchemathesis } from "./schemathesis.ts";
import type { Tally } from "./schemathesis.ts";
import { Stage } from "./stage.ts";

/** For what comes before and after. */
const AROUND_MS = 120_000;

const OPERATIONS = Object.entries(readDocument().paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
);

const totals = { runs: 0, cases: 0, requests: 0, statuses: new Map<number, number>(), exceptions: new Map<string, number>() };
afterAll(() => {
  const listed = (counts: Map<unknown, number>) => [...counts].toSorted().map(([name, count]) => `${String(name)} ${count}`).join(", ");
  const { runs, cases, requests } = totals;
  console.log(`fuzzing: ${runs} runs, ${OPERATIONS.length} operations, ${cases} cases, ${requests} requests`);
  console.log(`answers: ${listed(totals.statuses)}`);
  console.log(`refused on purpose: ${listed(totals.exceptions)}`);
});

/** What nobody can ask for who is not the operator: its token is made at the console. */
const OPERATORS = ["POST /api/v1/setup"];

/** What a run must have done for its silence to mean something. */
function expectThorough({ operations, phases, modes }: Tally, log: LogTally, who: string): void {
  expect(Object.keys(operations)).toEqual(expect.arrayContaining(OPERATIONS));
  // Who signs in gets what they ask for, of each operation at least once.
  const served = OPERATIONS.filter((operation) => log.succeeded(operation));
  if (who === "signed in") expect(served).toEqual(OPERATIONS.filter((operation) => !OPERATORS.includes(operation)));
  expect(Object.keys(phases).toSorted()).toEqual(["coverage", "examples", "fuzzing", "stateful"]);
  expect(Object.keys(modes).toSorted()).toEqual(["negative", "positive"]);
}

const cases = SEEDS.flatMap((seed) => [
  { seed, who: "signed in" },
  { seed, who: "anonymous" },
]);

test.skipIf(PYTHON === "").for(cases)("seed $seed, $who: no answer is another than the document says", { timeout: TIMEOUT_MS + AROUND_MS }, async ({ seed, who }) => {
  // The one who signs in meets a deployment for development, the others one that tells nobody which
  // e-mail addresses it knows.
  const stage = await Stage.open({ REVEAL_EMAIL: who === "signed in" ? "1" : "0" });
  const directory = await makeDirectory("kith-fuzz-");
  try {
    const { url } = stage;
    const report = await runSchemathesis({
      url,
      document: new URL("/openapi.json", url).href,
      peers: who === "signed in" ? stage.peers : [],
      mailToken: stage.mailToken,
      mailTokens: stage.mailTokens,
      reports: stage.reports,
      seed,
      examples: EXAMPLES,
      directory,
      timeoutMs: TIMEOUT_MS,
    });
    const log = stage.log();
    totals.runs += 1;
    totals.cases += report.tally.cases;
    totals.requests += log.requests;
    for (const [status, count] of log.statuses) totals.statuses.set(status, (totals.statuses.get(status) ?? 0) + count);
    for (const [name, count] of Object.entries(report.tally.exceptions)) totals.exceptions.set(name, (totals.exceptions.get(name) ?? 0) + count);

    for (const line of log.runtimesOwn) console.log(`the runtime, about itself: ${line}`);
    const again = commandFor(seed);
    if (report.code !== 0) {
      await keepEvidence(directory, report.output);
      console.log(`${report.output}\nAgain: ${again}\nKept in ${directory}`);
    }
    expect(report.code, `Schemathesis found something, see above; again: ${again}`).toBe(0);
    expect(log.found, `the Worker's log; again: ${again}`).toEqual([]);
    expect(await stage.examine(), `the database; again: ${again}`).toEqual([]);
    expectThorough(report.tally, log, who);
  } finally {
    await stage.close();
  }
});
