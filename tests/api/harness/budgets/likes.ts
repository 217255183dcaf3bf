/** Likes. */
import { costOf, newPerson, pages } from "./measure.ts";
import type { Budget } from "./measure.ts";

export const OF_LIKES: Budget[] = [
  {
    operation: "like a post of another",
    most: { trips: 1, read: 12, written: 5 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      return costOf(place.world, fan.fetch("PUT", `/posts/${place.popular.id}/like`));
    },
  },
  {
    operation: "like a followers-only post of another",
    most: { trips: 1, read: 12, written: 5 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const post = await place.author.posts.create({ caption: "for friends", visibility: "followers" });
      await place.world.state.follow(fan, place.author);
      return costOf(place.world, fan.fetch("PUT", `/posts/${post.id}/like`));
    },
  },
  {
    operation: "like again",
    most: { trips: 1, read: 12, written: 0 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.like(place.popular);
      return costOf(place.world, fan.fetch("PUT", `/posts/${place.popular.id}/like`));
    },
  },
  {
    operation: "unlike",
    most: { trips: 1, read: 12, written: 5 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.like(place.popular);
      return costOf(place.world, fan.fetch("DELETE", `/posts/${place.popular.id}/like`));
    },
  },
  {
    operation: "unlike nothing",
    most: { trips: 1, read: 12, written: 0 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      return costOf(place.world, fan.fetch("DELETE", `/posts/${place.popular.id}/like`));
    },
  },
  ...pages("who liked", ({ popular }) => `/posts/${popular.id}/likes`, ({ viewer }) => viewer),
];
