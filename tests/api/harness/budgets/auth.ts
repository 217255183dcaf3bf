/** Accounts, passwords, sessions and mails. */
import { expect } from "vitest";
import { recordedRows } from "../cost.ts";
import { MAILS_QUEUE } from "../control.ts";
import type { MailPermission } from "../keys.ts";
import type { PersonActor } from "../person.ts";
import type { Page, Session } from "../shapes.ts";
import type { World } from "../world.ts";
import { costOf, newPerson, pages, refusedCost } from "./measure.ts";
import type { Budget } from "./measure.ts";

/** "the long passphrase of asha", hashed with 4 MiB and one pass. */
const OLDER_HASH = "$argon2id$v=19$m=4096,t=1,p=1$c2l4dGVlbiBieXRlcyBvZg$zU5GlsyAxxMcS0/aS4wtxdCTUUZ1Q3AEG22W5qKgELw";

const refresh = (world: World, token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });

const answer = (world: World, permission: MailPermission) =>
  world.anonymous.fetch("POST", "/auth/email/verify", { token: world.keys.mailToken(permission) });

/** Asks for a new password by the first link that this person was sent. */
function resetPassword(world: World, { id, username, email }: PersonActor): Promise<Response> {
  const token = world.keys.mailToken({ may: "reset_password", user_id: id, username, email, credential_version: 1 });
  return world.anonymous.fetch("POST", "/auth/password/reset", { token, new_password: "another good long passphrase" });
}

