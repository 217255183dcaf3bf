/**
 * `wrangler dev` as a developer runs it: real processes on a real port, with data on disk that
 * outlives them. For the tests that kill them.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { unstable_readConfig } from "wrangler";
import { eventually } from "./eventually.ts";
import { MailBox } from "./mails.ts";
import { withFile } from "./sqlite-file.ts";
import type { Keys } from "./keys.ts";
import { freePorts } from "./ports.ts";
import { descendants, isRunning, killAll } from "./processes.ts";
import { BUILT_WORKER, ROOT, VARS } from "./server.ts";

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin/wrangler.js");
const START_MS = 40_000;

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A deployment on this machine that can be started, killed and started again on the same data. */
export class LocalDeployment {
  readonly #directory: string;
  readonly #keys: Keys;
  #process: ChildProcess | null = null;
  /** How often it was stopped, so that a start that was overtaken by a stop starts nothing. */
  #stops = 0;
  #output = "";
  #workerds: number[] = [];
  #others: number[] = [];
  #url: URL | null = null;
  #mails: MailBox | null = null;

  constructor(directory: string, keys: Keys) {
    this.#directory = directory;
    this.#keys = keys;
  }

  async #configure(consumes: boolean): Promise<string> {
    const declared = unstable_readConfig({ config: `${ROOT}wrangler.toml` }, { hideWarnings: true });
    const { producers, consumers } = declared.queues;
    this.#mails ??= await MailBox.open();
    const config = {
      name: "kith",
      main: BUILT_WORKER,
      compatibility_date: declared.compatibility_date,
      compatibility_flags: declared.compatibility_flags,
      d1_databases: declared.d1_databases.map((database: object) => ({ ...database, migrations_dir: `${ROOT}migrations` })),
      kv_namespaces: declared.kv_namespaces,
      ratelimits: declared.ratelimits,
      queues: { producers, consumers: consumes ? consumers : [] },
      assets: { ...declared.assets, directory: `${ROOT}build/assets` },
      vars: { ...VARS, ...this.#mails.settings(), ...this.#keys.secrets() },
    };
    await mkdir(this.#directory, { recursive: true });
    const path = join(this.#directory, "wrangler.json");
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  #wrangler(args: string[]): ChildProcess {
    const child = spawn(process.execPath, [WRANGLER, ...args], {
      cwd: this.#directory,
      env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_LOG: "log" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
    this.#process = child;
    return child;
  }

  /** Creates the tables. */
  async migrate(): Promise<void> {
    const stops = this.#stops;
    const config = await this.#configure(true);
    this.#mustNotBeStopped(stops);
    const args = ["d1", "migrations", "apply", "DB", "--local", "--config", config, "--persist-to", this.#directory];
    const child = this.#wrangler(args);
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    this.#process = null;
    if (code !== 0) throw new Error(`the migrations failed:\n${this.#output}`);
  }

  /** Starts; a deployment that does not consume is one whose queue keeps every message to itself. */
  async start({ consumes }: { consumes: boolean }): Promise<URL> {
    const stops = this.#stops;
    const config = await this.#configure(consumes);
    const [port, inspector] = await freePorts();
    this.#mustNotBeStopped(stops);
    this.#output = "";
    const storage = ["--config", config, "--persist-to", this.#directory];
    const ports = ["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", String(inspector)];
    const child = this.#wrangler(["dev", ...storage, ...ports, "--show-interactive-dev-session=false"]);
    const url = new URL(`http://127.0.0.1:${port}`);
    try {
      await eventually(
        "wrangler dev serves",
        async () => {
          if (hasEnded(child)) throw new Error("wrangler dev ended");
          const response = await fetch(new URL("/health", url)).catch(() => null);
          return response?.status === 200;
        },
        START_MS,
      );
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#output}`, { cause: error });
    }
    const all = child.pid === undefined ? [] : await descendants(child.pid);
    this.#workerds = all.filter(({ name }) => name === "workerd").map(({ pid }) => pid);
    this.#others = all.filter(({ name }) => name !== "workerd").map(({ pid }) => pid);
    if (this.#workerds.length === 0) throw new Error("wrangler dev runs without a workerd");
    this.#url = url;
    return url;
  }

  #mustNotBeStopped(stops: number): void {
    if (this.#stops !== stops) throw new Error("the deployment was stopped before it started");
  }

  /** Calls the scheduled handler. */
  async sweep(): Promise<void> {
    if (this.#url === null) throw new Error("there is nothing running that could sweep");
    const response = await fetch(new URL("/cdn-cgi/local/scheduled", this.#url));
    const text = await response.text();
    if (!response.ok) throw new Error(`the sweep was answered with ${response.status}: ${text}`);
  }

  /** Waits until a query over the database on disk has a row, without asking the Worker. */
  async whenStored(sql: string): Promise<void> {
    const path = await this.databaseFile();
    await withFile(path, { readOnly: true }, (file) =>
      eventually("it is stored", async () => (await file.prepare(sql).all()).results.length > 0),
    );
  }

  /** Where D1 keeps what it holds, once it has been migrated. */
  async databaseFile(): Promise<string> {
    const directory = join(this.#directory, "v3/d1/miniflare-D1DatabaseObject");
    const files = (await readdir(directory)).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
    const [file] = files;
    if (file === undefined || files.length > 1) throw new Error(`not one database but ${files.length} in ${directory}`);
    return join(directory, file);
  }

  /**
   * `kill -9` of the runtime, in the middle of whatever it does, and of those who would start it
   * again. Their ids were looked up before. Throws if the runtime had ended by itself.
   */
  killRuntime(): void {
    const killed = killAll(this.#workerds);
    killAll(this.#others);
    if (killed === 0) throw new Error("there was no workerd to kill");
  }

  /** Ends every process of the deployment and waits for their end; what is on disk stays. */
  async stop(): Promise<void> {
    this.#stops += 1;
    const child = this.#process;
    this.#process = null;
    this.#url = null;
    if (child?.pid === undefined) return;
    const { pid } = child;
    // Parents first: a child that ends may be started again.
    const all = [pid, ...(await descendants(pid)).map((descendant) => descendant.pid)];
    const ended = hasEnded(child) ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));
    killAll(all);
    await ended;
    const last = [...all, ...this.#workerds, ...this.#others];
    await eventually("its processes are gone", async () => !(await Promise.all(last.map(isRunning))).includes(true));
    this.#workerds = [];
    this.#others = [];
  }

  /** Removes the data too. */
  async remove(): Promise<void> {
    await this.stop();
    await this.#mails?.close();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
