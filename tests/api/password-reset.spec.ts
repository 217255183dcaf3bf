/** A forgotten password: who asks for the mail learns nothing, and what its link allows is allowed once. */
import { describe, expect, test } from "vitest";
import { PersonsApp } from "./harness/app.ts";
import type { MailPermission } from "./harness/keys.ts";
import { lettersOf } from "./harness/letters.ts";
import { anAddress, expectLimited, from, limits } from "./harness/limits.ts";
import type { Account, PersonActor } from "./harness/person.ts";
import { expectBadToken, expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const QUOTA = { recipient: 3, address: 5, signIn: 12 };
const MANY = 100;
const HOUR_MS = 3_600_000;
const NEW = "two horses of my own";
/** Windows of a day, so that none ends in the middle of a story. */
const RATE_LIMITS = `mail-recipient=${QUOTA.recipient}/86400,mail-address=${QUOTA.address}/86400,sign-in-address=${QUOTA.signIn}/86400,sign-in-name=2/86400`;
const [world, exact] = await Promise.all([openWorld(), openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS })]);

const forgot = (email: string, headers: Record<string, string> = {}, where = world) =>
  where.anonymous.fetch("POST", "/auth/password/forgot", { email }, headers);

const reset = (token: string, wanted = NEW, headers: Record<string, string> = {}, where = world) =>
  where.anonymous.fetch("POST", "/auth/password/reset", { token, new_password: wanted }, headers);

const signIn = (username: string, password: string, where = world) =>
  where.anonymous.fetch("POST", "/auth/login", { username, password }, from(anAddress()));

const someone = (where: World, name: string) => where.person(name, from(anAddress()));

const versionOf = ({ id }: Account, where = world) => where.state.number("select credential_version from users where id = ?1", id);

/** Who a link is for. */
type Owner = Pick<Account, "id" | "username" | "email">;

const permission = ({ id, username, email }: Owner, version = 1): MailPermission => ({
  may: "reset_password",
  user_id: id,
  username,
  email,
  credential_version: version,
});

/** What the link of a mail to this person carries, as if they had just been sent it. */
const linkOf = (account: Owner, version = 1, where = world) => where.keys.mailToken(permission(account, version));

