/** One person's account, whole, by the typed client and the mails: in a deployment that tells nobody who has one. */
import { expect, test } from "vitest";
import { App } from "./harness/app.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld({ REVEAL_EMAIL: "0" });

const FIRST = "a horse of my own";
const SECOND = "two horses of my own";
const THIRD = "no horse at all any more";

test("Asha registers, verifies, signs in on two devices, ends one, changes and forgets her password, moves to another address, and signs out", async () => {
  const username = world.uniqueName("asha");
  const [email, newEmail] = [`${username}@example.com`, `${username}@example.org`];
  const [phone, laptop] = [new App(world), new App(world)];

  const { status, data } = await phone.kith.register({ body: { username, email, password: FIRST } });
  expect([status, data]).toEqual([202, { status: "verify_email" }]);
  await expect(phone.kith.login({ body: { email, password: FIRST } })).rejects.toMatchObject({ code: "invalid_credentials" });
  await phone.kith.verifyEmail({ body: { token: (await world.mails.to(email, "verify-email")).token } });

  await phone.kith.login({ body: { email, password: FIRST } });
  expect((await phone.kith.getMyProfile()).data).toMatchObject({ username, email, email_verified: true, role: "user" });
  await laptop.kith.login({ body: { username, password: FIRST } });
  const sessions = (await phone.kith.listSessions()).data.data;
  expect(sessions.map(({ current }) => current)).toEqual([false, true]);
  await phone.kith.deleteSession({ path: { id: sessions[0]?.id ?? "" } });
  await expect(laptop.kith.getMyProfile()).rejects.toMatchObject({ code: "session_ended" });
  expect(laptop.signedOut).toMatchObject([{ code: "session_ended" }]);

  await laptop.kith.login({ body: { username, password: FIRST } });
  await phone.kith.changePassword({ body: { current_password: FIRST, new_password: SECOND } });
  await expect(laptop.kith.getMyProfile()).rejects.toMatchObject({ code: "session_ended" });
  await expect(laptop.kith.login({ body: { username, password: FIRST } })).rejects.toMatchObject({ code: "invalid_credentials" });
  await laptop.kith.login({ body: { username, password: SECOND } });

  await laptop.kith.forgotPassword({ body: { email } });
  await laptop.kith.resetPassword({ body: { token: (await world.mails.to(email, "reset-password")).token, new_password: THIRD } });
  for (const device of [phone, laptop]) await expect(device.kith.getMyProfile()).rejects.toMatchObject({ code: "session_ended" });
  await phone.kith.login({ body: { email, password: THIRD } });

  await phone.kith.changeEmail({ body: { password: THIRD, new_email: newEmail } });
  expect((await phone.kith.getMyProfile()).data.email).toBe(email);
  await phone.kith.verifyEmail({ body: { token: (await world.mails.to(newEmail, "verify-email")).token } });
  expect((await phone.kith.getMyProfile()).data).toMatchObject({ email: newEmail, email_verified: true });

  await phone.kith.logout();
  expect(await phone.store.load()).toBeNull();
  await phone.kith.login({ body: { email: newEmail, password: THIRD } });

  // What the old address was told on the way.
  await world.mailsDone();
  const told = world.mails.all(email).map(({ subject }) => subject);
  const about = ["Finish your registration", "Your password was changed", "Choose a new password", "Your e-mail address is to be changed", "Your e-mail address was changed"];
  expect(told).toEqual(expect.arrayContaining(about));
});
