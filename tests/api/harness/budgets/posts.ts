/** Posts, comments and their lists. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { recordedRows } from "../cost.ts";
import { FOLLOWERS } from "../scale.ts";
import type { Page } from "../shapes.ts";
import { costOf, pages } from "./measure.ts";
import type { Budget, Place } from "./measure.ts";

/** More entries than fifty pages have. */
const FIFTY_PAGES = 50 * 20;

/** The first page of a feed, and the one behind fifty: what it costs depends on how many its reader follows. */
function feeds({ name, follows }: (typeof FOLLOWERS)[number], index: number): Budget[] {
  const operation = `feed of one who follows ${name}`;
  const most = { trips: 1, read: 3 * follows + 140, written: 0 };
  const readerOf = ({ followers }: Place) => {
    const follower = followers[index];
    if (follower === undefined) throw new Error(`nobody follows ${name}`);
    return follower.reader;
  };
  return [
    { operation, most, measure: (place) => costOf(place.world, readerOf(place).fetch("GET", "/feed")) },
    {
      operation: `${operation}, page 51`,
      most,
      measure: async (place) => {
        const reader = readerOf(place);
        let cursor = "";
        for (let passed = 0; passed < FIFTY_PAGES; passed += 100) {
          const { next_cursor: next } = await reader.expect<Page<unknown>>(200, "GET", `/feed?limit=100${cursor}`);
          expect(next).not.toBeNull();
          cursor = `&cursor=${next}`;
        }
        return costOf(place.world, reader.fetch("GET", `/feed?limit=20${cursor}`));
      },
    },
  ];
}

export const OF_POSTS: Budget[] = [
  {
    operation: "create a post",
    most: { trips: 1, read: 8, written: 7 },
    measure: ({ world, author }) => costOf(world, author.fetch("POST", "/posts", { caption: "new" })),
  },
  {
    operation: "create a post, with an Idempotency-Key",
    most: { trips: 1, read: 10, written: 9 },
    measure: ({ world, author }) => costOf(world, author.fetch("POST", "/posts", { caption: "new" }, { "idempotency-key": randomUUID() })),
  },
  {
    operation: "create a post again, with the same Idempotency-Key",
    // Asked by what it read: the batch that found the key aborted itself, and tells no rows.
    most: { trips: 2, read: 10, written: 0 },
    measure: async ({ world, author }) => {
      const write = () => author.fetch("POST", "/posts", { caption: "new" }, { "idempotency-key": key });
      const key = randomUUID();
      await write();
      return recordedRows(await world.control.recordOf(await write()));
    },
  },
  {
    operation: "create a post with a hashtag and a mention",
    // Each hashtag: its posts, itself and its place in the index; each mention: a job and its place in the queue.
    most: { trips: 1, read: 20, written: 12 },
    measure: ({ world, author, viewer }) => costOf(world, author.fetch("POST", "/posts", { caption: `new #${world.uniqueName("tag")} @${viewer.username}` })),
  },
  {
    operation: "comment",
    most: { trips: 1, read: 16, written: 8 },
    measure: ({ world, viewer, popular }) => costOf(world, viewer.fetch("POST", `/posts/${popular.id}/comments`, { caption: "Lovely" })),
  },
  {
    operation: "reply, with an Idempotency-Key",
    most: { trips: 1, read: 18, written: 12 },
    measure: async ({ world, author, viewer, popular }) => {
      const comment = await viewer.comment(popular, "Lovely");
      return costOf(world, author.fetch("POST", "/posts", { caption: "Thank you", reply_to: comment.id }, { "idempotency-key": randomUUID() }));
    },
  },
  {
    operation: "edit a post",
    most: { trips: 1, read: 20, written: 4 },
    measure: async ({ world, author }) => {
      const post = await author.posts.create({ caption: "changes" });
      return costOf(world, author.fetch("PUT", `/posts/${post.id}`, { caption: "changed" }));
    },
  },
  {
    operation: "edit nothing of a post",
    most: { trips: 1, read: 19, written: 0 },
    measure: async ({ world, author }) => {
      const post = await author.posts.create({ caption: "stays" });
      return costOf(world, author.fetch("PUT", `/posts/${post.id}`, { caption: "stays" }));
    },
  },
  {
    operation: "remove a post",
    most: { trips: 1, read: 26, written: 8 },
    measure: async ({ world, author, mo }) => {
      const post = await author.posts.create({ caption: "goes" });
      return costOf(world, mo.fetch("DELETE", `/posts/${post.id}`));
    },
  },
  {
    operation: "delete a post",
    most: { trips: 1, read: 26, written: 7 },
    measure: async ({ world, author }) => {
      const post = await author.posts.create({ caption: "goes" });
      return costOf(world, author.fetch("DELETE", `/posts/${post.id}`));
    },
  },
  {
    operation: "read a post",
    most: { trips: 1, read: 10, written: 0 },
    measure: ({ world, viewer, popular }) => costOf(world, viewer.fetch("GET", `/posts/${popular.id}`)),
  },
  {
    operation: "read a post, anonymous",
    most: { trips: 1, read: 10, written: 0 },
    measure: ({ world, popular }) => costOf(world, world.anonymous.fetch("GET", `/posts/${popular.id}`)),
  },
  ...pages("public posts", () => "/posts", ({ viewer }) => viewer),
  ...pages("public posts, anonymous", () => "/posts", ({ world }) => world.anonymous),
  ...pages("posts of a hashtag", () => "/tags/popular/posts", ({ viewer }) => viewer),
  ...pages("posts of a hashtag, anonymous", () => "/tags/popular/posts", ({ world }) => world.anonymous),
  ...pages("a person's posts", ({ author }) => `/users/${author.username}/posts`, ({ viewer }) => viewer),
  ...pages("a person's posts, anonymous", ({ author }) => `/users/${author.username}/posts`, ({ world }) => world.anonymous),
  ...pages("comments", ({ popular }) => `/posts/${popular.id}/comments`, ({ viewer }) => viewer),
  ...pages("comments, anonymous", ({ popular }) => `/posts/${popular.id}/comments`, ({ world }) => world.anonymous),
  ...FOLLOWERS.flatMap(feeds),
];
