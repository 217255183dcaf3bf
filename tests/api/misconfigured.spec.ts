/** Secrets that are missing, broken or made up: nothing is served, and the log names the setting. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { eventually } from "./harness/eventually.ts";
import { Keys } from "./harness/keys.ts";
import { expectProblem } from "./harness/problem.ts";
import { startServer } from "./harness/server.ts";
import { World } from "./harness/world.ts";

const SECRETS = ["SIGNING_KEYS", "SECRET_KEYS"] as const;
type Secret = (typeof SECRETS)[number];

const drawn = () => randomBytes(32).toString("base64url");

/** What may stand there instead of keys that were drawn, a kind each; null where nothing does. `src/config/keys.rs` has more. */
const UNFIT: Record<string, string | null> = {
  missing: null,
  empty: "",
  short: `k1:${drawn().slice(0, 40)}`,
  "a default": `k1:${Buffer.from(Array.from({ length: 32 }, (_, place) => place)).toString("base64url")}`,
  "a passphrase": `k1:${Buffer.from("correct horse battery staple 123").toString("base64url")}`,
  "two keys with one id": `k1:${drawn()},k1:${drawn()}`,
};

/** Right keys, but for one setting. */
class UnfitKeys extends Keys {
  readonly #name: Secret;
  readonly #value: string | null;

  constructor(name: Secret, value: string | null) {
    super();
    this.#name = name;
    this.#value = value;
  }

  override secrets(): { SIGNING_KEYS: string; SECRET_KEYS: string } {
    const { [this.#name]: _, ...others } = super.secrets();
    const own = this.#value === null ? {} : { [this.#name]: this.#value };
    return { ...others, ...own } as { SIGNING_KEYS: string; SECRET_KEYS: string };
  }
}

/** Every kind of path there is. */
const PATHS = [
  ["GET", "/health"],
  ["GET", "/health/ready"],
  ["GET", "/.well-known/jwks.json"],
  ["GET", "/api/v1/posts"],
  ["GET", "/api/v1/profile"],
  ["POST", "/api/v1/auth/login"],
  ["POST", "/api/v1/auth/refresh"],
  ["DELETE", "/api/v1/auth/sessions/01900000-0000-7000-8000-000000000000"],
  ["GET", "/nothing"],
] as const;

describe.for(SECRETS)("where %s is", (name) => {
  test.for(Object.entries(UNFIT))("%s, every path answers 503, and only the log says why", async ([, value]) => {
    const keys = new UnfitKeys(name, value);
    const world = new World(await startServer(keys, {}), keys);
    try {
      const parts = (value ?? "").split(/[,:]/).filter((part) => part.length > 3);
      for (const [method, path] of PATHS) {
        const response = await world.fetch(method, path);
        const { detail, ...told } = await expectProblem(response, 503, "misconfigured");
        expect(JSON.stringify({ detail, told })).not.toContain("KEYS");
        const { cause } = await world.lineOf(response);
        expect(cause).toMatch(new RegExp(`^${name} `));
      }
      await world.control.sweep();
      await eventually("the cron says so too", async () => world.logLines().find(({ message }) => message.includes('"event":"misconfigured"') && message.includes(name)));
      const log = world.logLines().map(({ message }) => message).join("\n");
      for (const part of parts) expect(log).not.toContain(part);
    } finally {
      await world.close();
    }
  });
});
