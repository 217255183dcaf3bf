/** One's e-mail address: proved by a mail, changed by a mail, told to the address that was. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { lettersOf } from "./harness/letters.ts";
import { anAddress, expectLimited, from, limits } from "./harness/limits.ts";
import type { MailPermission } from "./harness/keys.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Me } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const PASSWORDS = 5;
const RECIPIENT = 3;
const MAILS = 4;
const RATE_LIMITS = `session-password=${PASSWORDS}/86400,mail-recipient=${RECIPIENT}/86400,mail-address=${MAILS}/86400,registration-address=1000/86400`;
const [world, limited] = await Promise.all([openWorld(), openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS })]);

const MANY = 30;
const mailbox = (name = "new") => `${world.uniqueName(name)}@example.com`;

const ask = (who: PersonActor, newEmail: string, password = who.password, headers = {}) =>
  who.fetch("POST", "/auth/email", { password, new_email: newEmail }, headers);
const resend = (who: PersonActor, headers = {}) => who.fetch("POST", "/auth/email/resend", undefined, headers);
const show = (token: string, headers = {}) => world.anonymous.fetch("POST", "/auth/email/verify", { token }, headers);
const answer = (permission: MailPermission) => show(world.keys.mailToken(permission));
const login = (body: object) => world.anonymous.fetch("POST", "/auth/login", body);

const proof = ({ id, email }: { id: string; email: string }): MailPermission => ({ may: "verify_email", user_id: id, email });
const change = ({ id }: PersonActor, newEmail: string, version = 1): MailPermission => ({
  may: "change_email",
  user_id: id,
  new_email: newEmail,
  credential_version: version,
});

/** What a request did to the database, but for the values that it wrote. */
async function deeds(response: Response) {
  const { trips } = await world.control.recordOf(response);
  return trips.map(({ statements }) => statements.map(({ sql, rowsWritten }) => ({ sql, rowsWritten })));
}

/** Whoever has changed their password. */
const changePassword = ({ id }: PersonActor) =>
  world.state.run("update users set password_hash = 'another', credential_version = credential_version + 1 where id = ?1", id);

describe("proving one's address", () => {
  test("takes a mail, and may be done again", async () => {
    const asha = await world.person("asha");
    expect((await asha.profile()).email_verified).toBe(false);
    const asked = await resend(asha);
    expect([asked.status, await asked.clone().text()]).toEqual([202, ""]);
    expect(await lettersOf(world, asked)).toEqual([{ letter: "verify_email", user_id: asha.id }]);
    for (const _ of [1, 2]) {
      const answered = await answer(proof(asha));
      expect([answered.status, await answered.text()]).toEqual([204, ""]);
      expect((await asha.profile()).email_verified).toBe(true);
    }
  });

  test("leaves nothing to send again: the answer is the same, and there is no mail", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await answer(proof(asha));
    const [proved, unproved] = [await resend(asha, { "x-request-id": "the-same" }), await resend(ben, { "x-request-id": "the-same" })];
    expect(await lettersOf(world, proved)).toEqual([]);
    expect({ ...(await withoutRequestId(proved)), headers: null }).toEqual({ ...(await withoutRequestId(unproved)), headers: null });
  });

  test("changes what one sees of oneself, but is no conflict for who changes their profile", async () => {
    const asha = await world.person("asha");
    const seen = await asha.fetch("GET", "/profile");
    const tag = seen.headers.get("etag") ?? "";
    await answer(proof(asha));
    expect((await asha.fetch("GET", "/profile", undefined, { "if-none-match": tag })).status).toBe(200);
    expect((await asha.fetch("PATCH", "/profile", { bio: "Boats" }, { "if-match": tag })).status).toBe(200);
  });

  test("of an address that the account has no more is refused", async () => {
    const asha = await world.person("asha");
    expect((await answer(change(asha, mailbox()))).status).toBe(204);
    await expectProblem(await answer(proof(asha)), 422, "invalid_mail_token");
  });
});

