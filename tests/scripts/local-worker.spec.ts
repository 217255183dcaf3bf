/** What `npm start` does with a Worker that lacks a setting: it ends, and names it. On a real `wrangler dev`. */
import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { refusalIn } from "../../scripts/local-worker.mjs";
import { Keys } from "../api/harness/keys.ts";
import { freePorts } from "../api/harness/ports.ts";
import { makeDirectory } from "../api/harness/scratch.ts";
import { BUILT_WORKER, ROOT, VARS } from "../api/harness/server.ts";

const START_MS = 60_000;

/** The end of `npm start`, with the Worker of a test in place of the clone's. */
const PROGRAM = `
  import { main, say } from "${ROOT}scripts/progress.mjs";
  import { endChildrenOnSignals } from "${ROOT}scripts/processes.mjs";
  import { startLocalWorker } from "${ROOT}scripts/local-worker.mjs";
  const [address, ...args] = process.argv.slice(1);
  endChildrenOnSignals();
  await main(async () => {
    const worker = startLocalWorker(args);
    try {
      if (await worker.ready(address)) say("READY");
    } finally {
      await worker.stop();
    }
  });
`;

/** Where mails would go. None is sent here. */
const MAILS = { MAIL_TRANSPORT: "http", MAIL_FROM: "Kith <no-reply@kith.example>", MAIL_API_URL: "http://127.0.0.1:9/emails", MAIL_API_KEY: "a key of this test alone" };

/** Starts a Worker with these settings, and answers how that ended and what was written. */
async function startWith(vars: Record<string, string | undefined>): Promise<{ code: number | null; output: string; errors: string }> {
  const directory = await makeDirectory("kith-start-");
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const declared = unstable_readConfig({ config: `${ROOT}wrangler.toml` }, { hideWarnings: true });
  const { compatibility_date, compatibility_flags, d1_databases, kv_namespaces, ratelimits } = declared;
  const config = join(directory, "wrangler.json");
  const queues = { producers: declared.queues.producers };
  const all = { name: "kith", main: BUILT_WORKER, compatibility_date, compatibility_flags, d1_databases, kv_namespaces, ratelimits, queues };
  await writeFile(config, JSON.stringify({ ...all, vars: { ...VARS, ...MAILS, ...new Keys().secrets(), ...vars } }));
  const [port, inspector] = await freePorts();
  const args = ["--config", config, "--persist-to", directory, "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", String(inspector)];
  // However little wrangler is asked to say.
  const env = { ...process.env, WRANGLER_LOG: "error" };
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM, `http://127.0.0.1:${port}`, ...args], { cwd: directory, env });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output, errors };
}

test.for<[string, string | undefined, string]>([
  ["SIGNING_KEYS", undefined, "SIGNING_KEYS is not set"],
  ["SECRET_KEYS", "k1:c2hvcnQ", "SECRET_KEYS has a key that is not 32 bytes"],
  ["SECRET_KEYS", `k1:${"A".repeat(43)}`, "SECRET_KEYS has a key that is not random"],
])("%s as %s ends the start with its name", { timeout: START_MS }, async ([name, value, complaint]) => {
  const { code, output, errors } = await startWith({ [name]: value });
  expect(errors).toContain(`✗ ${complaint}, so the Worker serves nothing.`);
  expect(code).toBe(1);
  expect(output).not.toContain("READY");
});

test("a Worker that lacks nothing is ready", { timeout: START_MS }, async () => {
  const { code, output, errors } = await startWith({});
  expect(output).toContain("READY");
  expect(errors).not.toContain("✗");
  expect(code).toBe(0);
});

describe("the Worker's line in wrangler's output", () => {
  const line = JSON.stringify({ level: "warn", event: "request", request_id: "abc", cause: "SECRET_KEYS is not set" });

  test("is found in its frame and its colours", () => {
    const found = { request: "abc", cause: "SECRET_KEYS is not set" };
    expect(refusalIn(line)).toEqual(found);
    expect(refusalIn(`\u001B[33m▲ \u001B[43;33m[\u001B[43;30mWARNING\u001B[43;33m]\u001B[0m \u001B[1m${line}\u001B[0m`)).toEqual(found);
  });

  test.for(["", "[wrangler:info] Ready on http://localhost:8787", "{", "} {", '{"event":"request","request_id":"abc","cause":null}', '{"event":"job","request_id":"abc","cause":"x"}'])(
    "is not seen in %s",
    (other) => {
      expect(refusalIn(other)).toBeNull();
    },
  );
});
