// What runs of tests leave behind: how many there were, and which.

import { readFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { testsOfCargo, testsOfReport } from "./security/ran.mjs";
import { ROOT } from "./tools.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */
/** @typedef {Count & { tests: import("./security/ran.mjs").Ran[] }} Report */

/**
 * @param {string} path of what vitest's reporter `json` wrote, if it got so far
 * @returns {Promise<Report>}
 */
export async function readVitestReport(path) {
  const text = await readFile(path, "utf8").catch(() => "{}");
  const report = /** @type {Record<string, number> & Parameters<typeof testsOfReport>[0]} */ (JSON.parse(text));
  return {
    passed: report.numPassedTests ?? 0,
    failed: report.numFailedTests ?? 0,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
    tests: testsOfReport(report, ROOT),
  };
}

/**
 * @param {string} output of `cargo test`
 * @returns {Report}
 */
export function readCargoOutput(output) {
  const plain = stripVTControlCharacters(output);
  const report = { passed: 0, failed: 0, skipped: 0, tests: testsOfCargo(plain) };
  for (const [, passed, failed, ignored] of plain.matchAll(/^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    report.passed += Number(passed);
    report.failed += Number(failed);
    report.skipped += Number(ignored);
  }
  return report;
}
