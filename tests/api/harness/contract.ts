/**
 * The contract of the database: what each case of `tests/contract/cases` did on D1. The native
 * adapter is held to the same record by `tests/contract.rs`.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Control } from "./control.ts";
import type { BatchedStatement } from "./protocol.ts";
import { ROOT } from "./server.ts";

const FOLDER = `${ROOT}tests/contract/`;

/** Text, as it stands or in parts, of which some come many times over. */
type Text = string | { parts: (string | [text: string, times: number])[] };

/** A parameter, or the same one many times. */
type Parameter = null | boolean | number | Text | { value: number; times: number };

export interface Case {
  name: string;
  /** Run before, in one batch, and not recorded. */
  setup?: string[];
  batches: [sql: Text, ...parameters: Parameter[]][][];
  /** What `DatabaseError` makes of the first error. */
  means?: string;
  /** Why the native adapter's outcome, which `native.json` records, is another. */
  differs?: string;
}

/** What a batch did: for each statement its rows and how many it changed, or the batch's error. */
export type Outcome = { results: { rows: unknown; changes: number }[] } | { error: string };

/** By the names of cases, the outcome of each batch. */
export type Record = { [name: string]: Outcome[] };

export function readCases(): Case[] {
  const files = readdirSync(`${FOLDER}cases`).toSorted();
  return files.flatMap((file) => JSON.parse(readFileSync(`${FOLDER}cases/${file}`, "utf8")) as Case[]);
}

export function readRecord(file: "d1.json" | "native.json"): Record {
  return existsSync(FOLDER + file) ? (JSON.parse(readFileSync(FOLDER + file, "utf8")) as Record) : {};
}

/** Writes the record with a line for each batch, so that a change shows in review. */
export function writeRecord(record: Record): void {
  const names = Object.keys(record).toSorted();
  const cases = names.map((name) => {
    const batches = (record[name] ?? []).map((outcome) => `    ${JSON.stringify(outcome)}`);
    return `  ${JSON.stringify(name)}: [\n${batches.join(",\n")}\n  ]`;
  });
  writeFileSync(`${FOLDER}d1.json`, `{\n${cases.join(",\n")}\n}\n`);
}

function textOf(text: Text): string {
  if (typeof text === "string") return text;
  return text.parts.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1]))).join("");
}

function valuesOf(parameter: Parameter): unknown[] {
  if (typeof parameter !== "object" || parameter === null) return [parameter];
  return "parts" in parameter ? [textOf(parameter)] : Array<unknown>(parameter.times).fill(parameter.value);
}

/** D1 with the tables of Kith, which each case finds as the one before found it. */
export class ContractDatabase {
  readonly #control: Control;
  #lasting: Set<string> | undefined;

  constructor(control: Control) {
    this.#control = control;
  }

  /** Runs a case on an empty database. */
  async run({ setup = [], batches }: Case): Promise<Outcome[]> {
    await this.#empty();
    if (setup.length > 0) await this.#must(setup);
    const outcomes: Outcome[] = [];
    for (const batch of batches) {
      const statements = batch.map(([sql, ...parameters]) => ({ sql: textOf(sql), params: parameters.flatMap(valuesOf) }));
      outcomes.push(await this.#attempt(statements));
    }
    return outcomes;
  }

  async #attempt(statements: BatchedStatement[]): Promise<Outcome> {
    const report = await this.#control.batch(statements);
    // An error of the platform itself has a number of its own.
    if ("error" in report) return { error: report.error.replace(/reference = \w+/, "reference = …") };
    const results = JSON.parse(report.json) as { results: unknown; meta: { changes: number } }[];
    return { results: results.map(({ results: rows, meta: { changes } }) => ({ rows, changes })) };
  }

  async #must(sql: string[]): Promise<unknown[]> {
    const outcome = await this.#attempt(sql.map((text) => ({ sql: text, params: [] })));
    if ("error" in outcome) throw new Error(outcome.error);
    return outcome.results.map(({ rows }) => rows);
  }

  /** Drops what a case made and empties Kith's tables. */
  async #empty(): Promise<void> {
    const [rows] = await this.#must(["select type, name from sqlite_schema where name <> 'sqlite_sequence'"]);
    // D1's own table, which it makes when it first names a state, is not for statements.
    const all = rows as { type: string; name: string }[];
    // Nor are the tables that a full-text index keeps for itself: they are emptied with it.
    const schema = all.filter(({ name }) => !name.startsWith("_cf_") && !/_text_(data|idx|content|docsize|config)$/.test(name));
    this.#lasting ??= new Set(schema.map(({ name }) => name));
    const lasting = this.#lasting;
    // Triggers first, because they run while rows are deleted.
    const drops = ["trigger", "view", "table"].flatMap((kind) =>
      schema.filter(({ type, name }) => type === kind && !lasting.has(name)).map(({ name }) => `drop ${kind} if exists "${name}"`),
    );
    const kith = schema.filter(({ type, name }) => type === "table" && lasting.has(name) && name !== "d1_migrations");
    // A full-text index that keeps no text knows no other way to forget what it holds.
    const deletes = kith.map(({ name }) => (name.endsWith("_text") ? `insert into "${name}" ("${name}") values ('delete-all')` : `delete from "${name}"`));
    await this.#must(["pragma defer_foreign_keys = on", ...drops, ...deletes]);
  }
}