describe("changing one's address", () => {
  test("asks the new one and tells the old one, and then it is changed", async () => {
    const asha = await world.person("asha");
    const newEmail = mailbox("asha");
    const asked = await ask(asha, newEmail.toUpperCase());
    expect([asked.status, await asked.clone().text()]).toEqual([202, ""]);
    expect(await lettersOf(world, asked)).toEqual([
      { letter: "email_change_requested", user_id: asha.id, email: asha.email },
      { letter: "confirm_email", user_id: asha.id, new_email: newEmail, credential_version: 1 },
    ]);
    expect(await asha.profile()).toMatchObject({ email: asha.email, email_verified: false });

    const answered = await answer(change(asha, newEmail));
    expect([answered.status, await answered.clone().text()]).toEqual([204, ""]);
    expect(await lettersOf(world, answered)).toEqual([{ letter: "email_changed", user_id: asha.id, old_email: asha.email }]);
    // The session goes on.
    expect(await asha.profile()).toMatchObject({ email: newEmail, email_verified: true });
    expect((await login({ email: newEmail, password: asha.password })).status).toBe(200);
    await expectProblem(await login({ email: asha.email, password: asha.password }), 401, "invalid_credentials");
  });

  test("and proving one are recorded, once each", async () => {
    const asha = await world.person("asha");
    const newEmail = mailbox();
    for (const _ of [1, 2]) await answer(proof(asha));
    await ask(asha, newEmail);
    for (const _ of [1, 2]) await answer(change(asha, newEmail));
    const events = await world.state.rows<{ kind: string; actor_id: string; by_session: number }>(
      "select kind, actor_id, session_id is not null as by_session from audit_events where account_id = ?1 order by id",
      asha.id,
    );
    expect(events.map(({ kind, by_session: bySession }) => [kind, bySession])).toEqual([
      ["registered", 1],
      ["email_verified", 0],
      ["email_change_requested", 1],
      ["email_changed", 0],
    ]);
    for (const { actor_id: actor } of events) expect(actor).toBe(asha.id);
  });

  test("by the same mail again is well, and changes and tells nothing more", async () => {
    const asha = await world.person("asha");
    const permission = change(asha, mailbox());
    await answer(permission);
    const before = await world.state.rows("select * from users where id = ?1", asha.id);
    const again = await answer(permission);
    expect([again.status, await lettersOf(world, again)]).toEqual([204, []]);
    expect(await world.state.rows("select * from users where id = ?1", asha.id)).toEqual(before);
  });

  test("by a mail that is answered many times at once changes it once", async () => {
    const asha = await world.person("asha");
    const permission = change(asha, mailbox());
    const { told, overlap } = await world.control.watchingOverlap({ containing: asha.id, count: MANY }, () => Promise.all(Array.from({ length: MANY }, () => answer(permission))));
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([204]));
    expect((await Promise.all(told.map((response) => lettersOf(world, response)))).flat()).toHaveLength(1);
    expect(await world.state.number("select credential_version from users where id = ?1", asha.id)).toBe(2);
  });

  test("to an address that another account has is asked for alike, and refused to whoever reads its mails", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const seen = [];
    for (const newEmail of [mailbox(), ben.email]) {
      const response = await ask(asha, newEmail, asha.password, { "x-request-id": "the-same-for-all" });
      expect((await lettersOf(world, response)).map(({ letter }) => letter)).toEqual(["email_change_requested", "confirm_email"]);
      const { "d1-bookmark": _, ...headers } = (await withoutRequestId(response.clone())).headers as Record<string, string>;
      seen.push({ status: response.status, headers, text: await response.text(), deeds: await deeds(response) });
    }
    expect(seen[1]).toEqual(seen[0]);
    const refused = await answer(change(asha, ben.email));
    await expectProblem(refused.clone(), 409, "email_taken");
    expect(await lettersOf(world, refused)).toEqual([]);
    expect([(await asha.profile()).email, (await ben.profile()).email]).toEqual([asha.email, ben.email]);
  });

  test("of two accounts to one address at the same moment gives it to one", async () => {
    const people = await Promise.all(["asha", "ben", "chen"].map((name) => world.person(name)));
    const newEmail = mailbox();
    const { told, overlap } = await world.control.watchingOverlap({ containing: newEmail, count: people.length }, () =>
      Promise.all(people.map((person) => answer(change(person, newEmail)))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([204, 409, 409]);
    expect(await world.state.number("select count(*) from users where email = ?1", newEmail)).toBe(1);
  });

  test("takes two trips, the second only with the right password", async () => {
    const asha = await world.person("asha");
    expect(await deeds(await ask(asha, mailbox()))).toHaveLength(2);
    expect(await deeds(await ask(asha, mailbox(), "not the right one"))).toHaveLength(1);
  });

  test("with a wrong password is refused, and nobody is signed out", async () => {
    const asha = await world.person("asha");
    const response = await ask(asha, mailbox(), asha.password.toUpperCase());
    await expectProblem(response, 403, "wrong_password");
    expect(response.headers.get("www-authenticate")).toBeNull();
    expect(await lettersOf(world, response)).toEqual([]);
    expect((await asha.profile()).email).toBe(asha.email);
  });

  test.for(["as it is", "in capitals"])("to the address that it is, %s, is refused", async (style) => {
    const asha = await world.person("asha");
    const same = style === "in capitals" ? asha.email.toUpperCase() : asha.email;
    await expectInvalid(await ask(asha, same), { "/new_email": "unchanged" });
  });

  test("to one's password is refused", async () => {
    const asha = await world.person("asha");
    const newEmail = mailbox();
    await expectInvalid(await ask(asha, newEmail, newEmail.toUpperCase()), { "/password": "too_weak" });
  });

  test("ends with the session, and with the account", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await asha.expect(204, "POST", "/auth/logout");
    await expectProblem(await ask(asha, mailbox()), 401, "session_ended");
    await expectProblem(await resend(asha), 401, "session_ended");
    await world.state.suspend(ben);
    await expectProblem(await ask(ben, mailbox()), 403, "account_suspended");
    await expectProblem(await resend(ben), 403, "account_suspended");
    await expectProblem(await world.anonymous.fetch("POST", "/auth/email", { password: "x", new_email: mailbox() }), 401, "authentication_required");
    await expectProblem(await world.anonymous.fetch("POST", "/auth/email/resend"), 401, "authentication_required");
  });

  test("whose password changes after it was looked at writes no mail", async () => {
    const asha = await world.person("asha");
    const response = await world.control.holding(
      "abort:credentials_changed",
      () => ask(asha, mailbox()),
      () => changePassword(asha),
    );
    await expectProblem(response.clone(), 403, "wrong_password");
    expect(await lettersOf(world, response)).toEqual([]);
  });

  test("whose session ends after its password was looked at writes no mail", async () => {
    const asha = await world.person("asha");
    const response = await world.control.holding(
      "abort:credentials_changed",
      () => ask(asha, mailbox()),
      () => world.state.run("update sessions set revoked_at = 1 where user_id = ?1", asha.id),
    );
    await expectProblem(response.clone(), 401, "session_ended");
    expect(await lettersOf(world, response)).toEqual([]);
  });
});

