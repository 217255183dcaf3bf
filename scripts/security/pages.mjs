// Reads the pages of docs/security: their tables of requirements, and every test that they name.
// Pure: texts in, complaints out; `scripts/security.mjs` says where the texts come from.

/**
 * A test that a page names: the file in which it stands, and its title there, with those of the blocks around
 * it. A title may be a pattern (`%s`, `$name`), as it stands in the source: then all tests of it are meant.
 * @typedef {{ file: string, titles: string[], text: string, where: string }} Reference
 */

/**
 * A row of a table: what is asked, what is said to it, and on what ground.
 * @typedef {object} Row
 * @property {string} id
 * @property {string} level empty where the table has none
 * @property {string} asks
 * @property {string} verdict
 * @property {string} by
 * @property {string} where for complaints: the page, the line and the id
 * @property {Reference[]} tests
 * @property {string[]} places files that the ground names, from the repository's root
 */

/** @typedef {{ rows: Row[], references: Reference[], complaints: string[] }} Page */

/** What may be said to a requirement. `pending:<feature>` waits for a feature, and never passes. */
export const VERDICTS = ["tested", "by design", "not applicable", "not yet"];
const PENDING = /^pending:[a-z][a-z-]*$/;

const COLUMNS = ["id", "asks", "verdict", "by"];
const SEPARATOR = " › ";
/** A ground of fewer words than this gives none. */
const FEWEST_WORDS = 3;

/**
 * Reads one page.
 * @param {string} path of the page, from the repository's root
 * @param {string} text
 * @returns {Page}
 */
export function readPage(path, text) {
  /** @type {Page} */
  const page = { rows: [], references: [], complaints: [] };
  /** @type {string[] | null} the names of the columns of the table that the line is in */
  let columns = null;
  for (const [index, line] of text.split("\n").entries()) {
    const at = `${path}:${index + 1}`;
    const cells = cellsOf(line);
    if (cells === null) {
      columns = null;
    } else if (columns === null) {
      columns = cells;
      continue;
    } else if (columns.includes("verdict") && !cells.every((cell) => /^:?-+:?$/.test(cell))) {
      readRow(page, path, at, columns, cells);
      continue;
    }
    page.references.push(...referencesIn(line, at));
  }
  return page;
}

/**
 * @param {Page} page
 * @param {string} path
 * @param {string} at
 * @param {string[]} columns
 * @param {string[]} cells
 */
function readRow(page, path, at, columns, cells) {
  const missing = COLUMNS.filter((column) => !columns.includes(column));
  if (missing.length > 0) page.complaints.push(`${at}: the table has no column ${missing.join(", ")}`);
  if (cells.length !== columns.length) page.complaints.push(`${at}: ${cells.length} cells, where the table has ${columns.length} columns`);
  const cell = (/** @type {string} */ column) => cells[columns.indexOf(column)] ?? "";
  const id = cell("id").replace(/^v5\.0\.0-/, "");
  const where = `${at}: ${id}`;
  const by = cell("by");
  const tests = referencesIn(by, where);
  page.rows.push({ id, level: cell("level"), asks: cell("asks"), verdict: cell("verdict"), by, where, tests, places: placesIn(by, path) });
  page.references.push(...tests);
}

/**
 * The cells of a line of a table; `null` if it is none.
 * @param {string} line
 */
function cellsOf(line) {
  if (!/^\|.*\|\s*$/.test(line)) return null;
  const inner = line.trim().slice(1, -1);
  return inner.split(/(?<!\\)\|/).map((cell) => cell.replaceAll("\\|", "|").trim());
}

/** @param {string} text */
function codeIn(text) {
  return [...text.matchAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map(([, , code = ""]) => code.trim());
}

/**
 * @param {string} text
 * @param {string} where
 * @returns {Reference[]}
 */
function referencesIn(text, where) {
  return codeIn(text)
    .filter((code) => code.includes(SEPARATOR))
    .map((code) => {
      const [file = "", ...titles] = code.split(SEPARATOR);
      return { file, titles, text: code, where };
    });
}

/**
 * The files of the repository that a ground names: as links, from the page, or as code, from the root.
 * @param {string} text
 * @param {string} page
 */
function placesIn(text, page) {
  const linked = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => resolve(page, target));
  const coded = codeIn(text).filter((code) => /^[\w.-]+(?:\/[\w.-]+)+$|^[\w-]+\.(?:toml|md|json|mjs)$/.test(code));
  return [...linked.filter((target) => target !== null), ...coded];
}

