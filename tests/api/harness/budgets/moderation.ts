/** Reports, accounts and the audit log, for those who run it. */
import { randomUUID } from "node:crypto";
import { newToken, sqlOfLink } from "../../../../scripts/first-admin.mjs";
import type { Report } from "../shapes.ts";
import { costOf, newPerson, pages } from "./measure.ts";
import type { Budget } from "./measure.ts";

export const OF_MODERATION: Budget[] = [
  ...pages("accounts, for a moderator", () => "/admin/users", ({ mo }) => mo),
  ...pages("the suspended, for a moderator", () => "/admin/users?status=suspended", ({ mo }) => mo),
  {
    operation: "an account by its name, for a moderator",
    most: { trips: 1, read: 6, written: 0 },
    measure: ({ world, mo, author }) => costOf(world, mo.fetch("GET", `/admin/users?username=${author.username}`)),
  },
  ...pages("the audit log, for an admin", () => "/admin/audit", ({ rosa }) => rosa),
  ...pages("the audit log about somebody", ({ viewer }) => `/admin/audit?account=${viewer.id}`, ({ rosa }) => rosa),
  {
    operation: "change somebody's role, status and plan",
    most: { trips: 1, read: 20, written: 6 },
    measure: async (place) => {
      const asha = await newPerson(place, "asha");
      const standing = { role: "admin", status: "suspended", plan: "pro" };
      return costOf(place.world, place.rosa.fetch("PATCH", `/admin/users/${asha.username}`, standing));
    },
  },
  {
    operation: "change nothing of somebody's role, status and plan",
    most: { trips: 1, read: 20, written: 1 },
    measure: async (place) => {
      const asha = await newPerson(place, "asha");
      const standing = { role: "user", status: "active", plan: "free" };
      return costOf(place.world, place.rosa.fetch("PATCH", `/admin/users/${asha.username}`, standing));
    },
  },
  ...(["a post", "a person"] as const).map((what): Budget => ({
    operation: `report ${what}`,
    most: { trips: 1, read: 16, written: 4 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const target = what === "a post" ? { post_id: place.popular.id } : { username: place.author.username };
      return costOf(place.world, fan.fetch("POST", "/reports", { ...target, reason: "spam" }));
    },
  })),
  {
    operation: "report a post, with an Idempotency-Key",
    most: { trips: 1, read: 18, written: 6 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const headers = { "idempotency-key": randomUUID() };
      return costOf(place.world, fan.fetch("POST", "/reports", { post_id: place.popular.id, reason: "spam" }, headers));
    },
  },
  {
    operation: "report the same again",
    most: { trips: 1, read: 16, written: 1 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const ask = () => fan.fetch("POST", "/reports", { post_id: place.popular.id, reason: "spam" });
      await ask();
      return costOf(place.world, ask());
    },
  },
  ...pages("open reports, for a moderator", () => "/admin/reports", ({ mo }) => mo),
  ...pages("resolved reports, for a moderator", () => "/admin/reports?status=resolved", ({ mo }) => mo),
  ...([["dismiss", 24, 6], ["warn", 26, 8], ["suspend", 34, 9], ["remove_post", 60, 18]] as const).map(([action, read, written]): Budget => ({
    operation: `resolve a report: ${action}`,
    most: { trips: 1, read, written },
    measure: async (place) => {
      const [fan, author] = [await newPerson(place, "fan"), await newPerson(place, "author")];
      const post = await author.posts.create({ caption: "to be looked at" });
      const { id } = await fan.expect<Report>(201, "POST", "/reports", { post_id: post.id, reason: "spam" });
      return costOf(place.world, place.mo.fetch("POST", `/admin/reports/${id}/resolve`, { action }));
    },
  })),
  {
    operation: "become the first admin",
    most: { trips: 1, read: 22, written: 14 },
    measure: async ({ world, rosa }) => {
      await world.state.setRole(rosa, "user");
      const { token, hash } = newToken();
      for (const sql of sqlOfLink(hash, Date.now())) await world.state.run(sql);
      const username = world.uniqueName("sol");
      const body = { token, username, email: `${username}@example.com`, password: "a good long passphrase" };
      const rows = await costOf(world, world.anonymous.fetch("POST", "/setup", body));
      await world.state.dismissAdmins();
      await world.state.setRole(rosa, "admin");
      return rows;
    },
  },
];
