/**
 * Registering where nobody is told who has an account: a registration waits for its mail, whatever there is
 * at the address, and nobody is anybody before that is answered.
 */
import { describe, expect, test } from "vitest";
import { lettersOf } from "./harness/letters.ts";
import { anAddress, expectLimited, from, limits } from "./harness/limits.ts";
import { expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Me, Tokens } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const RECIPIENT = 3;
const RATE_LIMITS = `mail-recipient=${RECIPIENT}/86400,registration-address=1000/86400`;
const [world, limited] = await Promise.all([openWorld({ REVEAL_EMAIL: "0" }), openWorld({ REVEAL_EMAIL: "0", RATE_LIMIT_FACTOR: "1", RATE_LIMITS })]);

const DAY = 86_400_000;
const MANY = 30;

interface Newcomer {
  username: string;
  email: string;
  password: string;
}

function newcomer(name: string, email?: string): Newcomer {
  const username = world.uniqueName(name);
  return { username, email: email ?? `${username}@example.com`, password: `the long passphrase of ${name}` };
}

const register = (body: object, headers: Record<string, string> = {}, at: World = world) => at.anonymous.fetch("POST", "/auth/register", body, headers);
const login = (body: object, headers: Record<string, string> = {}) => world.anonymous.fetch("POST", "/auth/login", body, headers);
const verify = (token: string) => world.anonymous.fetch("POST", "/auth/email/verify", { token });
const answer = (registration: string) => verify(world.keys.mailToken({ may: "register", registration_id: registration }));

/** The registrations that wait for a username, oldest first. */
async function waiting({ username }: Newcomer): Promise<string[]> {
  const rows = await world.state.rows<{ id: string }>("select id from registrations where username = ?1 order by created_at, id", username);
  return rows.map(({ id }) => id);
}

/** Registers somebody; the registration that then waits. */
async function registered(who: Newcomer): Promise<string> {
  expect((await register(who)).status).toBe(202);
  return (await waiting(who)).at(-1) ?? expect.fail("nothing waits");
}

/** Somebody with an account. */
async function resident(name: string): Promise<Newcomer> {
  const who = newcomer(name);
  expect((await answer(await registered(who))).status).toBe(204);
  return who;
}

/** What a request did to the database, but for the values that it wrote. */
async function deeds(response: Response) {
  const { trips } = await world.control.recordOf(response);
  return trips.map(({ statements }) => statements.map(({ sql, rowsWritten }) => ({ sql, rowsWritten })));
}

