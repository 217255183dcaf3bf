/**
 * Refresh tokens while the secret keys are rotated: nobody is signed out by it, and a token shown again
 * leads to the same child whichever key comes first now.
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { expectBadToken } from "./harness/problem.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const [oldKey, newKey] = ["old", "new"].map((id) => `${id}:${randomBytes(32).toString("base64url")}`);

/** One deployment at four times: each world has the keys of its time, and is given the rows it needs. */
const [before, announced, rotated, done] = (await Promise.all(
  [`${oldKey}`, `${oldKey},${newKey}`, `${newKey},${oldKey}`, `${newKey}`].map((keys) => openWorld({ SECRET_KEYS: keys })),
)) as [World, World, World, World];

/** Puts this person's account and session, as they are in one world, in the place of those in another. */
async function carry(person: PersonActor, from: World, to: World): Promise<void> {
  for (const [table, key] of [
    ["users", "id"],
    ["sessions", "user_id"],
  ]) {
    const rows = await from.state.rows<Record<string, unknown>>(`select * from ${table} where ${key} = ?1`, person.id);
    await to.state.run(`delete from ${table} where ${key} = ?1`, person.id);
    for (const row of rows) {
      const [columns, values] = [Object.keys(row), Object.values(row)];
      const places = values.map((_, index) => `?${index + 1}`);
      await to.state.run(`insert into ${table} (${columns.join(", ")}) values (${places.join(", ")})`, ...values);
    }
  }
}

const refresh = (world: World, token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });

async function redeem(world: World, token: string): Promise<string> {
  const { access_token: access, refresh_token: child } = await world.anonymous.expect<Tokens>(200, "POST", "/auth/refresh", {
    refresh_token: token,
  });
  await world.bearing(access).expect(200, "GET", "/profile");
  return child;
}

/** The token without its code, which is made with whatever key comes first. */
const uncoded = (token: string) => token.slice(0, token.lastIndexOf("."));

test("a session goes on through the whole rotation", async () => {
  const asha = await before.person("asha");
  let token = await redeem(before, asha.refreshToken);
  for (const [from, to] of [
    [before, announced],
    [announced, rotated],
    [rotated, done],
  ] as const) {
    await carry(asha, from, to);
    token = await redeem(to, token);
  }
  expect(await done.state.number("select generation from sessions where user_id = ?1", asha.id)).toBe(5);
});

test.for([
  ["announced", before, announced],
  ["put first", announced, rotated],
  ["taken back", rotated, announced],
] as const)("a token shown again after the new key was %s leads to the same child, and both forms of that to one", async ([, from, to]) => {
  const asha = await before.person("asha");
  await carry(asha, before, from);
  const child = await redeem(from, asha.refreshToken);
  await carry(asha, from, to);
  const again = await redeem(to, asha.refreshToken);
  expect(uncoded(again)).toBe(uncoded(child));
  const grandchild = await redeem(to, child);
  expect(await redeem(to, again)).toBe(grandchild);
  await carry(asha, to, from);
  expect(uncoded(await redeem(from, again))).toBe(uncoded(grandchild));
  await redeem(from, grandchild);
});

test("a token that was used up ends the session whichever key it was made with", async () => {
  const asha = await before.person("asha");
  const child = await redeem(before, asha.refreshToken);
  await carry(asha, before, rotated);
  const newest = await redeem(rotated, child);
  await expectBadToken(await refresh(rotated, asha.refreshToken), "refresh_reused");
  await expectBadToken(await refresh(rotated, newest), "session_ended");
});

test("a token of a key that is gone is not Kith's any more, and ends nothing", async () => {
  const asha = await before.person("asha");
  await carry(asha, before, done);
  await expectBadToken(await refresh(done, asha.refreshToken), "invalid_refresh_token");
  expect(await done.state.number("select count(*) from sessions where user_id = ?1 and revoked_at is null", asha.id)).toBe(1);
});