describe("asking for the mail", () => {
  test("is answered with 202 and nothing else, and leaves a letter to the address", async () => {
    const asha = await world.person("asha");
    const response = await forgot(asha.email.toUpperCase());
    expect([response.status, await response.clone().text()]).toEqual([202, ""]);
    expect(await lettersOf(world, response)).toEqual([{ letter: "reset_password", email: asha.email }]);
    expect(await versionOf(asha)).toBe(1);
  });

  test("takes the same bytes, trips, statements, rows and hashes whether or not there is an account", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await world.state.suspend(ben);
    const seen = [];
    for (const email of [asha.email, ben.email, `${world.uniqueName("nobody")}@example.com`]) {
      const response = await forgot(email);
      const hashes = await world.hashesOf(response.clone());
      await world.control.settle();
      const { trips, queueSends } = await world.control.recordOf(response);
      const work = trips.filter(({ afterAnswer }) => !afterAnswer).map(({ statements }) => statements.map(({ sql, rowsRead, rowsWritten }) => ({ sql, rowsRead, rowsWritten })));
      const { headers, ...answer } = await withoutRequestId(response);
      const { "d1-bookmark": _, ...others } = headers as Record<string, string>;
      seen.push({ answer, headers: others, work, hashes, sent: queueSends.length });
    }
    expect(seen[0]).toMatchObject({ answer: { status: 202 }, hashes: 0, sent: 1 });
    expect(seen[0]?.work).toHaveLength(1);
    expect([seen[1], seen[2]]).toEqual([seen[0], seen[0]]);
  });

  test("is in the audit log without the address", async () => {
    const asha = await world.person("asha");
    const response = await forgot(asha.email);
    const [event] = await world.state.rows("select * from audit_events where kind = 'password_reset_requested' and request_id = ?1", response.headers.get("x-request-id"));
    expect(event).toMatchObject({ actor_id: null, account_id: null, session_id: null, details: "{}" });
  });

  test.for([
    ["without an @", "asha", "invalid_format"],
    ["with a header after it", "asha@example.com\r\nBcc: ben@example.com", "invalid_characters"],
  ] as const)("an address %s is refused, and nothing is counted", async ([, email, code]) => {
    const response = await forgot(email);
    await expectInvalid(response.clone(), { "/email": code });
    expect(limits(response, "ratelimit")).toEqual({});
  });

  test("for one address is bounded, in whatever letter case and from wherever, and alike for nobody's", async () => {
    const asha = await someone(exact, "asha");
    for (const email of [asha.email, `${exact.uniqueName("nobody")}@example.com`]) {
      const written = [email, email.toUpperCase(), `${email.slice(0, 1).toUpperCase()}${email.slice(1)}`];
      for (const [place, form] of written.entries()) {
        const headers = { ...from(anAddress()), "x-forwarded-for": anAddress() };
        const response = await forgot(form, headers, exact);
        expect(response.status).toBe(202);
        expect(limits(response, "ratelimit")["mail-recipient"]).toMatchObject({ r: QUOTA.recipient - place - 1 });
      }
      await expectLimited(await forgot(email, from(anAddress()), exact), "mail-recipient");
    }
  });

  test("from one address is bounded, whatever headers say who asks", async () => {
    const address = anAddress();
    const tricks = ["x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "x-client-ip"];
    const mailTo = () => `${exact.uniqueName("nobody")}@example.com`;
    for (const name of tricks) {
      const written = name === "forwarded" ? { forwarded: `for=${anAddress()}` } : { [name]: anAddress() };
      expect((await forgot(mailTo(), { ...from(address), ...written }, exact)).status).toBe(202);
    }
    await expectLimited(await forgot(mailTo(), { ...from(`::ffff:${address}`), "x-forwarded-for": anAddress() }, exact), "mail-address");
    expect((await forgot(mailTo(), from(anAddress()), exact)).status).toBe(202);
  });

  test("of however many at once for one address, exactly the quota makes a letter", async () => {
    const email = `${exact.uniqueName("nobody")}@example.com`;
    const { told, overlap } = await exact.control.watchingOverlap({ containing: "rate_limits", count: 30 }, () =>
      Promise.all(Array.from({ length: 30 }, () => forgot(email, from(anAddress()), exact))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.filter(({ status }) => status === 202)).toHaveLength(QUOTA.recipient);
    const letters = await Promise.all(told.map((response) => lettersOf(exact, response)));
    expect(letters.flat()).toEqual(Array.from({ length: QUOTA.recipient }, () => ({ letter: "reset_password", email })));
  });

  test("until the quota is used up locks nobody out: the link that was sent is good", async () => {
    const asha = await someone(exact, "asha");
    for (let asked = 0; asked < QUOTA.recipient; asked += 1) await forgot(asha.email, from(anAddress()), exact);
    await expectLimited(await forgot(asha.email, from(anAddress()), exact), "mail-recipient");
    expect((await reset(linkOf(asha, 1, exact), NEW, from(anAddress()), exact)).status).toBe(204);
  });
});

describe("a new password by the link", () => {
  test("opens the account, ends all sessions, proves the address and is told by a letter", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    const ben = await world.person("ben");
    expect(await asha.profile()).toMatchObject({ email_verified: false });
    const response = await reset(linkOf(asha));
    expect([response.status, await response.clone().text()]).toEqual([204, ""]);
    expect(await lettersOf(world, response)).toEqual([{ letter: "password_changed", user_id: asha.id, email: asha.email }]);
    for (const device of [asha, phone]) {
      await expectBadToken(await device.fetch("GET", "/profile"), "session_ended");
      await expectBadToken(await world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: device.refreshToken }), "session_ended");
    }
    await expectProblem(await signIn(asha.username, asha.password), 401, "invalid_credentials");
    const tokens = (await (await signIn(asha.username, NEW)).json()) as { access_token: string };
    expect(await world.bearing(tokens.access_token).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id, email_verified: true });
    expect(await ben.profile()).toMatchObject({ id: ben.id });
    const events = await world.state.rows("select kind, actor_id, account_id from audit_events where kind = 'password_reset' and account_id = ?1", asha.id);
    expect(events).toEqual([{ kind: "password_reset", actor_id: asha.id, account_id: asha.id }]);
  });

  test("is set by the typed client, which then signs in", async () => {
    const asha = await PersonsApp.of(world, "asha");
    const { data: me } = await asha.kith.getMyProfile();
    await asha.kith.logout();
    expect((await asha.kith.forgotPassword({ body: { email: me.email } })).status).toBe(202);
    const token = linkOf(me);
    expect((await asha.kith.resetPassword({ body: { token, new_password: NEW } })).status).toBe(204);
    await asha.kith.login({ body: { email: me.email, password: NEW } });
    expect((await asha.kith.getMyProfile()).data.email_verified).toBe(true);
  });

  test("keeps the time at which the address was proved before", async () => {
    const asha = await world.person("asha");
    await world.state.run("update users set email_verified_at = 7 where id = ?1", asha.id);
    expect((await reset(linkOf(asha))).status).toBe(204);
    expect(await world.state.number("select email_verified_at from users where id = ?1", asha.id)).toBe(7);
  });

  test("keeps the rules, and is none of the account's names, in whatever case", async () => {
    const asha = await world.person("asha");
    const wanted: [string, string][] = [
      ["1234567", "too_short"],
      ["x".repeat(257), "too_long"],
      ["a horse\u0000of my own", "invalid_characters"],
      ...[asha.username, asha.email].flatMap((name): [string, string][] => [[name, "too_weak"], [name.toUpperCase(), "too_weak"]]),
    ];
    for (const [password, code] of wanted) {
      const response = await reset(linkOf(asha), password);
      await expectInvalid(response.clone(), { "/new_password": code });
      expect(await world.hashesOf(response)).toBe(0);
    }
    await expectInvalid(await world.anonymous.fetch("POST", "/auth/password/reset", {}), { "/token": "required", "/new_password": "required" });
    expect((await reset(linkOf(asha), `${asha.username} and more`)).status).toBe(204);
  });

  test("may be the forgotten one, after all", async () => {
    const asha = await world.person("asha");
    expect((await reset(linkOf(asha), asha.password)).status).toBe(204);
    expect((await signIn(asha.username, asha.password)).status).toBe(200);
  });

  test("is for one account, whatever else the request says", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const body = { token: linkOf(asha), new_password: NEW, user_id: ben.id };
    await expectInvalid(await world.anonymous.fetch("POST", "/auth/password/reset", body), { "/user_id": "unknown_field" });
    expect((await ben.fetch("POST", "/auth/password/reset", { token: linkOf(asha), new_password: NEW })).status).toBe(204);
    expect([await versionOf(asha), await versionOf(ben)]).toEqual([2, 1]);
    expect(await ben.profile()).toMatchObject({ id: ben.id });
  });
});