describe("a mail that is no longer good", () => {
  const SHOWN = { "x-request-id": "the-same-for-all" };
  const refusal = async () => withoutRequestId(await show("no token", SHOWN));

  /** Each with what its token allowed, and what has happened since. */
  const stale: [string, (asha: PersonActor) => Promise<MailPermission>][] = [
    ["a change, after another change", async (asha) => {
      await answer(change(asha, mailbox()));
      return change(asha, mailbox());
    }],
    ["a change that was done and undone by another", async (asha) => {
      const done = change(asha, mailbox());
      await answer(done);
      await answer(change(asha, mailbox(), 2));
      return done;
    }],
    ["a change, after the password was changed", async (asha) => {
      await changePassword(asha);
      return change(asha, mailbox());
    }],
    ["a proof, after a change", async (asha) => {
      await answer(change(asha, mailbox()));
      return proof(asha);
    }],
    ["a proof of another's address", async ({ id }) => proof({ id, email: mailbox() })],
    ["a proof for a suspended account", async (asha) => {
      await world.state.suspend(asha);
      return proof(asha);
    }],
    ["a change for a suspended account", async (asha) => {
      await world.state.suspend(asha);
      return change(asha, mailbox());
    }],
    ["a proof for a deleted account", async (asha) => {
      await world.state.run("update users set status = 'deleted' where id = ?1", asha.id);
      return proof(asha);
    }],
    ["a change for a deleted account", async (asha) => {
      await world.state.run("update users set status = 'deleted' where id = ?1", asha.id);
      return change(asha, mailbox());
    }],
    ["a proof for nobody", async ({ email }) => ({ may: "verify_email", user_id: uuidV7(), email })],
    ["a change for nobody", async () => ({ may: "change_email", user_id: uuidV7(), new_email: mailbox(), credential_version: 1 })],
    ["a registration that never was", async () => ({ may: "register", registration_id: uuidV7() })],
    ["leave to choose a password", async ({ id, username, email }) => ({ may: "reset_password", user_id: id, username, email, credential_version: 1 })],
  ];

  test.for(stale)("is refused like one that never was: %s", async ([, permission]) => {
    const token = world.keys.mailToken(await permission(await world.person("asha")));
    const before = await world.state.rows("select id, email, email_verified_at, credential_version from users order by id");
    const response = await show(token, SHOWN);
    await expectProblem(response.clone(), 422, "invalid_mail_token");
    expect(await lettersOf(world, response)).toEqual([]);
    expect(await withoutRequestId(response)).toEqual(await refusal());
    expect(await world.state.rows("select id, email, email_verified_at, credential_version from users order by id")).toEqual(before);
  });

  test("is refused once its time is over", async () => {
    const asha = await world.person("asha");
    for (const permission of [proof(asha), change(asha, mailbox())]) {
      const response = await show(world.keys.mailToken(permission, Date.now() - 1), SHOWN);
      expect(await withoutRequestId(response)).toEqual(await refusal());
    }
    expect((await asha.profile()).email_verified).toBe(false);
  });

  test("300 forged ones are refused with the same bytes and without a trip, and change nothing", async () => {
    const asha = await world.person("asha");
    const good = world.keys.mailToken(change(asha, mailbox()));
    const [said = "", code = ""] = good.split(".");
    const other = world.keys.mailToken(proof(asha)).split(".")[1];
    const forged = [
      "", ".", "..", said, `${said}.`, `.${code}`, `${said}.${code.slice(0, 22)}`, `${said}.${other}`, `${good}.${code}`, `${good}=`, ` ${good}`, `${good} `,
      `${"A".repeat(10_000)}.${code}`, world.keys.mailToken(proof(asha), undefined, { purpose: "bookmark" }), world.keys.mailToken(proof(asha), undefined, { key: randomBytes(32) }),
    ];
    // One letter changed, anywhere but in the last, of which not every bit counts.
    for (let place = 0; forged.length < 300; place += 1) {
      const at = (place * 7) % (good.length - 1);
      if (good[at] !== ".") forged.push(`${good.slice(0, at)}${good[at] === "A" ? "B" : "A"}${good.slice(at + 1)}`);
    }
    const expected = await refusal();
    for (const token of forged) {
      const response = await show(token, SHOWN);
      expect(await deeds(response)).toEqual([]);
      expect([token, await withoutRequestId(response)]).toEqual([token, expected]);
    }
    expect((await asha.profile()).email).toBe(asha.email);
    expect((await show(good)).status).toBe(204);
  });
});

