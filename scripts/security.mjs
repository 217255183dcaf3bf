// `npm run security`: reads docs/security.md and docs/security/, sees that every requirement has its row and
// every test that is named stands where it is said to, and writes how many there are into docs/security.md.
// `npm test` then holds the names to what ran, through `holdToRun`.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { counted, Failure, main, say } from "./progress.mjs";
import {
  complaintsOfIds,
  complaintsOfPending,
  complaintsOfSources,
  complaintsOfVerdicts,
  formatCounts,
  readPage,
  readWanted,
} from "./security/pages.mjs";
import { compare } from "./security/ran.mjs";
import { ROOT } from "./tools.mjs";

/** @typedef {import("./security/pages.mjs").Row} Row */
/** @typedef {import("./security/pages.mjs").Reference} Reference */
/** @typedef {Partial<Record<import("./security/ran.mjs").SuiteName, import("./security/ran.mjs").Suite>>} Suites */
/** @typedef {{ requirements: Row[], attacks: Row[], references: Reference[], complaints: string[] }} Pages */

const SUMMARY = "docs/security.md";
const FOLDER = "docs/security";
const REQUIREMENTS = `${FOLDER}/asvs.md`;
const ATTACKS = `${FOLDER}/attacks.md`;
const WANTED = `${FOLDER}/asvs-5.0.txt`;
const COUNTS = /(?<=<!-- counts -->\n)[^]*?(?=\n<!-- \/counts -->)/;

/** The OWASP API Security Top 10, which docs/security/attacks.md has before the other classes of attacks. */
const API_TOP_TEN = Array.from({ length: 10 }, (_, index) => `API${index + 1}:2023`);

/** @param {string} path from the root */
const read = (path) => readFileSync(join(ROOT, path), "utf8");

/**
 * The text of a file of the repository; empty for a folder, `null` if there is none.
 * @param {string} path
 */
function readIfThere(path) {
  const found = statSync(join(ROOT, path), { throwIfNoEntry: false });
  if (found === undefined) return null;
  return found.isFile() ? read(path) : "";
}

/**
 * Reads all pages.
 * @returns {Pages}
 */
export function readPages() {
  const paths = [SUMMARY, ...readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".md")).map((name) => `${FOLDER}/${name}`)];
  const pages = new Map(paths.map((path) => [path, readPage(path, read(path))]));
  const rowsOf = (/** @type {string} */ path) => pages.get(path)?.rows ?? [];
  return {
    requirements: rowsOf(REQUIREMENTS),
    attacks: rowsOf(ATTACKS),
    references: [...pages.values()].flatMap(({ references }) => references),
    complaints: [...pages].flatMap(([path, { rows, complaints }]) => {
      const elsewhere = rows.length > 0 && ![REQUIREMENTS, ATTACKS].includes(path);
      return elsewhere ? [...complaints, `${path}: a table of requirements that nobody reads`] : complaints;
    }),
  };
}

/**
 * Whether each requirement of levels 1 and 2 and each risk of the API Top 10 has one row, and no attack two.
 * @param {Pages} pages
 */
export function complaintsOfCompleteness({ requirements, attacks, complaints }) {
  const wanted = readWanted(read(WANTED));
  const ownIds = attacks.map(({ id }) => id).filter((id) => !id.startsWith("API"));
  const ids = new Map([...API_TOP_TEN, ...ownIds].map((id) => [id, ""]));
  return [...complaints, ...complaintsOfIds(requirements, wanted), ...complaintsOfIds(attacks, ids)];
}

/**
 * Whether each row says one thing and why, and names only what there is.
 * @param {Pages} pages
 */
export function complaintsOfRows({ requirements, attacks, references }) {
  const rows = [...requirements, ...attacks];
  return [...complaintsOfVerdicts(rows), ...complaintsOfSources(rows, references, readIfThere)];
}

/**
 * The rows that wait for a feature.
 * @param {Pages} pages
 */
export function complaintsOfWaiting({ requirements, attacks }) {
  return complaintsOfPending([...requirements, ...attacks]);
}

/**
 * The figures as docs/security.md has them, and as they are.
 * @param {Pages} pages
 */
export function countsOf({ requirements, attacks }) {
  const ofLevel = (/** @type {string} */ wanted) => requirements.filter(({ level }) => level === wanted);
  const actual = formatCounts([
    ["ASVS, level 1", ofLevel("1")],
    ["ASVS, level 2", ofLevel("2")],
    ["attacks", attacks],
  ]);
  return { told: COUNTS.exec(read(SUMMARY))?.[0] ?? "", actual };
}

/**
 * Holds the tests that the pages name to those that ran, and says what it found.
 * @param {Suites} suites
 * @returns {{ failed: number, unseen: number }}
 */
export function holdToRun(suites) {
  const { references } = readPages();
  const { shown, unseen, complaints } = compare(references, suites);
  for (const complaint of complaints) say(`✗ ${complaint}`);
  say(`${counted(references.length, "test")} named, ${shown} shown by this run`);
  return { failed: complaints.length, unseen: unseen.length };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(() => {
    const pages = readPages();
    const { told, actual } = countsOf(pages);
    if (told === "") throw new Failure(`${SUMMARY} has no place for the figures, between <!-- counts --> and <!-- /counts -->.`);
    if (told !== actual) writeFileSync(join(ROOT, SUMMARY), read(SUMMARY).replace(COUNTS, actual));
    const found = [...complaintsOfCompleteness(pages), ...complaintsOfRows(pages), ...complaintsOfWaiting(pages)];
    for (const complaint of found) say(`✗ ${complaint}`);
    say(`${actual}\n\n${counted(pages.references.length, "test")} named; whether they pass says npm test.`);
    return Promise.resolve(found.length === 0 ? 0 : 1);
  });
}