describe("a link that is not good", () => {
  /** Each way in which one can be bad, and what it then carries. */
  const WAYS: Record<string, (asha: PersonActor) => Promise<string> | string> = {
    "that was used": async (asha) => {
      expect((await reset(linkOf(asha), "another passphrase")).status).toBe(204);
      return linkOf(asha);
    },
    "that is an hour old": (asha) => world.keys.mailToken(permission(asha), Date.now() - 1),
    "from before the password was changed": async (asha) => {
      await asha.expect(204, "POST", "/auth/password", { current_password: asha.password, new_password: "another passphrase" });
      return linkOf(asha);
    },
    "from before the address was changed": async (asha) => {
      await world.state.run("update users set credential_version = credential_version + 1 where id = ?1", asha.id);
      return linkOf(asha);
    },
    "of a version that is to come": (asha) => linkOf(asha, 2),
    "to a suspended account": async (asha) => {
      await world.state.suspend(asha);
      return linkOf(asha);
    },
    "to a deleted account": async (asha) => {
      await world.state.run("update users set status = 'deleted' where id = ?1", asha.id);
      return linkOf(asha);
    },
    "to an account that never was": ({ username, email }) => linkOf({ id: "01890000-0000-7000-8000-000000000000", username, email }),
    "that allows to verify an address": ({ id, email }) => world.keys.mailToken({ may: "verify_email", user_id: id, email }),
    "that allows to change an address": ({ id, email }) => world.keys.mailToken({ may: "change_email", user_id: id, new_email: email, credential_version: 1 }),
    "that allows to finish a registration": ({ id }) => world.keys.mailToken({ may: "register", registration_id: id }),
    "that allows something else besides": (asha) => world.keys.mailToken({ ...permission(asha), may: "reset_everything" } as unknown as MailPermission),
    "signed for another purpose": (asha) => world.keys.mailToken(permission(asha), Date.now() + HOUR_MS, { purpose: "refresh_token" }),
    "of another deployment": (asha) => exact.keys.mailToken(permission(asha)),
    "whose code was cut": (asha) => linkOf(asha).slice(0, -22),
    "whose account was exchanged": (asha) => {
      const [said = "", code = ""] = linkOf(asha).split(".");
      const changed = Buffer.from(said, "base64url").toString().replace('"credential_version":1', '"credential_version":2');
      return `${Buffer.from(changed).toString("base64url")}.${code}`;
    },
    "without a code": (asha) => linkOf(asha).split(".")[0] ?? "",
    "that is a refresh token": ({ refreshToken }) => refreshToken,
    "that is an access token": ({ accessToken }) => accessToken,
    "of nothing": () => "",
    "of ten thousand letters": () => "x".repeat(10_000),
  };

  test("is refused with the same bytes, however it is bad, and changes nothing", async () => {
    const seen = new Map<string, string[]>();
    for (const [way, made] of Object.entries(WAYS)) {
      const asha = await world.person("asha");
      const token = await made(asha);
      const before = await world.state.rows("select password_hash, credential_version from users where id = ?1", asha.id);
      const response = await world.anonymous.fetch("POST", "/auth/password/reset", { token, new_password: NEW }, { "x-request-id": "the-same-for-all" });
      await expectProblem(response.clone(), 422, "invalid_mail_token");
      expect(await lettersOf(world, response)).toEqual([]);
      expect([way, await world.state.rows("select password_hash, credential_version from users where id = ?1", asha.id)]).toEqual([way, before]);
      const { status, body } = await withoutRequestId(response);
      const answer = JSON.stringify({ status, body });
      seen.set(answer, [...(seen.get(answer) ?? []), way]);
    }
    expect([...seen.values()]).toEqual([Object.keys(WAYS)]);
  });

  test("costs neither a trip nor a hash unless Kith made it", async () => {
    const asha = await world.person("asha");
    for (const token of ["x", world.keys.mailToken(permission(asha), Date.now() - 1), exact.keys.mailToken(permission(asha))]) {
      const response = await reset(token);
      await expectProblem(response.clone(), 422, "invalid_mail_token");
      expect(await world.hashesOf(response)).toBe(0);
      expect((await world.control.recordOf(response)).trips).toEqual([]);
    }
  });

  test("that Kith made is counted like a sign-in, by address, because each try costs a hash", async () => {
    const asha = await someone(exact, "asha");
    const link = linkOf(asha, 1, exact);
    const address = anAddress();
    expect((await reset(link, NEW, from(address), exact)).status).toBe(204);
    for (let tries = 1; tries < QUOTA.signIn; tries += 1) {
      await expectProblem(await reset(link, NEW, { ...from(address), "x-forwarded-for": anAddress() }, exact), 422, "invalid_mail_token");
    }
    await expectLimited(await reset(link, NEW, from(address), exact), "sign-in-address");
    const over = await reset(link, NEW, { ...from(address), "x-real-ip": anAddress() }, exact);
    await expectLimited(over.clone(), "sign-in-address");
    expect(await exact.hashesOf(over)).toBe(0);
  });
});

