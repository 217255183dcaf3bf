/** A file of D1's, read and written without a Worker: by the SQL that the tests ask D1 itself with. */
import { existsSync } from "node:fs";
import { copyFile, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue } from "node:sqlite";
import type { Query, Queryable } from "./state.ts";

/** The database, and what was committed and not moved there yet. */
const CONTENT = ["", "-wal"];
/** What its readers share, which each makes anew. */
const SHARED = "-shm";

export class SqliteFile implements Queryable {
  readonly #database: DatabaseSync;

  constructor(path: string, options: { readOnly?: boolean } = {}) {
    this.#database = new DatabaseSync(path, { readOnly: options.readOnly ?? false });
  }

  prepare(sql: string): Query {
    return this.#query(sql, []);
  }

  #query(sql: string, values: SQLInputValue[]): Query {
    return {
      bind: (...bound) => this.#query(sql, bound as SQLInputValue[]),
      all: async () => ({ results: this.#database.prepare(sql).all(...values) }),
      run: async () => this.#database.prepare(sql).run(...values),
    };
  }

  /** Runs a script of several statements. */
  script(sql: string): void {
    this.#database.exec(sql);
  }

  close(): void {
    this.#database.close();
  }
}

/** Opens the file for as long as `work` needs it. */
export async function withFile<T>(path: string, options: { readOnly?: boolean }, work: (file: SqliteFile) => Promise<T>): Promise<T> {
  const file = new SqliteFile(path, options);
  try {
    return await work(file);
  } finally {
    file.close();
  }
}

/** Copies a database that nobody has open: looking at the copy recovers nothing in the original. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  await Promise.all([...CONTENT, SHARED].map((part) => rm(`${to}${part}`, { force: true })));
  await Promise.all(CONTENT.filter((part) => existsSync(`${from}${part}`)).map((part) => copyFile(`${from}${part}`, `${to}${part}`)));
}
