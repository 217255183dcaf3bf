/** The mails about passwords and devices, from the request that causes them to what their links allow. */
import { describe, expect, test } from "vitest";
import { PersonsApp } from "./harness/app.ts";
import { anAddress, from } from "./harness/limits.ts";
import { expectProblem } from "./harness/problem.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const NEW = "two horses of my own";

const reset = (token: string) => world.anonymous.fetch("POST", "/auth/password/reset", { token, new_password: NEW });

describe("a forgotten password", () => {
  test("is chosen anew by the mail's link, once, and a mail tells that it was", async () => {
    const asha = await world.person("asha");
    await world.anonymous.expect(202, "POST", "/auth/password/forgot", { email: asha.email.toUpperCase() });
    const { token } = await world.mails.to(asha.email, "reset-password");
    expect((await reset(token)).status).toBe(204);
    await expectProblem(await reset(token), 422, "invalid_mail_token");
    await world.anonymous.expect(200, "POST", "/auth/login", { email: asha.email, password: NEW });
    await world.mailsDone();
    const subjects = world.mails.all(asha.email).map(({ subject }) => subject);
    expect(subjects).toContainEqual(expect.stringMatching(/password was changed/i));
  });

  test("is chosen anew by any of the mails that were sent, and then by none of the others", async () => {
    const asha = await world.person("asha");
    for (let asked = 0; asked < 2; asked += 1) await world.anonymous.expect(202, "POST", "/auth/password/forgot", { email: asha.email });
    const [first, second] = [await world.mails.to(asha.email, "reset-password"), await world.mails.to(asha.email, "reset-password")];
    expect((await reset(first.token)).status).toBe(204);
    await expectProblem(await reset(second.token), 422, "invalid_mail_token");
  });

  test("of nobody's address, or of a suspended account's, sends nothing", async () => {
    const ben = await world.person("ben");
    await world.state.suspend(ben);
    const nobody = `${world.uniqueName("nobody")}@example.com`;
    for (const email of [nobody, ben.email]) await world.anonymous.expect(202, "POST", "/auth/password/forgot", { email });
    await world.mailsDone();
    expect(world.mails.all(nobody)).toEqual([]);
    expect(world.mails.all(ben.email).filter(({ page }) => page === "reset-password")).toEqual([]);
  });
});

test("whoever holds the mailbox takes the account that somebody else opened with its address, and nobody else is left in it", async () => {
  const mallory = await world.person("mallory");
  const link = await world.mails.to(mallory.email, "verify-email");
  // Victim, whose address it is, never answered that mail, and asks for a new password.
  await world.anonymous.expect(202, "POST", "/auth/password/forgot", { email: mallory.email });
  expect((await reset((await world.mails.to(mallory.email, "reset-password")).token)).status).toBe(204);
  await expectProblem(await mallory.fetch("GET", "/profile"), 401, "session_ended");
  await expectProblem(await world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: mallory.refreshToken }), 401, "session_ended");
  const login = (password: string) => world.anonymous.fetch("POST", "/auth/login", { email: mallory.email, password });
  await expectProblem(await login(mallory.password), 401, "invalid_credentials");
  const { access_token: victims } = await world.anonymous.expect<Tokens>(200, "POST", "/auth/login", { email: mallory.email, password: NEW });
  expect(await world.bearing(victims).expect(200, "GET", "/profile")).toMatchObject({ email_verified: true });
  // The first mail's link opens nothing: it only says once more whose the address is.
  expect((await world.anonymous.fetch("POST", "/auth/email/verify", { token: link.token })).status).toBe(204);
  await expectProblem(await mallory.fetch("GET", "/profile"), 401, "session_ended");
});

test("a changed password is told by a mail, which leads to none", async () => {
  const asha = await PersonsApp.of(world, "asha");
  const { data: me } = await asha.kith.getMyProfile();
  await asha.kith.changePassword({ body: { current_password: "the long passphrase of asha", new_password: NEW } });
  await world.mailsDone();
  const told = world.mails.all(me.email).filter(({ subject }) => /password was changed/i.test(subject));
  expect(told.map(({ page }) => page)).not.toContain("verify-email");
  expect(told).toHaveLength(1);
});

test("a sign-in from a new device is told by a mail, with what the device calls itself and no address", async () => {
  const asha = await world.person("asha");
  const address = anAddress();
  const headers = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", ...from(address) };
  await world.anonymous.expect(200, "POST", "/auth/login", { username: asha.username, password: asha.password }, headers);
  await world.mailsDone();
  const told = world.mails.all(asha.email).filter(({ subject }) => /new device/i.test(subject));
  expect(told).toHaveLength(1);
  expect(told[0]?.text).toContain("Firefox");
  expect(told[0]?.text).not.toContain(address);
});