describe("at the same moment", () => {
  test(`of ${MANY} uses of one link exactly one sets a password`, { timeout: 60_000 }, async () => {
    const asha = await world.person("asha");
    const link = linkOf(asha);
    const wishes = Array.from({ length: MANY }, (_, index) => `passphrase number ${index}`);
    // Each comes after a hash, so it takes seconds until all are there.
    const { told, overlap } = await world.control.watchingOverlap({ containing: "credential_version + 1", count: 8 }, () =>
      Promise.all(wishes.map((wanted) => reset(link, wanted))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    const winners = wishes.filter((_, index) => told[index]?.status === 204);
    expect(winners).toHaveLength(1);
    expect(told.filter(({ status }) => status === 422)).toHaveLength(MANY - 1);
    expect((await signIn(asha.username, winners[0] ?? "")).status).toBe(200);
    expect(await versionOf(asha)).toBe(2);
    const letters = await Promise.all(told.map((response) => lettersOf(world, response)));
    expect(letters.flat()).toEqual([{ letter: "password_changed", user_id: asha.id, email: asha.email }]);
  });

  test("of a change and a reset one holds, and with the reset no session lives", async () => {
    const asha = await world.person("asha");
    const { told } = await world.control.watchingOverlap({ containing: "credential_version + 1", count: 2 }, () =>
      Promise.all([
        reset(linkOf(asha), "chosen by mail"),
        asha.fetch("POST", "/auth/password", { current_password: asha.password, new_password: "chosen inside" }),
      ]),
    );
    const [byMail, inside] = told.map(({ status }) => status);
    expect([
      [204, 401],
      [422, 204],
    ]).toContainEqual([byMail, inside]);
    expect((await signIn(asha.username, byMail === 204 ? "chosen by mail" : "chosen inside")).status).toBe(200);
    expect((await asha.fetch("GET", "/profile")).status).toBe(byMail === 204 ? 401 : 200);
    expect(await versionOf(asha)).toBe(2);
  });
});

describe("and guesses at the old one", () => {
  test("a reset gives an attacker no new tries at a name that is used up, and a session no reason to end sooner", async () => {
    const asha = await someone(exact, "asha");
    for (const password of ["a guess", "another"]) {
      await expectProblem(await signIn(asha.username, password, exact), 401, "invalid_credentials");
    }
    await forgot(asha.email, from(anAddress()), exact);
    expect((await asha.profile()).id).toBe(asha.id);
    expect((await reset(linkOf(asha, 1, exact), NEW, from(anAddress()), exact)).status).toBe(204);
    await expectLimited(await signIn(asha.username, NEW, exact), "sign-in-name");
    // The owner's other name is still a door.
    const byMail = await exact.anonymous.fetch("POST", "/auth/login", { email: asha.email, password: NEW }, from(anAddress()));
    expect(byMail.status).toBe(200);
  });
});

test("no token and no password gets into the log, the outbox or any table", async () => {
  const asha = await world.person("asha");
  const link = linkOf(asha);
  const wanted = `a secret of ${asha.username}`;
  await forgot(asha.email);
  expect((await reset(link, wanted)).status).toBe(204);
  await expectProblem(await reset(link, wanted), 422, "invalid_mail_token");
  await world.control.settle();
  const [said = "", code = ""] = link.split(".");
  const logged = world.logLines().map(({ message }) => message).join("\n");
  for (const secret of [said, code, wanted]) expect(logged).not.toContain(secret);
  const tables = await world.state.rows<{ name: string }>("select name from sqlite_schema where type = 'table' and name not like '\\_%' escape '\\' and name not like 'sqlite%' and name not like 'd1\\_%' escape '\\'");
  for (const { name } of tables) {
    const rows = JSON.stringify(await world.state.rows(`select * from "${name}"`));
    for (const secret of [said, code, wanted]) expect([name, rows.includes(secret)]).toEqual([name, false]);
  }
});
