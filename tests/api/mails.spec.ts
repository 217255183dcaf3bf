/**
 * From what happens to an account to the mail that tells of it, whatever becomes of who delivers it: each comes
 * at least once, always under the same id, and without a fault once.
 */
import { afterEach, describe, expect, test } from "vitest";
import { DEAD_LETTER_QUEUE, MAILS_QUEUE } from "./harness/control.ts";
import { eventually } from "./harness/eventually.ts";
import { ISSUER } from "./harness/keys.ts";
import { FROM } from "./harness/mails.ts";
import type { Mail } from "./harness/mails.ts";
import type { PersonActor } from "./harness/person.ts";
import type { DeliveredMessage } from "./harness/protocol.ts";
import type { Registration } from "./harness/shapes.ts";
import type { JobRow } from "./harness/state.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const world = await openWorld();

afterEach(() => {
  expect(world.mails.strays).toEqual([]);
});

const GIVES_UP_MS = 20_000;

/** After the domain that mails come from. */
const messageId = ({ id }: { id: string }) => `<${id}@kith.example>`;

/** Somebody who has registered, with the mail that is to come of it not on its way: the wake-up call is lost. */
async function newcomer(name: string): Promise<{ person: PersonActor; job: JobRow; message: DeliveredMessage }> {
  const fault = { on: "queue", when: "forget", times: 1, containing: '"mail"' } as const;
  const person = await world.control.withFaults([fault], async () => {
    const registered = await world.person(name);
    await world.control.settle();
    return registered;
  });
  const [job] = await world.state.letters(person);
  if (job === undefined) throw new Error("no letter was written");
  return { person, job, message: world.state.messageOf(job) };
}

const deliver = async (message: DeliveredMessage, attempts = 1) => {
  const { messages, threw } = await world.control.deliver([{ ...message, attempts }], MAILS_QUEUE);
  expect(threw).toBeNull();
  return messages[0];
};

/** Lets a letter be due and sweeps it up. */
async function sweepUp(id: string): Promise<void> {
  await world.state.makeLetterDue(id);
  await world.control.sweep();
}

/** Lets a letter be sent that no route asks for yet; the mails to an address that come of it. */
async function mailsOf(address: string, letter: { letter: string } & Record<string, unknown>, createdAt?: number): Promise<Mail[]> {
  const before = world.mails.all(address).length;
  const id = await world.state.write(letter, createdAt);
  await world.control.sweep();
  await eventually("the letter is done", async () => (await world.state.letters()).every((job) => job.id !== id));
  return world.mails.all(address).slice(before);
}

describe("the mail of a registration", () => {
  test("it comes to the address once, in two versions, with a link that shows its token to no server", async () => {
    const asha = await world.person("asha");
    const mail = await world.mails.to(asha.email);
    await world.mailsDone(asha);
    expect(world.mails.all(asha.email)).toHaveLength(1);
    expect(mail.from).toBe('"Kith" <no-reply@kith.example>');
    expect(FROM).toContain("no-reply@kith.example");
    expect(mail.subject).toBe("Verify your e-mail address");
    expect(mail.page).toBe("verify-email");
    const [link] = mail.links;
    expect(link?.href).toBe(`${ISSUER}/verify-email#token=${mail.token}`);
    for (const version of [mail.text, mail.html]) {
      expect(version).toContain(asha.username);
      expect(version).toMatch(/\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC/u);
    }
    expect(mail.html).toContain(`href="${link?.href}"`);
  });

  test("it bears the id of its job, which is gone afterwards", async () => {
    const { person, job, message } = await newcomer("asha");
    expect(await deliver(message)).toMatchObject({ verdict: "acked" });
    const mail = await world.mails.to(person.email);
    expect([mail.messageId, mail.idempotencyKey]).toEqual([messageId(job), job.id]);
    expect(await world.state.letters(person)).toEqual([]);
  });

  test("nothing of it is in the outbox, in a message or in a log line", async () => {
    const { person, job, message } = await newcomer("asha");
    await world.mails.failing(person.email, 422, 1, () => deliver(message));
    await sweepUp(job.id);
    const mail = await world.mails.to(person.email);
    const said = [job.payload, JSON.stringify(message), ...world.logLines().map((line) => line.message)];
    expect(said.some((text) => text.includes(job.id))).toBe(true);
    for (const secret of [person.email, mail.token, mail.subject, "this address is yours", world.mails.settings()["MAIL_API_KEY"] ?? ""]) {
      expect(said.filter((text) => text.includes(secret))).toEqual([]);
    }
  });

  test("none is sent for a name that was taken", async () => {
    const ben = await world.person("ben");
    const email = `${world.uniqueName("mallory")}@example.com`;
    const body = { username: ben.username, email, password: "a good long passphrase" };
    const response = await world.anonymous.fetch("POST", "/auth/register", body);
    expect(response.status).toBe(409);
    await world.control.settle();
    expect(world.mails.all(email)).toEqual([]);
  });

  test.for([
    ["suspended", "update users set status = 'suspended' where id = ?1"],
    ["verified by now", "update users set email_verified_at = 1 where id = ?1"],
  ] as const)("none is sent to an account that is %s", async ([, sql]) => {
    const { person, message } = await newcomer("asha");
    await world.state.run(sql, person.id);
    expect(await deliver(message)).toMatchObject({ verdict: "acked" });
    expect(await world.state.letters(person)).toEqual([]);
    expect(world.mails.all(person.email)).toEqual([]);
  });
});

