/**
 * The black-box tests: the built Wasm in workerd, spoken to over HTTP; and those of the typed client, of the
 * scripts and of the pages, most of which need no Worker.
 *
 * Each spec file of the Worker starts a server of its own and shares it between its tests, which never share
 * data. The order is random on purpose: a test that needs its neighbour is a test that lies. A
 * failing order is replayed with `--sequence.seed`, which the failing run prints.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { writeSchema } from "../scripts/client-schema.mjs";

// The typed client's types follow openapi.json, which may have changed since they were made.
writeSchema();

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["tests/{api,client,pages,scripts,security}/**/*.spec.ts"],
    sequence: { shuffle: true },
    pool: "forks",
    // Each file costs a workerd; more at once only wait for each other.
    maxWorkers: 2,
    // Node has SQLite of its own, which the oldest Node that wrangler accepts has to be asked for.
    execArgv: ["--experimental-sqlite", "--disable-warning=ExperimentalWarning"],
    // The worker's own lines are kept for the tests to read; wrangler's are noise.
    env: { WRANGLER_LOG: "error" },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
});
