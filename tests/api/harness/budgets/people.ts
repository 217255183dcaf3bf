/** People, and how they stand to each other. */
import { costOf, newPerson, pages } from "./measure.ts";
import type { Budget } from "./measure.ts";

export const OF_PEOPLE: Budget[] = [
  ...(["follow", "ask to follow", "follow back, told before"] as const).map((how): Budget => ({
    operation: how,
    most: { trips: 1, read: 12, written: 6 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      if (how === "ask to follow") await star.lock();
      if (how === "follow back, told before") {
        await star.follow(fan);
        await fan.follow(star);
        await place.world.control.settle();
        await fan.unfollow(star);
      }
      return costOf(place.world, fan.fetch("PUT", `/users/${star.username}/follow`));
    },
  })),
  {
    operation: "follow by asking again",
    most: { trips: 1, read: 14, written: 6 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await star.lock();
      await fan.follow(star);
      await place.world.state.run("update users set locked = 0 where id = ?1", star.id);
      return costOf(place.world, fan.fetch("PUT", `/users/${star.username}/follow`));
    },
  },
  {
    operation: "follow again",
    most: { trips: 1, read: 12, written: 0 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.follow(place.author);
      return costOf(place.world, fan.fetch("PUT", `/users/${place.author.username}/follow`));
    },
  },
  {
    operation: "unfollow",
    most: { trips: 1, read: 20, written: 4 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.follow(place.author);
      return costOf(place.world, fan.fetch("DELETE", `/users/${place.author.username}/follow`));
    },
  },
  {
    operation: "block, who follow each other",
    most: { trips: 1, read: 40, written: 12 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await fan.follow(star);
      await star.follow(fan);
      return costOf(place.world, fan.fetch("PUT", `/users/${star.username}/block`));
    },
  },
  ...(["block", "unblock", "mute", "unmute"] as const).map((verb): Budget => ({
    operation: `${verb} a stranger`,
    // A block looks for follows both ways, of both accounts.
    most: { trips: 1, read: verb === "block" ? 26 : 14, written: 4 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      const [method, path] = verb.startsWith("un") ? ["DELETE", verb.slice(2)] : ["PUT", verb];
      if (method === "DELETE") await fan.expect(200, "PUT", `/users/${star.username}/${path}`);
      return costOf(place.world, fan.fetch(method, `/users/${star.username}/${path}`));
    },
  })),
  ...(["accept", "refuse"] as const).map((verb): Budget => ({
    operation: `${verb} a request`,
    most: { trips: 1, read: 20, written: 6 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await star.lock();
      await fan.follow(star);
      const method = verb === "accept" ? "PUT" : "DELETE";
      return costOf(place.world, star.fetch(method, `/follow-requests/${fan.username}`));
    },
  })),
  {
    operation: "take a follower away",
    most: { trips: 1, read: 20, written: 4 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await fan.follow(star);
      return costOf(place.world, star.fetch("DELETE", `/followers/${fan.username}`));
    },
  },
  ...pages("people", () => "/users", ({ viewer }) => viewer),
  ...pages("people, anonymous", () => "/users", ({ world }) => world.anonymous),
  ...pages("followers", ({ author }) => `/users/${author.username}/followers`, ({ viewer }) => viewer),
  ...pages("my followers", ({ viewer }) => `/users/${viewer.username}/followers`, ({ viewer }) => viewer),
  ...pages("whom I follow", ({ viewer }) => `/users/${viewer.username}/following`, ({ viewer }) => viewer),
  ...pages("who asks to follow me", () => "/follow-requests", ({ viewer }) => viewer),
  ...pages("whom I block", () => "/blocks", ({ viewer }) => viewer),
  ...pages("whom I mute", () => "/mutes", ({ viewer }) => viewer),
  {
    operation: "my profile",
    most: { trips: 1, read: 6, written: 0 },
    measure: ({ world, viewer }) => costOf(world, viewer.fetch("GET", "/profile")),
  },
  {
    operation: "a person",
    most: { trips: 1, read: 10, written: 0 },
    measure: ({ world, viewer, author }) => costOf(world, viewer.fetch("GET", `/users/${author.username}`)),
  },
];
