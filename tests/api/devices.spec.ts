/** Which sign-in is from a new device, who is told of it, and what sign-ins leave in the audit log. */
import { describe, expect, test } from "vitest";
import { lettersOf } from "./harness/letters.ts";
import { anAddress, from } from "./harness/limits.ts";
import type { Account } from "./harness/person.ts";
import { expectProblem, withoutRequestId } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const PHONE_UPDATED = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0.1 Mobile/22A3370 Safari/604.1";
const LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
const HOME = "198.51.100.7";

const device = (agent: string, address = HOME) => ({ "user-agent": agent, ...from(address) });

const signIn = ({ username, password }: Pick<Account, "username" | "password">, headers: Record<string, string>) =>
  world.anonymous.fetch("POST", "/auth/login", { username, password }, headers);

/** Asha, who has registered on her phone at home. */
const asha = () => world.person("asha", device(PHONE));

/** The letters about a new device that a sign-in leaves; it must succeed. */
async function toldBy(who: Account, headers: Record<string, string>) {
  const response = await signIn(who, headers);
  expect(response.status).toBe(200);
  return lettersOf(world, response);
}

const devicesOf = ({ id }: Account) => world.state.rows<{ fingerprint: string }>("select fingerprint from devices where user_id = ?1 order by fingerprint", id);

const newestSession = ({ id }: Account) => world.state.rows<{ id: string }>("select id from sessions where user_id = ?1 order by id desc limit 1", id);

describe("a sign-in", () => {
  test("where the account was made is no news", async () => {
    const person = await asha();
    expect(await devicesOf(person)).toHaveLength(1);
    expect(await toldBy(person, device(PHONE))).toEqual([]);
    expect(await devicesOf(person)).toHaveLength(1);
  });

  test("from another device is told once, with its session", async () => {
    const person = await asha();
    const letters = await toldBy(person, device(LAPTOP));
    const [session] = await newestSession(person);
    expect(letters).toEqual([{ letter: "new_device", user_id: person.id, session_id: session?.id, email: person.email }]);
    expect(await toldBy(person, device(LAPTOP))).toEqual([]);
    expect(await toldBy(person, device(PHONE))).toEqual([]);
    expect(await devicesOf(person)).toHaveLength(2);
  });

  test("after an update of the device, or from its next address, is no news", async () => {
    const person = await asha();
    for (const headers of [device(PHONE_UPDATED), device(PHONE, "198.51.7.250"), device(PHONE_UPDATED, "::ffff:198.51.3.3")]) {
      expect(await toldBy(person, headers)).toEqual([]);
    }
  });

  test("from another network is told, of IPv4 and of IPv6", async () => {
    const person = await asha();
    expect(await toldBy(person, device(PHONE, "203.0.113.7"))).toHaveLength(1);
    expect(await toldBy(person, device(PHONE, "2001:db8:1::7"))).toHaveLength(1);
    expect(await toldBy(person, device(PHONE, "2001:db8:ffff::1"))).toEqual([]);
    expect(await toldBy(person, device(PHONE, "2001:db9::1"))).toHaveLength(1);
  });

  test("from elsewhere is told whatever headers say where from", async () => {
    const person = await asha();
    const headers = { ...device(PHONE, "203.0.113.9"), "x-forwarded-for": HOME, "x-real-ip": HOME, forwarded: `for=${HOME}` };
    expect(await toldBy(person, headers)).toHaveLength(1);
  });

  test("that is an account's first ever is expected, and the next elsewhere is told", async () => {
    const person = await asha();
    // As an account is whose registration signed nobody in.
    await world.state.run("delete from devices where user_id = ?1", person.id);
    expect(await toldBy(person, device(LAPTOP))).toEqual([]);
    expect(await toldBy(person, device(PHONE))).toHaveLength(1);
  });

  test("of many at once from a new device is told once", async () => {
    const person = await asha();
    const { told, overlap } = await world.control.watchingOverlap({ containing: "insert into devices", count: 8 }, () =>
      Promise.all(Array.from({ length: 8 }, () => signIn(person, device(LAPTOP)))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    const letters = await Promise.all(told.map((response) => lettersOf(world, response)));
    expect(letters.flat()).toHaveLength(1);
    expect(await devicesOf(person)).toHaveLength(2);
  });

  test("that is refused notes no device and tells nobody", async () => {
    const person = await asha();
    const response = await signIn({ username: person.username, password: "a guess" }, device(LAPTOP));
    await expectProblem(response.clone(), 401, "invalid_credentials");
    expect(await lettersOf(world, response)).toEqual([]);
    expect(await devicesOf(person)).toHaveLength(1);
    expect(await toldBy(person, device(LAPTOP))).toHaveLength(1);
  });
});

test("neither an address nor what a device calls itself is stored with it, and no two accounts share a row", async () => {
  const people = [await asha(), await asha()];
  const rows = (await Promise.all(people.map(devicesOf))).flat();
  expect(rows).toHaveLength(2);
  for (const { fingerprint } of rows) expect(fingerprint).toMatch(/^[\w-]{22}$/);
  expect(new Set(rows.map(({ fingerprint }) => fingerprint)).size).toBe(2);
});

describe("the audit log", () => {
  const eventsAbout = async (response: Response) =>
    world.state.rows<Record<string, unknown>>("select kind, actor_id, account_id, session_id, details from audit_events where request_id = ?1", response.headers.get("x-request-id"));

  test("has each sign-in, with its session", async () => {
    const person = await asha();
    const response = await signIn(person, device(PHONE));
    const [session] = await newestSession(person);
    expect(await eventsAbout(response)).toEqual([
      { kind: "signed_in", actor_id: person.id, account_id: person.id, session_id: session?.id, details: "{}" },
    ]);
  });

  test("has each that was refused, with the account if it is one, and never with the name", async () => {
    const person = await asha();
    const suspended = await asha();
    await world.state.suspend(suspended);
    const refused = (account: string | null) => [{ kind: "sign_in_failed", actor_id: null, account_id: account, session_id: null, details: "{}" }];
    expect(await eventsAbout(await signIn({ username: person.username, password: "a guess" }, device(PHONE)))).toEqual(refused(person.id));
    expect(await eventsAbout(await signIn({ username: world.uniqueName("nobody"), password: "a guess" }, device(PHONE)))).toEqual(refused(null));
    expect(await eventsAbout(await signIn(suspended, device(PHONE)))).toEqual(refused(suspended.id));
  });

  test("costs an unknown name what it costs a wrong password: bytes, trips, statements, rows written and hashes", async () => {
    const person = await asha();
    const seen = [];
    for (const who of [
      { username: person.username },
      { username: world.uniqueName("nobody") },
      { email: person.email },
      { email: `${world.uniqueName("nobody")}@example.com` },
    ]) {
      const response = await world.anonymous.fetch("POST", "/auth/login", { ...who, password: "a guess" }, from(anAddress()));
      const { trips } = await world.control.recordOf(response);
      const work = trips.map(({ statements }) => statements.map(({ sql, rowsWritten }) => [sql.replace(/where (username|email) = \?1$/, ""), rowsWritten]));
      seen.push({ answer: await withoutRequestId(response.clone()), work, hashes: await world.hashesOf(response) });
    }
    expect(seen[0]?.work).toHaveLength(2);
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
  });
});
