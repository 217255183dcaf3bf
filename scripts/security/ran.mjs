// What a run of the tests has shown of the tests that docs/security names.

/**
 * @typedef {"passed" | "failed" | "skipped"} Outcome
 * @typedef {{ file: string, name: string, outcome: Outcome }} Ran one test; its name has those of the blocks around it
 * @typedef {{ whole: boolean, tests: readonly Ran[] }} Suite whether all of its tests were to run, and those that are known of
 * @typedef {"cargo" | "worker" | "fuzz"} SuiteName
 * @typedef {import("./pages.mjs").Reference} Reference
 */

/** Between the titles of a test, as vitest's `ancestorTitles` come. */
const BETWEEN = " › ";

/**
 * The tests in a report of vitest's reporter `json`.
 * @param {{ testResults?: { name: string, assertionResults: { ancestorTitles: string[], title: string, status: string }[] }[] }} report
 * @param {string} root
 * @returns {Ran[]}
 */
export function testsOfReport(report, root) {
  return (report.testResults ?? []).flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file: name.startsWith(root) ? name.slice(root.length).replace(/^[\\/]/, "").replaceAll("\\", "/") : name,
      name: [...ancestorTitles, title].join(BETWEEN),
      outcome: status === "passed" || status === "failed" ? status : "skipped",
    })),
  );
}

/**
 * The tests in cargo's output: `test auth::token::tests::a_token… ... ok`. Their files are not in it, so they
 * are known by their paths alone.
 * @param {string} output without colours
 * @returns {Ran[]}
 */
export function testsOfCargo(output) {
  const outcomes = /** @type {const} */ ({ ok: "passed", FAILED: "failed", ignored: "skipped" });
  return [...output.matchAll(/^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED|ignored)/gm)].map(([, name = "", outcome = "FAILED"]) => ({
    file: "",
    name,
    outcome: outcomes[/** @type {keyof typeof outcomes} */ (outcome)],
  }));
}

/**
 * @param {string} file
 * @returns {SuiteName}
 */
export function suiteOf(file) {
  if (file.endsWith(".rs")) return "cargo";
  return file.startsWith("tests/fuzz/") ? "fuzz" : "worker";
}

/**
 * Holds what the pages name to what ran. A test that ran must have passed, in whatever run; one that did not run
 * is a complaint where its whole suite was to run, and only unseen where not.
 * @param {readonly Reference[]} references
 * @param {Partial<Record<SuiteName, Suite>>} suites
 * @returns {{ shown: number, unseen: Reference[], complaints: string[] }}
 */
export function compare(references, suites) {
  /** @type {{ shown: number, unseen: Reference[], complaints: string[] }} */
  const result = { shown: 0, unseen: [], complaints: [] };
  for (const reference of references) {
    const suite = suites[suiteOf(reference.file)] ?? { whole: false, tests: [] };
    const meant = suite.tests.filter((test) => isMeant(reference, test));
    const failed = meant.find(({ outcome }) => outcome === "failed");
    const skipped = meant.find(({ outcome }) => outcome === "skipped");
    const complain = (/** @type {string} */ what) => result.complaints.push(`${reference.where}: \`${reference.text}\` ${what}`);
    if (failed !== undefined) complain(meant.length === 1 ? "failed" : `failed: ${failed.name}`);
    else if (meant.length > 0 && skipped === undefined) result.shown += 1;
    else if (!suite.whole) result.unseen.push(reference);
    else complain(skipped === undefined ? "did not run: there is no such test" : "did not run: it was skipped");
  }
  return result;
}

/**
 * @param {Reference} reference
 * @param {Ran} test
 */
function isMeant({ file, titles }, test) {
  if (file.endsWith(".rs")) return rustPaths(file, titles.join("::")).includes(test.name);
  if (test.file !== file) return false;
  const name = titles.join(BETWEEN);
  return test.name === name || patternOf(name).test(test.name);
}

/**
 * The paths that a test of this name in this file can have: beside the code it stands in a module `tests`.
 * @param {string} file
 * @param {string} name
 */
function rustPaths(file, name) {
  const modules = file.replace(/\.rs$/, "").split("/");
  // src/lib.rs is the root of its crate, and so is tests/x.rs, and tests/x/main.rs.
  const within = modules[0] === "tests" ? modules.slice(2) : modules.slice(1);
  const path = within.filter((module, index) => !["mod", "lib", "main"].includes(module) || index !== within.length - 1);
  return [[...path, name], [...path, "tests", name]].map((parts) => parts.join("::"));
}

/** What vitest, or a template, puts a value in the place of. */
const PLACEHOLDER = /%[sdifjoOc#$]|\$\{[^}]*\}|\$[A-Za-z_][\w.]*/g;

/**
 * All titles that a pattern can become.
 * @param {string} name
 */
function patternOf(name) {
  const literal = name.split(PLACEHOLDER).map((part) => part.replaceAll("%%", "%").replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join(".*")}$`, "s");
}
