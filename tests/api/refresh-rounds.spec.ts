/**
 * 200 overlapping uses of one refresh token, 50 rounds of it: there are never two live children, and whoever
 * shows an older one ends the session for the newest.
 */
import { createHash } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { expectBadToken } from "./harness/problem.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const ROUNDS = 50;
const MANY = 200;

const sessionOf = (token: string) => token.split(".")[0] ?? "";
const refresh = (token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });
const next = async (token: string) => (await world.anonymous.expect<Tokens>(200, "POST", "/auth/refresh", { refresh_token: token })).refresh_token;

/** What the session's row keeps of a token. */
const hashOf = (token: string) => createHash("sha256").update(token.split(".")[2] ?? "").digest("base64url");

/** As `refresh`, but ten thousand answers are not held to the document, which costs more than all the rest. */
async function ask(token: string): Promise<{ status: number; body: Tokens & { code?: string } }> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ refresh_token: token }) };
  const response = await fetch(new URL("/api/v1/auth/refresh", world.url), init);
  return { status: response.status, body: (await response.json()) as Tokens };
}

/** What a refresh may be answered with besides new tokens. */
const REFUSALS = ["401 refresh_reused", "401 session_ended", "503 dependency_unavailable"];

const answers: Record<string, number> = {};
let [most, redeemed] = [0, 0];
afterAll(() => console.info(`${ROUNDS} rounds of ${MANY}: ${JSON.stringify(answers)}, at most ${most} at D1 at once, ${redeemed} children`));

const asha = await world.person("asha");

test.for(Array.from({ length: ROUNDS }, (_, index) => index + 1))("round %i", async (round) => {
  const device = await asha.onAnotherDevice();
  // The token of a session that has just begun, and one that was renewed before.
  const parent = round % 2 === 0 ? device.refreshToken : await next(device.refreshToken);
  const session = sessionOf(parent);
  const { told, overlap } = await world.control.watchingOverlap({ containing: session, count: MANY }, () =>
    Promise.all(Array.from({ length: MANY }, () => ask(parent))),
  );
  expect(overlap.most).toBeGreaterThanOrEqual(2);
  expect(overlap.arrived).toBeGreaterThanOrEqual(2);
  most = Math.max(most, overlap.most);

  const given = told.filter(({ status }) => status === 200).map(({ body }) => body.refresh_token);
  const refused = told.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${body.code ?? ""}`);
  for (const answer of [...given.map(() => "200"), ...refused]) answers[answer] = (answers[answer] ?? 0) + 1;
  expect(refused.filter((refusal) => !REFUSALS.includes(refusal))).toEqual([]);
  const children = [...new Set(given)];
  expect(children).toHaveLength(1);
  redeemed += children.length;
  const [child = ""] = children;

  // The one live token is that child, and there is no second session that could have another.
  const rows = await world.state.rows<{ current_hash: string; generation: number }>(
    "select current_hash, generation from sessions where id = ?1 and revoked_at is null",
    session,
  );
  expect(rows).toEqual([{ current_hash: hashOf(child), generation: round % 2 === 0 ? 2 : 3 }]);
  const newest = await next(child);

  await expectBadToken(await refresh(parent), "refresh_reused");
  for (const token of [newest, child, parent]) await expectBadToken(await refresh(token), "session_ended");
  expect(await world.state.number("select count(*) from sessions where id = ?1 and revoked_at is null", session)).toBe(0);
});

test("what was ended in the rounds ended nothing else", async () => {
  expect(await asha.profile()).toMatchObject({ id: asha.id });
  expect(await next(asha.refreshToken)).not.toBe("");
});