describe("while nothing fails", () => {
  test("a message that comes five times at once sends one mail", async () => {
    const { person, message } = await newcomer("asha");
    const { overlap } = await world.control.watchingOverlap({ containing: "leased_until = ?3", count: 5 }, () =>
      Promise.all([1, 2, 3, 4, 5].map(() => deliver(message))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(world.mails.all(person.email)).toHaveLength(1);
    expect(await world.state.letters(person)).toEqual([]);
  });

  test("a mail in somebody's hands is left alone by whoever else is woken for it", async () => {
    const { person, message } = await newcomer("asha");
    const { delivered } = await world.mails.failing(person.email, "hang", 1, async () => {
      const inHand = deliver(message);
      await world.mails.struck(person.email);
      expect(await deliver(message)).toMatchObject({ verdict: "acked" });
      expect(await world.state.letters(person)).toMatchObject([{ failures: 0, dead_at: null }]);
      return { delivered: inHand };
    });
    expect(await delivered).toMatchObject({ verdict: "retried" });
    expect(world.mails.all(person.email)).toEqual([]);
  });
});

describe("the provider", () => {
  test.for([500, 503, 401, 403, 404, 409, "closed"] as const)("when it answers %s, the mail comes later", async (failure) => {
    const { person, job, message } = await newcomer("asha");
    await world.mails.failing(person.email, failure, 1, async () => {
      const before = Date.now();
      const verdict = await deliver(message);
      expect(verdict).toMatchObject({ verdict: "retried" });
      // Five seconds, and by chance up to a quarter more; rounded up.
      expect(verdict?.delaySeconds).toBeGreaterThanOrEqual(5);
      expect(verdict?.delaySeconds).toBeLessThanOrEqual(7);
      const [put] = await world.state.letters(person);
      expect(put).toMatchObject({ failures: 1, dead_at: null, due_at: put?.leased_until });
      expect(put?.leased_until).toBeGreaterThanOrEqual(before + 5_000);
    });
    expect(world.mails.all(person.email)).toEqual([]);
    await sweepUp(job.id);
    expect((await world.mails.to(person.email)).messageId).toBe(messageId(job));
    await world.mailsDone(person);
    expect(world.mails.all(person.email)).toHaveLength(1);
  });

  test("when it has too many mails at present, the mail comes soon, and that is no failure, however often", async () => {
    const { person, job, message } = await newcomer("asha");
    await world.mails.failing(person.email, 429, 2, async () => {
      for (let time = 0; time < 2; time += 1) {
        await world.state.makeLetterDue(job.id);
        const verdict = await deliver(message);
        expect(verdict).toMatchObject({ verdict: "retried" });
        expect(verdict?.delaySeconds).toBeGreaterThanOrEqual(5);
        expect(verdict?.delaySeconds).toBeLessThanOrEqual(36);
        expect((await world.state.letters(person))[0]).toMatchObject({ failures: 0, dead_at: null });
      }
    });
    await sweepUp(job.id);
    expect((await world.mails.to(person.email)).messageId).toBe(messageId(job));
  });

  test("a mail whose taking it does not tell comes again, as the same mail", async () => {
    const { person, job, message } = await newcomer("asha");
    await world.mails.failing(person.email, "lost", 1, () => deliver(message));
    await sweepUp(job.id);
    await eventually("it comes again", async () => world.mails.all(person.email).length === 2);
    const mails = world.mails.all(person.email);
    expect(new Set(mails.map((mail) => mail.messageId))).toEqual(new Set([messageId(job)]));
    expect(new Set(mails.map((mail) => mail.idempotencyKey))).toEqual(new Set([job.id]));
    expect(await world.state.letters(person)).toEqual([]);
  });

  test.for([400, 413, 422])("what it refuses with %i is dead at once, until an admin replays it", async (status) => {
    const { person, job, message } = await newcomer("asha");
    await world.mails.failing(person.email, status, 1, async () => {
      expect(await deliver(message)).toMatchObject({ verdict: "acked" });
    });
    const [dead] = await world.state.letters(person);
    expect(dead).toMatchObject({ due_at: null, leased_until: null });
    expect(dead?.dead_at).not.toBeNull();
    await eventually("the operator is told", async () =>
      world.logLines().find((line) => line.message.includes("job_dead") && line.message.includes(job.id)),
    );
    await world.control.sweep();
    expect(await world.state.letters(person)).toEqual([dead]);
    await sweepUp(job.id);
    expect((await world.mails.to(person.email)).messageId).toBe(messageId(job));
  });

  test("each time that it fails the mail waits longer, and after the last it is dead", async () => {
    const { person, job, message } = await newcomer("asha");
    const waits: number[] = [];
    await world.mails.failing(person.email, 500, 7, async () => {
      for (let failures = 1; failures <= 6; failures += 1) {
        await world.state.makeLetterDue(job.id);
        const before = Date.now();
        const verdict = await deliver(message);
        // What waits for longer than a minute is left to the sweep.
        expect(verdict?.verdict).toBe(failures === 1 ? "retried" : "acked");
        const [put] = await world.state.letters(person);
        expect(put).toMatchObject({ failures, dead_at: null });
        waits.push(Math.round(((put?.leased_until ?? 0) - before) / 1_000));
      }
      await world.state.makeLetterDue(job.id);
      await deliver(message);
    });
    for (const [index, seconds] of [5, 300, 1_800, 7_200, 18_000, 36_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(seconds);
      expect(waits[index]).toBeLessThanOrEqual(seconds * 1.25 + 5);
    }
    const [dead] = await world.state.letters(person);
    expect(dead).toMatchObject({ due_at: null, failures: 6 });
    expect(dead?.dead_at).not.toBeNull();
  });

  test("a message that comes before its time sends nothing", async () => {
    const { person, message } = await newcomer("asha");
    await world.mails.failing(person.email, 500, 1, () => deliver(message));
    expect(await deliver(message, 2)).toMatchObject({ verdict: "acked" });
    expect(world.mails.all(person.email)).toEqual([]);
    expect(await world.state.letters(person)).toMatchObject([{ failures: 1 }]);
  });

  test("it is not followed to another place, which would get the key and the mail", async () => {
    const { person, message } = await newcomer("asha");
    await world.mails.failing(person.email, 307, 1, () => deliver(message));
    expect(world.mails.strays).toEqual([]);
    expect(await world.state.letters(person)).toMatchObject([{ failures: 1, dead_at: null }]);
  });

  test("while it does not answer, everything else goes on, and it is given up after a while", { timeout: 2 * GIVES_UP_MS }, async () => {
    const [slow, other] = [await newcomer("asha"), await newcomer("ben")];
    const [asha, ben] = await world.crowd("friend", 2);
    if (asha === undefined || ben === undefined) throw new Error("no crowd");
    const post = await ben.posts.create({ caption: "While the mail hangs" });
    await world.mails.failing(slow.person.email, "hang", 1, async () => {
      const delivered = world.control.deliver([slow.message, other.message], MAILS_QUEUE);
      await world.mails.struck(slow.person.email);
      // A mail of the same batch, a request, and a job of another kind.
      await world.mails.to(other.person.email);
      await asha.like(post);
      await eventually("ben is told", async () => (await ben.notifications()).unread_count === 1);
      const { messages, threw } = await delivered;
      expect([threw, ...messages.map(({ verdict }) => verdict)]).toEqual([null, "retried", "acked"]);
    });
    expect(await world.state.letters(slow.person)).toMatchObject([{ failures: 1, dead_at: null }]);
    await sweepUp(slow.job.id);
    await world.mails.to(slow.person.email);
  });

  test("a registration is answered while it does not answer", async () => {
    const username = world.uniqueName("asha");
    const email = `${username}@example.com`;
    await world.mails.failing(email, "hang", 1, async () => {
      const body = { username, email, password: "a good long passphrase" };
      await world.anonymous.expect<Registration>(201, "POST", "/auth/register", body);
      await world.mails.struck(email);
    });
  });
});

describe("the database", () => {
  test.for(["before", "after"] as const)("when it fails, %s a mail is taken to be sent, the mail comes once", async (when) => {
    const { person, job, message } = await newcomer("asha");
    await world.control.withFaults([{ on: "d1", when, times: 1, containing: job.id, during: "queue" }], async () => {
      expect(await deliver(message)).toMatchObject({ verdict: "retried" });
    });
    await sweepUp(job.id);
    await world.mails.to(person.email);
    await world.mailsDone(person);
    expect(world.mails.all(person.email)).toHaveLength(1);
  });

  test("when it fails after the mail was sent, the mail comes again under its id once the lease is over", async () => {
    const { person, job, message } = await newcomer("asha");
    const fault = { on: "d1", when: "before", times: 1, sparing: 1, containing: job.id, during: "queue" } as const;
    await world.control.withFaults([fault], async () => {
      expect(await deliver(message)).toMatchObject({ verdict: "retried" });
    });
    expect(world.mails.all(person.email)).toHaveLength(1);
    // Nobody can tell who died from who is slow, so it waits for the lease.
    expect(await deliver(message, 2)).toMatchObject({ verdict: "acked" });
    expect(world.mails.all(person.email)).toHaveLength(1);
    await sweepUp(job.id);
    await world.mailsDone(person);
    expect(world.mails.all(person.email).map((mail) => mail.messageId)).toEqual([messageId(job), messageId(job)]);
  });
});

describe("the queue", () => {
  test("a mail whose wake-up call is lost is sent by the sweep", async () => {
    const { person, job } = await newcomer("asha");
    await sweepUp(job.id);
    expect((await world.mails.to(person.email)).messageId).toBe(messageId(job));
  });

  test("while it refuses everything, the sweep sends by itself", async () => {
    const { person, job } = await newcomer("asha");
    await world.control.withFaults([{ on: "queue", when: "before", times: 1_000 }], () => sweepUp(job.id));
    await world.mails.to(person.email);
    await world.mailsDone(person);
    expect(world.mails.all(person.email)).toHaveLength(1);
  });

  test("a mail among the dead letters is dead, and comes when it is replayed", async () => {
    const { person, job, message } = await newcomer("asha");
    const { messages } = await world.control.deliver([message], DEAD_LETTER_QUEUE);
    expect(messages[0]?.verdict).toBe("acked");
    expect(await deliver(message)).toMatchObject({ verdict: "acked" });
    expect(world.mails.all(person.email)).toEqual([]);
    await sweepUp(job.id);
    await world.mails.to(person.email);
  });
});

describe("every letter", () => {
  const person = () => world.crowd("asha", 1).then(([one]) => one as PersonActor);
  const HOUR = 3_600_000;

  test("of a new password leads to the page where it is chosen, for an hour", async () => {
    const asha = await person();
    const letter = { letter: "reset_password", email: asha.email };
    const [mail, ...others] = await mailsOf(asha.email, letter);
    expect(others).toEqual([]);
    expect(mail).toMatchObject({ subject: "Choose a new password", page: "reset-password" });
    expect(mail?.text).toContain(asha.username);
    expect(await mailsOf(asha.email, letter, Date.now() - HOUR)).toEqual([]);
  });

  test("of a new password is not sent where there is no account, or a suspended one", async () => {
    const nobody = `${world.uniqueName("nobody")}@example.com`;
    expect(await mailsOf(nobody, { letter: "reset_password", email: nobody })).toEqual([]);
    const asha = await person();
    await world.state.suspend(asha);
    expect(await mailsOf(asha.email, { letter: "reset_password", email: asha.email })).toEqual([]);
  });

  test("of a registration goes to who is to finish it, until it is over", async () => {
    const [id, username] = [uuidV7(), world.uniqueName("asha")];
    const email = `${username}@example.com`;
    const insert = (expires: number) =>
      world.state.run("insert or replace into registrations values (?1, ?2, ?3, 'hash', 'Asha', 1, ?4)", id, username, email, expires);
    await insert(Date.now() + HOUR);
    const letter = { letter: "registration", registration_id: id };
    const [mail] = await mailsOf(email, letter);
    expect(mail).toMatchObject({ subject: "Finish your registration", page: "verify-email" });
    expect(mail?.text).toContain(username);
    await insert(Date.now());
    expect(await mailsOf(email, letter)).toEqual([]);
    expect(await mailsOf(email, { letter: "registration", registration_id: uuidV7() })).toEqual([]);
  });

  test("of a registration tells the owner of an address that there is an account, and nothing of it", async () => {
    const ben = await person();
    const [id, username] = [uuidV7(), world.uniqueName("mallory")];
    const until = Date.now() + HOUR;
    await world.state.run("insert into registrations values (?1, ?2, ?3, 'hash', 'Mallory', 1, ?4)", id, username, ben.email, until);
    const letter = { letter: "registration", registration_id: id };
    const [mail] = await mailsOf(ben.email, letter);
    expect(mail).toMatchObject({ subject: "You have an account already", page: null });
    for (const name of [ben.username, username, "Mallory"]) {
      expect(mail?.text).not.toContain(name);
      expect(mail?.html).not.toContain(name);
    }
    await world.state.suspend(ben);
    expect(await mailsOf(ben.email, letter)).toEqual([]);
  });

  test("of a new device names it, but for what looks like a link", async () => {
    const asha = await person();
    const session = uuidV7();
    const agent = "KithApp/2.1 (iPhone; iOS 18.1) https://evil.example <b>evil.example</b>";
    await world.state.run(
      `insert into sessions (id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at)
       values (?1, ?2, ?3, ?1, 1, 1, 1, 2)`,
      session,
      asha.id,
      agent,
    );
    const [mail] = await mailsOf(asha.email, { letter: "new_device", user_id: asha.id, session_id: session, email: asha.email });
    expect(mail).toMatchObject({ subject: "A sign-in from a new device", page: null });
    expect(mail?.text).toContain("Device: KithApp/2.1 (iPhone; iOS 18.1)");
    for (const version of [mail?.text, mail?.html]) expect(version).not.toContain("evil");
  });

  test("of a new address goes there, while the account's password and address are those of the time", async () => {
    const asha = await person();
    const to = `${world.uniqueName("new")}@example.com`;
    const letter = { letter: "confirm_email", user_id: asha.id, new_email: to, credential_version: 1 };
    const [mail] = await mailsOf(to, letter);
    expect(mail).toMatchObject({ subject: "Confirm your new e-mail address", page: "verify-email" });
    expect(await mailsOf(to, { ...letter, credential_version: 2 })).toEqual([]);
    expect(await mailsOf(to, letter, Date.now() - 24 * HOUR)).toEqual([]);
    const { email: taken } = await person();
    expect(await mailsOf(taken, { ...letter, new_email: taken })).toEqual([]);
  });

  test.for([
    ["password_changed", "Your password was changed"],
    ["email_change_requested", "Your e-mail address is to be changed"],
    ["email_changed", "Your e-mail address was changed"],
  ])("of %s says so to the address of the time", async ([letter, subject]) => {
    const asha = await person();
    // The account may have another one by the time that the mail is sent.
    const then = `${world.uniqueName("then")}@example.com`;
    const [mail] = await mailsOf(then, { letter: letter ?? "", user_id: asha.id, [letter === "email_changed" ? "old_email" : "email"]: then });
    expect(world.mails.all(asha.email).filter((other) => other.subject === subject)).toEqual([]);
    expect(mail).toMatchObject({ subject, page: null });
    expect(mail?.text).toContain(asha.username);
  });
});

describe("by the platform's own binding", () => {
  const opened = openWorld({ MAIL_TRANSPORT: "binding", MAIL_API_URL: "", MAIL_API_KEY: "" });

  /** The messages that the binding was given for this address. */
  async function handedOver(bound: World, address: string): Promise<string[]> {
    const records = await bound.control.recordsSince(0);
    return records.flatMap(({ mails }) => mails).filter((raw) => raw.includes(`To: <${address}>`));
  }

  /** A part's text, out of quoted-printable (RFC 2045, section 6.7). */
  const decoded = (part: string) => {
    const bytes = part.replaceAll("=\r\n", "").replaceAll(/=([0-9A-F]{2})/gu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString();
  };

  test("it is given a whole message with both versions, which it takes", async () => {
    const bound = await opened;
    const asha = await bound.person("asha");
    await bound.mailsDone(asha);
    expect(bound.mails.all(asha.email)).toEqual([]);
    const [raw = "", ...others] = await handedOver(bound, asha.email);
    expect(others).toEqual([]);
    const [head = "", ...rest] = raw.split("\r\n\r\n");
    const headers = Object.fromEntries(
      head
        .replaceAll(/\r\n[ \t]/gu, " ")
        .split("\r\n")
        .map((line) => line.split(/: (.*)/su) as [string, string]),
    );
    expect(headers).toMatchObject({
      From: '"Kith" <no-reply@kith.example>',
      To: `<${asha.email}>`,
      Subject: "Verify your e-mail address",
      "MIME-Version": "1.0",
    });
    expect(headers["Message-ID"]).toBe(messageId({ id: headers["X-Entity-Ref-ID"] ?? "" }));
    expect(new Date(headers["Date"] ?? "").getTime()).toBeGreaterThan(Date.now() - 60_000);
    const boundary = /^multipart\/alternative; boundary="(.*)"$/u.exec(headers["Content-Type"] ?? "")?.[1];
    const parts = rest.join("\r\n\r\n").split(`--${boundary}`).slice(1, 3).map(decoded);
    expect(parts.map((part) => /Content-Type: (\S+);/u.exec(part)?.[1])).toEqual(["text/plain", "text/html"]);
    const tokens = parts.map((part) => /#token=([A-Za-z0-9._-]+)/u.exec(part)?.[1]);
    expect(tokens[0]).toBeDefined();
    expect(tokens[0]).toBe(tokens[1]);
  });

  test.for([
    ["E_RATE_LIMIT_EXCEEDED", { failures: 1, dead_at: null }],
    ["E_RECIPIENT_SUPPRESSED", { failures: 0, due_at: null }],
  ] as const)("its error %s says whether to try again, and tells the log no address", async ([code, left]) => {
    const bound = await opened;
    const username = bound.uniqueName("asha");
    const email = `${username}@example.com`;
    await bound.control.withFaults([{ on: "mail", when: "before", times: 1, containing: email, error: code }], async () => {
      await bound.anonymous.expect<Registration>(201, "POST", "/auth/register", { username, email, password: "a good long passphrase" });
      await eventually("it fails", async () => bound.logLines().some((line) => line.message.includes(code)));
    });
    const id = (await bound.state.rows<{ id: string }>("select id from users where email = ?1", email))[0]?.id ?? "";
    await eventually("it is put away", async () => (await bound.state.letters({ id }))[0]?.leased_until !== undefined);
    expect(await bound.state.letters({ id })).toMatchObject([left]);
    expect(bound.logLines().filter((line) => line.message.includes(email))).toEqual([]);
  });
});
