/** Changing the password: what it takes, what ends with the old one, and what nobody can do by trying. */
import { describe, expect, test } from "vitest";
import { PersonsApp } from "./harness/app.ts";
import { lettersOf } from "./harness/letters.ts";
import { anAddress, expectLimited, from, limits } from "./harness/limits.ts";
import type { Actor, PersonActor } from "./harness/person.ts";
import { expectBadToken, expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const QUOTA = 4;
const ROUNDS = 50;
const NEW = "two horses of my own";
/** Windows of a day, so that none ends in the middle of a story. */
const RATE_LIMITS = `session-password=${QUOTA}/86400,sign-in-name=2/86400`;
const [world, exact] = await Promise.all([openWorld(), openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS })]);

const change = (who: Actor, current: string, wanted = NEW) =>
  who.fetch("POST", "/auth/password", { current_password: current, new_password: wanted });

const signIn = (username: string, password: string, where = world) =>
  where.anonymous.fetch("POST", "/auth/login", { username, password }, from(anAddress()));

const refresh = (token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });

const changed = async (who: Actor, current: string, wanted = NEW) => {
  const response = await change(who, current, wanted);
  expect(response.status).toBe(204);
  return response;
};

/** Nobody gets further with what this device holds. */
async function expectEnded(device: PersonActor): Promise<void> {
  await expectBadToken(await device.fetch("GET", "/profile"), "session_ended");
  await expectBadToken(await refresh(device.refreshToken), "session_ended");
}

const versionOf = ({ id }: { id: string }, where = world) =>
  where.state.number("select credential_version from users where id = ?1", id);

/** What the audit log says of an account, oldest first. */
const eventsOf = async ({ id }: { id: string }) =>
  (await world.state.rows<{ kind: string }>("select kind from audit_events where account_id = ?1 order by id", id)).map(({ kind }) => kind);

describe("a changed password", () => {
  test("opens the account from then on, and the old one does not", async () => {
    const asha = await world.person("asha");
    const response = await changed(asha, asha.password);
    expect(await response.text()).toBe("");
    await expectProblem(await signIn(asha.username, asha.password), 401, "invalid_credentials");
    expect((await signIn(asha.username, NEW)).status).toBe(200);
  });

  test("is told by a letter, and is in the audit log", async () => {
    const asha = await world.person("asha");
    const response = await changed(asha, asha.password);
    expect(await lettersOf(world, response)).toEqual([{ letter: "password_changed", user_id: asha.id, email: asha.email }]);
    expect((await eventsOf(asha)).at(-1)).toBe("password_changed");
    const [event] = await world.state.rows("select actor_id, session_id, details from audit_events where account_id = ?1 order by id desc limit 1", asha.id);
    expect(event).toEqual({ actor_id: asha.id, session_id: expect.any(String), details: "{}" });
  });

  test("leaves the session that asks as it is, and ends all others at their next request", async () => {
    const asha = await world.person("asha");
    const [phone, tablet] = [await asha.onAnotherDevice(), await asha.onAnotherDevice()];
    const ben = await world.person("ben");
    await changed(phone, asha.password);
    await expectEnded(asha);
    await expectEnded(tablet);
    expect(await phone.profile()).toMatchObject({ id: asha.id });
    expect((await refresh(phone.refreshToken)).status).toBe(200);
    expect(await ben.profile()).toMatchObject({ id: ben.id });
    expect((await refresh(ben.refreshToken)).status).toBe(200);
  });

  test("voids every mail that was to lead to a new one", async () => {
    const asha = await world.person("asha");
    const before = await versionOf(asha);
    await changed(asha, asha.password);
    expect(await versionOf(asha)).toBe(before + 1);
    const { id: user_id, username, email } = asha;
    const token = world.keys.mailToken({ may: "reset_password", user_id, username, email, credential_version: before });
    const response = await world.anonymous.fetch("POST", "/auth/password/reset", { token, new_password: "a thief's own choice" });
    await expectProblem(response, 422, "invalid_mail_token");
    expect((await signIn(asha.username, NEW)).status).toBe(200);
  });

  test("lets the typed client's session go on, and ends the one on another device", async () => {
    const phone = await PersonsApp.of(world, "asha");
    const laptop = new PersonsApp(world);
    const current_password = "the long passphrase of asha";
    await laptop.kith.login({ body: { username: phone.username, password: current_password } });
    expect((await phone.kith.changePassword({ body: { current_password, new_password: NEW } })).status).toBe(204);
    await phone.expire();
    expect((await phone.kith.getMyProfile()).data.username).toBe(phone.username);
    await expect(laptop.kith.getMyProfile()).rejects.toMatchObject({ code: "session_ended" });
    expect([phone.signedOut, laptop.signedOut]).toMatchObject([[], [{ code: "session_ended" }]]);
  });
});