/**
 * @param {string} page
 * @param {string} target as a link on it has it
 * @returns {string | null} from the root; `null` for what is elsewhere
 */
function resolve(page, target) {
  if (/^[a-z]+:/.test(target)) return null;
  const parts = page.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/**
 * The ids that a table must have, with their levels.
 * @param {string} text of asvs-5.0.txt
 * @returns {Map<string, string>}
 */
export function readWanted(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => /** @type {[string, string]} */ (line.split(" "))));
}

/**
 * Whether each requirement that is wanted has one row, and each row is one that is wanted.
 * @param {readonly Row[]} rows
 * @param {ReadonlyMap<string, string>} wanted
 * @returns {string[]}
 */
export function complaintsOfIds(rows, wanted) {
  const found = [];
  const seen = new Set();
  for (const { id, level, where } of rows) {
    const known = wanted.get(id);
    if (known === undefined) found.push(`${where} is no requirement that is wanted here`);
    else if (seen.has(id)) found.push(`${where} has a row before`);
    else if (known !== level) found.push(`${where} is of level ${known}, not ${level}`);
    seen.add(id);
  }
  return [...found, ...[...wanted.keys()].filter((id) => !seen.has(id)).map((id) => `${id} has no row`)];
}

/**
 * Whether each row says one thing, and why.
 * @param {readonly Row[]} rows
 * @returns {string[]}
 */
export function complaintsOfVerdicts(rows) {
  return rows.flatMap(({ asks, verdict, by, where, tests, places }) => {
    const found = [];
    const words = by.split(/\s+/).filter((word) => /\w/.test(word)).length;
    if (asks === "") found.push(`${where} does not say what it asks`);
    if (!VERDICTS.includes(verdict) && !PENDING.test(verdict)) found.push(`${where} has the verdict "${verdict}", which is none of ${VERDICTS.join(", ")}`);
    else if (verdict === "tested" && tests.length === 0) found.push(`${where} is tested and names no test`);
    else if (verdict !== "tested" && words < FEWEST_WORDS) found.push(`${where} is ${verdict} and gives no reason`);
    else if (verdict === "by design" && places.length === 0) found.push(`${where} is by design and names no file that shows it`);
    return found;
  });
}

/**
 * The rows that wait for a feature: with any, the table is not done.
 * @param {readonly Row[]} rows
 * @returns {string[]}
 */
export function complaintsOfPending(rows) {
  return rows.filter(({ verdict }) => PENDING.test(verdict)).map(({ where, verdict }) => `${where} is ${verdict}`);
}

/**
 * Whether the files that grounds name are there, and the tests stand in their files. That they have run says
 * the run itself; this is known at once.
 * @param {readonly Row[]} rows
 * @param {readonly Reference[]} references
 * @param {(path: string) => string | null} read the text of a file; empty for a folder, `null` if there is none
 * @returns {string[]}
 */
export function complaintsOfSources(rows, references, read) {
  const places = rows.flatMap(({ where, places: named }) => named.filter((place) => read(place) === null).map((place) => `${where} names ${place}, which is not there`));
  const tests = references.flatMap(({ file, titles, text, where }) => {
    const source = read(file);
    if (source === null) return [`${where} names \`${text}\`, whose file is not there`];
    const absent = titles.filter((title) => !standsIn(source, file, title));
    return absent.map((title) => `${where} names \`${text}\`, but nothing is called "${title}" there`);
  });
  return [...places, ...tests];
}

/**
 * @param {string} source
 * @param {string} file
 * @param {string} title
 */
function standsIn(source, file, title) {
  if (file.endsWith(".rs")) return new RegExp(`#\\[test\\](?:\\s*#\\[[^\\]]*\\])*\\s*fn ${title}\\(`).test(source);
  return ['"', "'", "`"].some((quote) => source.includes(quote + title.replaceAll(quote, `\\${quote}`) + quote));
}

/**
 * How many rows have which verdict, as a table.
 * @param {readonly (readonly [name: string, rows: readonly Row[]])[]} groups
 * @returns {string}
 */
export function formatCounts(groups) {
  const kinds = [...VERDICTS, "pending"];
  const lines = groups.map(([name, rows]) => {
    const counts = kinds.map((kind) => rows.filter(({ verdict }) => verdict.split(":")[0] === kind).length);
    return `| ${[name, rows.length, ...counts].join(" | ")} |`;
  });
  return [`| | all | ${kinds.join(" | ")} |`, `|${"---|".repeat(kinds.length + 2)}`, ...lines].join("\n");
}