describe("a registration", () => {
  test("is answered and written the same, whatever there is at the address", async () => {
    const [asha, ben, suspended] = [await resident("asha"), newcomer("ben"), await resident("chen")];
    await world.state.run("update users set status = 'suspended' where username = ?1", suspended.username);
    await registered(ben);
    const addresses = [undefined, asha.email, asha.email.toUpperCase(), ben.email, suspended.email];
    const seen = [];
    for (const email of addresses) {
      const before = await world.state.rowCounts();
      const response = await register(newcomer("mallory", email), { "x-request-id": "the-same-for-all" });
      expect(await response.clone().json()).toEqual({ status: "verify_email" });
      // What the registration is about stands in the letter; whether there is an account is found when it is sent.
      expect(await lettersOf(world, response)).toEqual([{ letter: "registration", registration_id: expect.any(String) }]);
      const { registrations: now, users } = await world.state.rowCounts();
      expect([now, users]).toEqual([(before["registrations"] ?? 0) + 1, before["users"]]);
      seen.push({ answer: await withoutRequestId(response), deeds: await deeds(response) });
    }
    expect(seen[0]?.deeds).toHaveLength(1);
    for (const one of seen) expect(one).toEqual(seen[0]);
  });

  test("costs as many hashes, whatever there is at the address", async () => {
    const asha = await resident("asha");
    for (const email of [undefined, asha.email]) expect(await world.hashesOf(await register(newcomer("mallory", email)))).toBe(1);
  });

  test("that is finished is recorded once, and one that waits is not", async () => {
    const asha = newcomer("asha");
    const events = () => world.state.rows("select kind, actor_id, account_id, session_id, details from audit_events where account_id = ?1", id);
    const id = await registered(asha);
    expect(await events()).toEqual([]);
    for (const _ of [1, 2]) await answer(id);
    expect(await events()).toEqual([{ kind: "registered", actor_id: id, account_id: id, session_id: null, details: '{"by":"mail"}' }]);
  });

  test("names no state, because nobody is signed in who could ask for it", async () => {
    expect((await register(newcomer("asha"))).headers.get("d1-bookmark")).toBeNull();
  });

  test("makes nobody before its mail is answered: a sign-in is that of an unknown name, and no profile is there", async () => {
    const [asha, nobody] = [newcomer("asha"), newcomer("nobody")];
    await registered(asha);
    for (const by of ["username", "email"] as const) {
      const seen = [];
      for (const who of [asha, nobody]) {
        const response = await login({ [by]: who[by], password: asha.password }, { "x-request-id": "the-same-for-all" });
        await expectProblem(response.clone(), 401, "invalid_credentials");
        seen.push({ answer: await withoutRequestId(response), deeds: await deeds(response) });
      }
      expect(seen[0]).toEqual(seen[1]);
    }
    await expectProblem(await world.anonymous.fetch("GET", `/users/${asha.username}`), 404, "not_found");
  });

  test("is finished by its mail: register, verify, sign in", async () => {
    const asha = newcomer("asha");
    const id = await registered({ ...asha, email: asha.email.toUpperCase() });
    const response = await answer(id);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    const tokens = (await (await login({ email: asha.email, password: asha.password })).json()) as Tokens;
    const me = await world.bearing(tokens.access_token).expect<Me>(200, "GET", "/profile");
    expect(me).toMatchObject({ id, username: asha.username, display_name: asha.username, email: asha.email, email_verified: true, role: "user", plan: "free" });
    // The hash of the password stands in one place.
    expect(await waiting(asha)).toEqual([]);
  });

  test("that is finished once more is well, and makes nobody once more", async () => {
    const asha = newcomer("asha");
    const id = await registered(asha);
    for (const _ of [1, 2, 3]) expect((await answer(id)).status).toBe(204);
    expect(await world.state.number("select count(*) from users where username = ?1", asha.username)).toBe(1);
    await world.state.run("update users set status = 'suspended' where id = ?1", id);
    await expectProblem(await answer(id), 422, "invalid_mail_token");
    await world.state.run("update users set status = 'deleted' where id = ?1", id);
    await expectProblem(await answer(id), 422, "invalid_mail_token");
  });

  test("of whose mail is answered many times at once makes one account", async () => {
    const asha = newcomer("asha");
    const id = await registered(asha);
    const { told, overlap } = await world.control.watchingOverlap({ containing: id, count: MANY }, () => Promise.all(Array.from({ length: MANY }, () => answer(id))));
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([204]));
    expect(await world.state.number("select count(*) from users where email = ?1", asha.email)).toBe(1);
  });

  test("begun anew because no mail came is not in its own way, and whichever link is used decides", async () => {
    const asha = newcomer("asha");
    const first = await registered(asha);
    const second = await registered({ ...asha, password: "another passphrase of asha" });
    expect((await answer(second)).status).toBe(204);
    await expectProblem(await answer(first), 409, "email_taken");
    expect((await login({ username: asha.username, password: "another passphrase of asha" })).status).toBe(200);
    await expectProblem(await login({ username: asha.username, password: asha.password }), 401, "invalid_credentials");
  });

  test("of which two are answered at once makes one account", async () => {
    const asha = newcomer("asha");
    const ids = [await registered(asha), await registered({ ...asha, username: newcomer("other").username })];
    const { told, overlap } = await world.control.watchingOverlap({ containing: "insert into users", count: 2 }, () => Promise.all(ids.map((id) => answer(id))));
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([204, 409]);
    expect(await world.state.number("select count(*) from users where email = ?1", asha.email)).toBe(1);
  });

  test("whose username somebody took meanwhile is told so", async () => {
    const asha = newcomer("asha");
    const id = await registered(asha);
    await world.state.run("update users set username = ?2 where username = ?1", (await resident("ben")).username, asha.username);
    await expectProblem(await answer(id), 409, "username_taken");
  });
});