describe("a wrong current password", () => {
  test("changes nothing and ends nothing", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    const before = await versionOf(asha);
    for (const typed of ["a guess", `${asha.password} `, asha.password.toUpperCase(), ""]) {
      const response = await change(asha, typed);
      await expectProblem(response.clone(), 403, "wrong_password");
      expect(await lettersOf(world, response)).toEqual([]);
    }
    expect(await versionOf(asha)).toBe(before);
    for (const device of [asha, phone]) expect(await device.profile()).toMatchObject({ id: asha.id });
    expect((await signIn(asha.username, asha.password)).status).toBe(200);
    expect(await eventsOf(asha)).not.toContain("password_changed");
  });

  test("signs nobody out of the typed client", async () => {
    const asha = await PersonsApp.of(world, "asha");
    const wrong = asha.kith.changePassword({ body: { current_password: "a guess", new_password: NEW } });
    await expect(wrong).rejects.toMatchObject({ status: 403, code: "wrong_password" });
    expect(asha.signedOut).toEqual([]);
    expect((await asha.kith.getMyProfile()).data.username).toBe(asha.username);
  });

  test("is what the same request meets when its answer was lost, though it worked", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    await world.control.withFaults([{ on: "d1", when: "after", times: 1, containing: "credential_version + 1" }], async () => {
      await expectProblem(await change(asha, asha.password), 503, "dependency_unavailable");
    });
    await expectProblem(await change(asha, asha.password), 403, "wrong_password");
    await expectEnded(phone);
    expect((await signIn(asha.username, NEW)).status).toBe(200);
  });

  test("of however many at once in one session, exactly the quota is looked at", async () => {
    const asha = await exact.person("asha");
    const { told, overlap } = await exact.control.watchingOverlap({ containing: "rate_limits", count: 40 }, () =>
      Promise.all(Array.from({ length: 40 }, () => change(asha, "a guess"))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.filter(({ status }) => status === 403)).toHaveLength(QUOTA);
    expect(told.filter(({ status }) => status === 429)).toHaveLength(40 - QUOTA);
    expect(await versionOf(asha, exact)).toBe(1);
  });

  test("counts for its session only: on another device the owner goes on", async () => {
    const asha = await exact.person("asha");
    const phone = await asha.onAnotherDevice();
    for (let guesses = 0; guesses < QUOTA; guesses += 1) {
      const response = await change(asha, "a guess");
      expect(limits(response, "ratelimit")["session-password"]).toMatchObject({ r: QUOTA - guesses - 1 });
      await expectProblem(response, 403, "wrong_password");
    }
    await expectLimited(await change(asha, asha.password), "session-password");
    expect((await asha.profile()).id).toBe(asha.id);
    await changed(phone, asha.password);
  });

  test("at the door does not keep the owner from changing it inside", async () => {
    const asha = await exact.person("asha");
    for (const password of ["a guess", "another"]) {
      await expectProblem(await signIn(asha.username, password, exact), 401, "invalid_credentials");
    }
    await expectLimited(await signIn(asha.username, asha.password, exact), "sign-in-name");
    const response = await changed(asha, asha.password);
    expect(limits(response, "ratelimit")["session-password"]).toMatchObject({ r: QUOTA });
  });

  test("is counted by the session whatever headers say who asks, and the right one is not counted", async () => {
    const asha = await exact.person("asha");
    let current = asha.password;
    for (const wanted of ["one passphrase", "two passphrases", "three passphrases", "four passphrases", "five passphrases"]) {
      await changed(asha, current, wanted);
      current = wanted;
    }
    for (let guesses = 0; guesses < QUOTA; guesses += 1) {
      const body = { current_password: "a guess", new_password: NEW };
      const headers = { ...from(anAddress()), "x-forwarded-for": anAddress(), "user-agent": `another/${guesses}` };
      await expectProblem(await asha.fetch("POST", "/auth/password", body, headers), 403, "wrong_password");
    }
    await expectLimited(await change(asha, current), "session-password");
  });
});

