/** Those who run Kith, with an app that uses the typed client: from the first link to the last event. */
import { expect, test } from "vitest";
import { entries, isProblem } from "../../client/src/index.ts";
import { newToken, sqlOfLink } from "../../scripts/first-admin.mjs";
import { App, PersonsApp } from "./harness/app.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

test("the first admin comes by a link, makes a moderator, suspends somebody, and reads what happened", async () => {
  const [asha, ben] = [await PersonsApp.of(world, "asha"), await PersonsApp.of(world, "ben")];
  const { token, hash } = newToken();
  for (const sql of sqlOfLink(hash, Date.now())) await world.state.run(sql);

  const rosa = new App(world);
  const username = world.uniqueName("rosa");
  const body = { token, username, email: `${username}@example.com`, password: "the long passphrase of rosa" };
  const { status, data: first } = await rosa.kith.setUp({ body });
  expect([status, first.user.role, first.user.email_verified]).toEqual([201, "admin", true]);
  const late = await asha.kith.setUp({ body }).catch((error: unknown) => error);
  expect(isProblem(late, "invalid_setup_token")).toBe(true);

  const { data: moderator } = await rosa.kith.changeStanding({ path: { username: asha.username }, body: { role: "moderator" } });
  expect(moderator).toMatchObject({ username: asha.username, role: "moderator" });
  const known: string[] = [];
  for await (const account of entries(asha.kith.listAccounts, { query: { limit: 2 } })) known.push(account.username);
  expect(known).toEqual([username, ben.username, asha.username]);
  await expect(asha.kith.listEvents()).rejects.toMatchObject({ code: "role_required" });
  await expect(asha.kith.changeStanding({ path: { username: ben.username }, body: { plan: "pro" } })).rejects.toMatchObject({ code: "role_required" });

  const changed = await rosa.kith.changeStanding({ path: { username: ben.username }, body: { plan: "pro" } });
  const seen = changed.headers.get("etag") ?? "";
  await rosa.kith.changeStanding({ path: { username: ben.username }, body: { status: "suspended" }, headers: { "If-Match": seen } });
  await expect(ben.kith.getMyProfile()).rejects.toMatchObject({ code: "account_suspended" });
  const stale = rosa.kith.changeStanding({ path: { username: ben.username }, body: { plan: "free" }, headers: { "If-Match": seen } });
  await expect(stale).rejects.toMatchObject({ code: "precondition_failed" });
  await expect(rosa.kith.changeStanding({ path: { username }, body: { role: "user" } })).rejects.toMatchObject({ code: "last_admin" });

  await asha.kith.logout();
  const events: [string, string | null][] = [];
  for await (const { kind, account_id: account } of entries(rosa.kith.listEvents, { query: { limit: 3 } })) events.push([kind, account]);
  const [ashas, bens] = [moderator.id, changed.data.id];
  const expected = [["signed_out", ashas], ["status_changed", bens], ["plan_changed", bens], ["role_changed", ashas], ["admin_created", first.user.id]];
  expect(events.filter(([kind]) => expected.some(([one]) => one === kind))).toEqual(expected);
});