describe("a username", () => {
  test("that an account has, or that waits for the mail of another address, is taken: the answers are the same", async () => {
    const [asha, ben] = [await resident("asha"), newcomer("ben")];
    await registered(ben);
    const seen = [];
    for (const { username } of [asha, { username: ben.username.toUpperCase() }]) {
      for (const email of [undefined, asha.email, newcomer("nobody").email]) {
        const response = await register({ ...newcomer("mallory", email), username }, { "x-request-id": "the-same-for-all" });
        await expectProblem(response.clone(), 409, "username_taken");
        expect(await lettersOf(world, response)).toEqual([]);
        seen.push({ answer: await withoutRequestId(response), deeds: await deeds(response) });
      }
    }
    for (const one of seen) expect(one).toEqual(seen[0]);
  });

  test("that two reserve at the same moment with two addresses goes to one of them", async () => {
    const asha = newcomer("asha");
    // Each costs a hash before it gets to the database.
    const { told, overlap } = await world.control.watchingOverlap({ containing: asha.username, count: 6 }, () =>
      Promise.all([1, 2, 3, 4, 5, 6].map((number) => register({ ...asha, email: `${number}.${asha.email}` }))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([202, 409, 409, 409, 409, 409]);
    expect(await waiting(asha)).toHaveLength(1);
    const letters = await Promise.all(told.map((response) => lettersOf(world, response)));
    expect(letters.flat()).toHaveLength(1);
  });

  test("is free again once the registration that holds it is over", async () => {
    const asha = newcomer("asha");
    const id = await registered(asha);
    await world.state.run("update registrations set expires_at = ?2 where id = ?1", id, Date.now() - 1);
    expect((await register({ ...asha, email: newcomer("ben").email })).status).toBe(202);
    await expectProblem(await answer(id), 422, "invalid_mail_token");
  });
});

describe("time", () => {
  test("ends a registration after a day", async () => {
    const asha = newcomer("asha");
    const id = await registered(asha);
    const [row] = await world.state.rows<{ created_at: number; expires_at: number }>("select created_at, expires_at from registrations where id = ?1", id);
    expect((row?.expires_at ?? 0) - (row?.created_at ?? 0)).toBe(DAY);
    await expectProblem(await verify(world.keys.mailToken({ may: "register", registration_id: id }, Date.now() - 1)), 422, "invalid_mail_token");
    expect((await answer(id)).status).toBe(204);
  });

  test("lets what is over be forgotten, in batches of a thousand, and nothing else", async () => {
    const young = await registered(newcomer("asha"));
    const old = Array.from({ length: 2_500 }, (_, index) => uuidV7(Date.now() - DAY - 180_000 - index));
    const fresh = uuidV7(Date.now() - DAY - 60_000);
    await world.state.run(
      `insert into registrations (id, username, email, password_hash, display_name, created_at, expires_at)
       select value, value, value || '@example.com', '', '', 0, 0 from json_each(?1)`,
      JSON.stringify([...old, fresh]),
    );
    const before = await world.control.recordOf(await world.anonymous.fetch("GET", "/posts"));
    await world.control.sweep();
    const left = await world.state.rows<{ id: string }>("select id from registrations where expires_at = 0 or id = ?1 order by id", young);
    expect(left.map(({ id }) => id)).toEqual([fresh, young].toSorted());
    const records = await world.control.recordsSince(before.number);
    const deleted = records.flatMap(({ trips }) => trips).flatMap(({ statements }) => statements.filter(({ sql }) => sql.startsWith("delete from registrations")));
    expect(deleted.map(({ rowsWritten }) => rowsWritten)).toEqual([1_000, 1_000, 500]);
  });
});

describe("mails about registrations", () => {
  const askFor = (who: Newcomer) => register(who, from(anAddress()), limited);

  test("go to an address three times an hour, whoever asks, in whatever case", async () => {
    const email = newcomer("asha").email;
    for (let sent = 0; sent < RECIPIENT; sent += 1) {
      const response = await askFor(newcomer("mallory", sent % 2 === 0 ? email : email.toUpperCase()));
      expect([response.status, limits(response, "ratelimit")["mail-recipient"]?.["r"]]).toEqual([202, RECIPIENT - sent - 1]);
    }
    // The mails of those before may be sent meanwhile.
    const kept = async () => {
      const { jobs: _, ...rows } = await limited.state.rowCounts();
      return rows;
    };
    const before = await kept();
    const refused = await askFor(newcomer("mallory", email));
    await expectLimited(refused.clone(), "mail-recipient");
    expect(await kept()).toEqual(before);
    expect(await lettersOf(limited, refused)).toEqual([]);
    expect((await askFor(newcomer("ben"))).status).toBe(202);
  });

  test("that are not sent, because the username is taken, do not count", async () => {
    const [asha, ben] = [newcomer("asha"), newcomer("ben")];
    await askFor(asha);
    for (let tries = 0; tries < 2 * RECIPIENT; tries += 1) {
      const response = await askFor({ ...ben, username: asha.username });
      expect([response.status, limits(response, "ratelimit")["mail-recipient"]?.["r"]]).toEqual([409, RECIPIENT]);
    }
    expect((await askFor(ben)).status).toBe(202);
  });
});

describe("Mallory, who registers with Victim's address", () => {
  test("and whose mail Victim answers after all, is told of to Victim when they sign in, though it is the first time", async () => {
    const mallory = newcomer("mallory");
    expect((await answer(await registered(mallory))).status).toBe(204);
    const first = await login({ email: mallory.email, password: mallory.password }, { ...from(anAddress()), "user-agent": "Elsewhere/1.0" });
    const session = expect.any(String);
    expect(await lettersOf(world, first)).toEqual([{ letter: "new_device", user_id: expect.any(String), session_id: session, email: mallory.email }]);
    // Where the mail was answered, a sign-in is no news.
    const victim = newcomer("victim");
    expect((await answer(await registered(victim))).status).toBe(204);
    expect(await lettersOf(world, await login({ email: victim.email, password: victim.password }))).toEqual([]);
  });

  test("is nobody, and dead once Victim has answered their own mail", async () => {
    const victim = newcomer("victim");
    const mallory = { ...newcomer("mallory"), email: victim.email };
    const planted = await registered(mallory);
    await expectProblem(await login({ email: victim.email, password: mallory.password }), 401, "invalid_credentials");
    await expectProblem(await login({ username: mallory.username, password: mallory.password }), 401, "invalid_credentials");
    await expectProblem(await world.anonymous.fetch("GET", `/users/${mallory.username}`), 404, "not_found");

    expect((await answer(await registered(victim))).status).toBe(204);
    const tokens = (await (await login({ email: victim.email, password: victim.password })).json()) as Tokens;
    expect(await world.bearing(tokens.access_token).expect<Me>(200, "GET", "/profile")).toMatchObject({ username: victim.username, email: victim.email });

    await expectProblem(await answer(planted), 409, "email_taken");
    await expectProblem(await login({ email: victim.email, password: mallory.password }), 401, "invalid_credentials");
    await expectProblem(await login({ username: mallory.username, password: mallory.password }), 401, "invalid_credentials");
    await expectProblem(await world.anonymous.fetch("GET", `/users/${mallory.username}`), 404, "not_found");
  });
});