describe("a new password", () => {
  test.for([
    ["of 7 characters", "too_short", "1234567"],
    ["of 257 characters", "too_long", "x".repeat(257)],
    ["with a U+0000", "invalid_characters", "a horse\u0000of my own"],
  ] as const)("%s is refused as %s, before anything is hashed", async ([, code, wanted]) => {
    const asha = await world.person("asha");
    const response = await change(asha, asha.password, wanted);
    await expectInvalid(response.clone(), { "/new_password": code });
    expect(await world.hashesOf(response)).toBe(0);
  });

  test("is none of the account's names, in whatever case, and not the current one", async () => {
    const asha = await world.person("asha");
    for (const wanted of [asha.username, asha.email].flatMap((name) => [name, name.toUpperCase()])) {
      await expectInvalid(await change(asha, asha.password, wanted), { "/new_password": "too_weak" });
    }
    await expectInvalid(await change(asha, asha.password, asha.password), { "/new_password": "unchanged" });
    expect((await signIn(asha.username, asha.password)).status).toBe(200);
    await changed(asha, asha.password, `${asha.username} and more`);
  });

  test("that is a name is told only to whoever knows the current one", async () => {
    const asha = await world.person("asha");
    await expectProblem(await change(asha, "a guess", asha.email), 403, "wrong_password");
  });

  test("is asked for together with the current one", async () => {
    const asha = await world.person("asha");
    await expectInvalid(await asha.fetch("POST", "/auth/password", {}), { "/current_password": "required", "/new_password": "required" });
  });

  test("is nobody's but the viewer's own", async () => {
    await expectProblem(await change(world.anonymous, "a guess"), 401, "authentication_required");
    const asha = await world.person("asha");
    await expectInvalid(await asha.fetch("POST", "/auth/password", { current_password: "x", new_password: NEW, user_id: asha.id }), {
      "/user_id": "unknown_field",
    });
  });

  test("is refused to a session that has ended and to an account that is suspended, with the right password too", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await asha.expect(204, "POST", "/auth/logout");
    await expectBadToken(await change(asha, asha.password), "session_ended");
    await world.state.suspend(ben);
    await expectProblem(await change(ben, ben.password), 403, "account_suspended");
    expect([await versionOf(asha), await versionOf(ben)]).toEqual([1, 1]);
  });
});

