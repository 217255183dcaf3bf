/** The server of one spec file: the built worker, wrapped, in workerd, with its own empty storage. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createTestHarness, unstable_readConfig } from "wrangler";
import type { TestHarness } from "wrangler";
import { AUDIENCE, ISSUER } from "./keys.ts";
import type { Keys } from "./keys.ts";
import { MailBox } from "./mails.ts";
import type { D1, Kv } from "./platform.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROFILE = process.env["KITH_PROFILE"] ?? "release";
/** The build under test, of the profile that `KITH_PROFILE` names. */
export const BUILT_WORKER = `${ROOT}build/${PROFILE}/index.js`;

/** The settings of a local deployment, but for where its mails go; a test may override some. */
export const VARS = {
  ISSUER,
  AUDIENCE,
  EXPOSE_COST: "1",
  REVEAL_EMAIL: "1",
  JOB_GRACE_SECONDS: "1",
  // A story is not about limits unless it says so.
  RATE_LIMIT_FACTOR: "1000",
};

/** The platform's own limiters, as a test may want them: none, or with another limit than declared. */
export interface Shield {
  limit: number | null;
}

export interface Server {
  url: URL;
  database: D1;
  keyValue: Kv;
  harness: TestHarness;
  /** Where its mails go. */
  mails: MailBox;
  /** Ends the server and all that belongs to it. */
  close(): Promise<void>;
  /** Whether the worker reads at a replica that lags. */
  lags: boolean;
}

/** The database that stands for a replica. */
const REPLICA = { binding: "REPLICA", database_name: "kith-replica", database_id: "00000000-0000-0000-0000-000000000001" };

/** What the platform is like. */
export interface Platform {
  /** What stands in for the platform's limiter. */
  shield?: Shield;
  /** Whether reads may go to a replica that lags. */
  lags?: boolean;
  /** What runs: the built worker, wrapped by the tests' own, unless said otherwise. */
  entry?: { main: string; alias?: Record<string, string> };
}

/** The worker in its wrapper, which records what it does and lets a test make its platform fail. */
const WRAPPED = { main: fileURLToPath(new URL("worker.ts", import.meta.url)), alias: { "kith-under-test": BUILT_WORKER } };

/**
 * Whether a line of the log is workerd's own, about itself, and no Worker's: it marks so what concerns nobody who runs
 * one. Under load it writes now and then that a context of somebody's, Miniflare's own Workers included, ended with an
 * action of another's still queued; every request was answered then, and rightly.
 */
export function isRuntimesOwn(message: string): boolean {
  return message.startsWith("NOSENTRY ");
}

/** The worker as it is deployed. */
export const BARE = { main: BUILT_WORKER };

/** Starts the worker with migrated, empty storage. */
export async function startServer(keys: Keys, vars: Record<string, string>, { shield, lags = false, entry = WRAPPED }: Platform = {}): Promise<Server> {
  if (!existsSync(BUILT_WORKER)) throw new Error(`there is no build to test: ${BUILT_WORKER}`);
  const declared = unstable_readConfig({ config: `${ROOT}wrangler.toml` }, { hideWarnings: true });
  const mails = await MailBox.open();
  const harness = createTestHarness({
    // Not the project's root, where `.dev.vars` would override the settings below.
    root: fileURLToPath(new URL(".", import.meta.url)),
    workers: [
      {
        config: {
          name: "kith",
          ...entry,
          compatibility_date: declared.compatibility_date ?? "",
          compatibility_flags: declared.compatibility_flags,
          d1_databases: [...declared.d1_databases, ...(lags ? [REPLICA] : [])].map((database: object) => ({ ...database, migrations_dir: `${ROOT}migrations` })),
          kv_namespaces: declared.kv_namespaces,
          queues: declared.queues,
          send_email: declared.send_email,
          ratelimits: limiters(declared.ratelimits, shield),
          assets: { ...declared.assets, directory: `${ROOT}build/assets` },
          vars: { ...VARS, ...mails.settings(), ...keys.secrets(), ...vars },
        },
      },
    ],
  });
  const { url } = await harness.listen();
  const worker = harness.getWorker<{ DB: never; REPLICA: never }>();
  await worker.applyD1Migrations("DB");
  if (lags) await worker.applyD1Migrations("REPLICA");
  const { DB: database, KV: keyValue } = (await worker.getEnv()) as unknown as { DB: D1; KV: Kv };
  const close = async () => {
    await harness.close();
    await mails.close();
  };
  return { url, database, keyValue, harness, mails, close, lags };
}

type Limiter = ReturnType<typeof unstable_readConfig>["ratelimits"][number];

function limiters(declared: Limiter[], shield: Shield | undefined): Limiter[] {
  if (shield === undefined) return declared;
  const { limit } = shield;
  return limit === null ? [] : declared.map((limiter) => ({ ...limiter, simple: { ...limiter.simple, limit } }));
}