export const OF_AUTH: Budget[] = [
  {
    operation: "register",
    most: { trips: 1, read: 14, written: 12 },
    measure: ({ world }) => {
      const username = world.uniqueName("new");
      const body = { username, email: `${username}@example.com`, password: "a good long passphrase" };
      return costOf(world, world.anonymous.fetch("POST", "/auth/register", body));
    },
  },
  {
    operation: "the mail of a registration",
    most: { trips: 2, read: 4, written: 4 },
    measure: async ({ world }) => {
      const asha = await world.control.withFaults([{ on: "queue", when: "forget", times: 1, containing: '"mail"' }], async () => {
        const registered = await world.person("asha");
        await world.control.settle();
        return registered;
      });
      const message = world.state.messageOf((await world.state.letters(asha))[0]);
      const { invocation, messages } = await world.control.deliver([message], MAILS_QUEUE);
      expect(messages[0]?.verdict).toBe("acked");
      expect(world.mails.all(asha.email)).toHaveLength(1);
      return recordedRows(await world.control.record(invocation), true);
    },
  },
  {
    operation: "sign in",
    most: { trips: 2, read: 10, written: 6 },
    measure: async ({ world }) => {
      const { username, password } = await world.person("dana");
      return costOf(world, world.anonymous.fetch("POST", "/auth/login", { username, password }));
    },
  },
  {
    operation: "sign in, with a hash of other parameters",
    // Once in the life of a hash: the new one.
    most: { trips: 2, read: 10, written: 7 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await world.state.run("update users set password_hash = ?2 where id = ?1", dana.id, OLDER_HASH);
      return costOf(world, world.anonymous.fetch("POST", "/auth/login", { username: dana.username, password: "the long passphrase of asha" }));
    },
  },
  {
    operation: "sign in, from a new device",
    // The device, the letter and its place in the queue.
    most: { trips: 2, read: 10, written: 9 },
    measure: async ({ world }) => {
      const { username, password } = await world.person("dana");
      return costOf(world, world.anonymous.fetch("POST", "/auth/login", { username, password }, { "user-agent": "another" }));
    },
  },
  ...(["a wrong password", "an unknown name"] as const).map((which): Budget => ({
    operation: `sign in, with ${which}`,
    most: { trips: 2, read: 6, written: 3 },
    measure: async ({ world }) => {
      const username = which === "an unknown name" ? world.uniqueName("nobody") : (await world.person("dana")).username;
      return refusedCost(world, 401, world.anonymous.fetch("POST", "/auth/login", { username, password: "a guess" }));
    },
  })),
  {
    operation: "change the password, signed in on one device",
    most: { trips: 2, read: 12, written: 6 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      return costOf(world, dana.fetch("POST", "/auth/password", { current_password: dana.password, new_password: "another good long passphrase" }));
    },
  },
  {
    operation: "change the password, signed in on four devices",
    // Two rows read and one written more for each.
    most: { trips: 2, read: 18, written: 9 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await Promise.all(Array.from({ length: 3 }, () => dana.onAnotherDevice()));
      return costOf(world, dana.fetch("POST", "/auth/password", { current_password: dana.password, new_password: "another good long passphrase" }));
    },
  },
  {
    operation: "change the password, with a wrong one",
    most: { trips: 1, read: 6, written: 1 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      const body = { current_password: "a guess", new_password: "another good long passphrase" };
      return refusedCost(world, 403, dana.fetch("POST", "/auth/password", body));
    },
  },
  ...(["an account's", "nobody's"] as const).map((whose): Budget => ({
    operation: `forgot the password, of ${whose} address`,
    most: { trips: 1, read: 4, written: 5 },
    measure: async ({ world }) => {
      const email = whose === "nobody's" ? `${world.uniqueName("nobody")}@example.com` : (await world.person("dana")).email;
      return costOf(world, world.anonymous.fetch("POST", "/auth/password/forgot", { email }));
    },
  })),
  {
    operation: "reset the password, signed in on one device",
    most: { trips: 1, read: 10, written: 6 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      return costOf(world, resetPassword(world, dana));
    },
  },
  {
    operation: "reset the password again, by the same link",
    most: { trips: 1, read: 8, written: 1 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await resetPassword(world, dana);
      return refusedCost(world, 422, resetPassword(world, dana));
    },
  },
  {
    operation: "refresh",
    most: { trips: 1, read: 6, written: 2 },
    measure: async ({ world }) => costOf(world, refresh(world, (await world.person("dana")).refreshToken)),
  },
  {
    operation: "refresh again, by the same token",
    most: { trips: 1, read: 6, written: 0 },
    measure: async ({ world }) => {
      const { refreshToken } = await world.person("dana");
      await refresh(world, refreshToken);
      return costOf(world, refresh(world, refreshToken));
    },
  },
  {
    operation: "refresh by a token that was used up",
    most: { trips: 1, read: 6, written: 2 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await refresh(world, dana.refreshToken);
      await world.state.run("update sessions set rotated_at = 1 where user_id = ?1", dana.id);
      const response = await refresh(world, dana.refreshToken);
      expect(response.status).toBe(401);
      return recordedRows(await world.control.recordOf(response));
    },
  },
  {
    operation: "ask for another address",
    most: { trips: 2, read: 16, written: 11 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      return costOf(world, dana.fetch("POST", "/auth/email", { password: dana.password, new_email: `new.${dana.email}` }));
    },
  },
  {
    operation: "answer the mail to another address",
    most: { trips: 1, read: 8, written: 5 },
    measure: async (place) => {
      const { id, email } = await newPerson(place, "dana");
      return costOf(place.world, answer(place.world, { may: "change_email", user_id: id, new_email: `new.${email}`, credential_version: 1 }));
    },
  },
  {
    operation: "answer the mail that proves an address",
    most: { trips: 1, read: 6, written: 2 },
    measure: async (place) => {
      const { id, email } = await newPerson(place, "dana");
      return costOf(place.world, answer(place.world, { may: "verify_email", user_id: id, email }));
    },
  },
  {
    operation: "ask for that mail again",
    most: { trips: 1, read: 6, written: 4 },
    measure: async (place) => costOf(place.world, (await newPerson(place, "dana")).fetch("POST", "/auth/email/resend")),
  },
  {
    operation: "sign out",
    most: { trips: 1, read: 6, written: 2 },
    measure: async (place) => costOf(place.world, (await newPerson(place, "leaver")).fetch("POST", "/auth/logout")),
  },
  ...pages("my sessions", () => "/auth/sessions", ({ viewer }) => viewer),
  {
    operation: "end a session",
    most: { trips: 1, read: 6, written: 2 },
    measure: async (place) => {
      const leaver = await newPerson(place, "leaver");
      const { data } = await leaver.expect<Page<Session>>(200, "GET", "/auth/sessions");
      return costOf(place.world, leaver.fetch("DELETE", `/auth/sessions/${data[0]?.id}`));
    },
  },
];