describe("how often", () => {
  const someone = (name: string) => limited.person(name, from(anAddress()));
  const elsewhere = () => from(anAddress());

  test("a wrong password may be typed is counted by the session, and a right one is given back", async () => {
    const asha = await someone("asha");
    const phone = await asha.onAnotherDevice();
    for (let times = 0; times < PASSWORDS + 1; times += 1) {
      const response = await ask(asha, mailbox(), asha.password, elsewhere());
      expect([response.status, limits(response, "ratelimit")["session-password"]?.["r"]]).toEqual([202, PASSWORDS]);
    }
    for (let guesses = 0; guesses < PASSWORDS; guesses += 1) {
      const response = await ask(asha, mailbox(), "a guess", elsewhere());
      await expectProblem(response.clone(), 403, "wrong_password");
      expect(limits(response, "ratelimit")["session-password"]).toMatchObject({ r: PASSWORDS - guesses - 1 });
    }
    await expectLimited(await ask(asha, mailbox(), asha.password, elsewhere()), "session-password");
    // The thief of one device stops neither the others nor the session itself.
    expect((await ask(phone, mailbox(), asha.password, elsewhere())).status).toBe(202);
    expect((await asha.profile()).username).toBe(asha.username);
  });

  test("of many guesses at once exactly the quota is looked at", async () => {
    const asha = await someone("asha");
    const { told, overlap } = await limited.control.watchingOverlap({ containing: "rate_limits", count: MANY }, () =>
      Promise.all(Array.from({ length: MANY }, () => ask(asha, mailbox(), "a guess", elsewhere()))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.filter(({ status }) => status === 403)).toHaveLength(PASSWORDS);
    expect(told.filter(({ status }) => status === 429)).toHaveLength(MANY - PASSWORDS);
  });

  test("a mail may go to an address is counted by the address, in whatever case, whoever asks", async () => {
    const [asha, ben] = [await someone("asha"), await someone("ben")];
    const newEmail = mailbox();
    for (const [who, typed] of [[asha, newEmail], [ben, newEmail.toUpperCase()], [asha, newEmail]] as const) {
      expect((await ask(who, typed, who.password, elsewhere())).status).toBe(202);
    }
    await expectLimited(await ask(ben, newEmail, ben.password, elsewhere()), "mail-recipient");
    expect((await ask(ben, mailbox(), ben.password, elsewhere())).status).toBe(202);
    // What is known to be used up costs no trip.
    const known = await ask(ben, newEmail, ben.password, elsewhere());
    await expectLimited(known.clone(), "mail-recipient");
    expect((await limited.control.recordOf(known)).trips).toEqual([]);
  });

  test("mails may be asked for from one address is counted, whoever asks", async () => {
    const [asha, ben, address] = [await someone("asha"), await someone("ben"), elsewhere()];
    for (let mails = 0; mails < MAILS; mails += 1) {
      const who = mails % 2 === 0 ? asha : ben;
      // A wrong password asks for none.
      await expectProblem(await ask(who, mailbox(), "a guess", address), 403, "wrong_password");
      expect((await ask(who, mailbox(), who.password, address)).status).toBe(202);
    }
    await expectLimited(await ask(asha, mailbox(), asha.password, address), "mail-address");
    expect((await ask(asha, mailbox(), asha.password, elsewhere())).status).toBe(202);
  });

  test("the mail that proves an address may be sent again is counted by the account", async () => {
    const [asha, ben] = [await someone("asha"), await someone("ben")];
    const phone = await asha.onAnotherDevice();
    for (const device of [asha, phone, asha]) expect((await resend(device, elsewhere())).status).toBe(202);
    await expectLimited(await resend(phone, elsewhere()), "mail-recipient");
    expect((await resend(ben, elsewhere())).status).toBe(202);
  });

  test("says nothing of who it is", async () => {
    const rows = await limited.state.rows<{ key: string }>("select key from rate_limits");
    for (const { key } of rows) expect(key).toMatch(/^[a-z-]+:[\w-]{22}$/);
  });
});

test("nobody's own address shows to others", async () => {
  const [asha, ben] = [await world.person("asha"), await world.person("ben")];
  await answer(change(asha, mailbox()));
  const seen = await ben.expect<Partial<Me>>(200, "GET", `/users/${asha.username}`);
  expect([seen.email, seen.email_verified]).toEqual([undefined, undefined]);
});
