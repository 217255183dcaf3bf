/** Search. */
import { costOf, pages } from "./measure.ts";
import type { Budget } from "./measure.ts";

export const OF_SEARCH: Budget[] = [
  ...pages("search of posts", () => "/search?type=posts&q=seeded", ({ viewer }) => viewer),
  ...pages("search of posts, anonymous", () => "/search?type=posts&q=seed", ({ world }) => world.anonymous),
  ...pages("search of people", () => "/search?type=users&q=crowd", ({ viewer }) => viewer),
  ...pages("search of people, anonymous", () => "/search?type=users&q=crow", ({ world }) => world.anonymous),
  {
    operation: "search of people, by a username",
    most: { trips: 1, read: 240, written: 0 },
    measure: ({ world, viewer, author }) => costOf(world, viewer.fetch("GET", `/search?type=users&q=${author.username}`)),
  },
  ...pages("search of hashtags", () => "/search?type=tags&q=seeded", ({ viewer }) => viewer),
  ...pages("search of hashtags, anonymous", () => "/search?type=tags&q=seed", ({ world }) => world.anonymous),
];
