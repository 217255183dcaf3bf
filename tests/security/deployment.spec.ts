/** What a deployment gets if nobody thinks of it: the careful setting of each switch, and no secret. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";

const ROOT = new URL("../../", import.meta.url).pathname;
const { vars } = unstable_readConfig({ config: `${ROOT}wrangler.toml` }, { hideWarnings: true });

test("what tells more than it must is off, and no page of another origin may call", () => {
  expect(vars).toMatchObject({ EXPOSE_COST: "0", REVEAL_EMAIL: "0", CORS_ORIGINS: "", RATE_LIMIT_FACTOR: "1" });
});

test("no secret stands in the settings that are committed, and those of this machine are not committed", () => {
  for (const [name, value] of Object.entries(vars)) {
    expect([name, /KEYS?$|SECRET|PASSWORD|TOKEN/.test(name)]).toEqual([name, false]);
    expect([name, /[\w-]{40,}/.test(String(value))]).toEqual([name, false]);
  }
  expect(readFileSync(`${ROOT}.gitignore`, "utf8").split("\n")).toContain("/.dev.vars");
});