describe("at the same moment", () => {
  test("of two changes in one session one holds", async () => {
    const asha = await world.person("asha");
    const wishes = ["one passphrase", "another passphrase"];
    const { told, overlap } = await world.control.watchingOverlap({ containing: "credential_version + 1", count: 2 }, () =>
      Promise.all(wishes.map((wanted) => change(asha, asha.password, wanted))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 403]);
    const opened = await Promise.all(wishes.map(async (wanted) => (await signIn(asha.username, wanted)).status));
    expect(opened).toEqual(told.map(({ status }) => (status === 204 ? 200 : 401)));
    expect(await versionOf(asha)).toBe(2);
  });

  test("of two changes on two devices one holds, and the other device is signed out", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    const devices = [asha, phone];
    const { told } = await world.control.watchingOverlap({ containing: "credential_version + 1", count: 2 }, () =>
      Promise.all(devices.map((device) => change(device, asha.password))),
    );
    expect(told.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 401]);
    for (const [place, device] of devices.entries()) {
      if (told[place]?.status === 401) await expectEnded(device);
      else expect((await device.profile()).id).toBe(asha.id);
    }
  });

  test(`a refresh on another device leaves no token that works, in ${ROUNDS} rounds`, { timeout: 120_000 }, async () => {
    const asha = await world.person("asha");
    let overlaps = 0;
    let current = asha.password;
    for (let round = 0; round < ROUNDS; round += 1) {
      const wanted = `passphrase number ${round}`;
      const tokens = (await (await signIn(asha.username, current)).json()) as Tokens;
      const steps = [() => change(asha, current, wanted), () => refresh(tokens.refresh_token)];
      const { told, overlap } = await world.control.watchingOverlap({ containing: "update sessions", count: 2 }, () =>
        Promise.all((round % 2 === 0 ? steps : steps.toReversed()).map((step) => step())),
      );
      overlaps += Number(overlap.barrierFilled);
      const [changing, renewing] = round % 2 === 0 ? told : told.toReversed();
      expect(changing?.status).toBe(204);
      const renewed = renewing?.status === 200 ? ((await renewing.json()) as Tokens) : tokens;
      for (const { access_token: access, refresh_token: token } of [tokens, renewed]) {
        await expectBadToken(await world.bearing(access).fetch("GET", "/profile"), "session_ended");
        await expectBadToken(await refresh(token), "session_ended");
      }
      current = wanted;
    }
    expect(overlaps).toBe(ROUNDS);
    expect((await asha.profile()).id).toBe(asha.id);
  });

  test("a sign-in whose old password was right when it was looked at opens nothing", async () => {
    const asha = await world.person("asha");
    const live = () => world.state.number("select count(*) from sessions where user_id = ?1 and revoked_at is null", asha.id);
    const response = await world.control.holding("insert into sessions", () => signIn(asha.username, asha.password), async () => {
      await changed(asha, asha.password);
    });
    await expectProblem(response.clone(), 401, "invalid_credentials");
    expect(await live()).toBe(1);
    expect((await eventsOf(asha)).toSorted()).toEqual(["password_changed", "registered", "sign_in_failed"]);
    expect(await lettersOf(world, response)).toEqual([]);
  });

  test(`a sign-in with the old password leaves no session that lives, in ${ROUNDS} rounds`, { timeout: 120_000 }, async () => {
    const asha = await world.person("asha");
    let current = asha.password;
    let overlaps = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const wanted = `passphrase number ${round}`;
      const old = current;
      const steps = [() => change(asha, old, wanted), () => signIn(asha.username, old)];
      // Each has looked at the old password before either of the two writes.
      const { told, overlap } = await world.control.watchingOverlap({ containing: "insert into audit_events", count: 2 }, () =>
        Promise.all((round % 2 === 0 ? steps : steps.toReversed()).map((step) => step())),
      );
      overlaps += Number(overlap.barrierFilled);
      const [changing, entering] = round % 2 === 0 ? told : told.toReversed();
      expect(changing?.status).toBe(204);
      if (entering?.status !== 200) {
        expect(entering?.status).toBe(401);
      } else {
        const tokens = (await entering.json()) as Tokens;
        await expectBadToken(await world.bearing(tokens.access_token).fetch("GET", "/profile"), "session_ended");
        await expectBadToken(await refresh(tokens.refresh_token), "session_ended");
      }
      current = wanted;
    }
    expect(overlaps).toBe(ROUNDS);
    expect((await asha.profile()).id).toBe(asha.id);
  });
});

test("how a wrong password is refused does not depend on whose it is", async () => {
  const [asha, ben] = [await world.person("asha"), await world.person("ben")];
  const seen = [];
  for (const [who, typed] of [
    [asha, "a guess"],
    [asha, ben.password],
    [ben, asha.password],
  ] as const) {
    const response = await who.fetch("POST", "/auth/password", { current_password: typed, new_password: NEW }, { "x-request-id": "the-same-for-all" });
    seen.push(await withoutRequestId(response));
  }
  expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
});
