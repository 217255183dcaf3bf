/**
 * Who sees which post, through every route that shows or touches one. Each clause of the visibility
 * predicate decides at least one row of the table alone, so that dropping any of them fails a test.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import type { Actor, PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import type { Notification, Post, ShortPerson } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

/** What has become of a post and its author. */
const STATES = [
  "public",
  "followers-only",
  "public, removed",
  "followers-only, removed",
  "public, deleted",
  "followers-only, deleted",
  "public, author suspended",
  "followers-only, author suspended",
] as const;
type StateName = (typeof STATES)[number];

/** How the viewer stands to the author. */
const VIEWERS = [
  "anonymous",
  "a stranger",
  "a pending follower",
  "a follower",
  "one whom the author follows",
  "a follower whom the author blocks",
  "a follower who blocks the author",
  "a stranger whom the author blocks",
  "a stranger who blocks the author",
  "the author",
] as const;
type ViewerName = (typeof VIEWERS)[number];

const SEES_PUBLIC: ViewerName[] = [
  "anonymous",
  "a stranger",
  "a pending follower",
  "a follower",
  "one whom the author follows",
  "the author",
];
const SEES_FOLLOWERS_ONLY: ViewerName[] = ["a follower", "the author"];

function isVisible(state: StateName, viewer: ViewerName): boolean {
  if (state === "public") return SEES_PUBLIC.includes(viewer);
  if (state === "followers-only") return SEES_FOLLOWERS_ONLY.includes(viewer);
  return false;
}

interface Scene {
  author: PersonActor;
  viewers: Record<ViewerName, Actor>;
  post: Post;
}

/** An author with one post, and everyone who might look at it. */
async function stage(state: StateName): Promise<Scene> {
  const [author, ...others] = (await world.crowd("cast", VIEWERS.length)) as [PersonActor, ...PersonActor[]];
  const visibility = state.startsWith("public") ? "public" : "followers";
  const post = await author.posts.create({ caption: state, visibility });
  const named = VIEWERS.filter((viewer) => viewer !== "anonymous" && viewer !== "the author");
  const cast = Object.fromEntries(named.map((viewer, index) => [viewer, others[index]])) as Record<ViewerName, PersonActor>;

  await world.state.follow(cast["a pending follower"], author, "pending");
  await world.state.follow(author, cast["one whom the author follows"]);
  for (const viewer of ["a follower", "a follower whom the author blocks", "a follower who blocks the author"] as const) {
    await world.state.follow(cast[viewer], author);
  }
  for (const viewer of ["a follower whom the author blocks", "a stranger whom the author blocks"] as const) {
    await world.state.block(author, cast[viewer]);
  }
  for (const viewer of ["a follower who blocks the author", "a stranger who blocks the author"] as const) {
    await world.state.block(cast[viewer], author);
  }
  if (state.endsWith("removed")) await world.state.removePost(post);
  if (state.endsWith("deleted")) await author.posts.delete(post);
  if (state.endsWith("suspended")) await world.state.suspend(author);
  return { author, post, viewers: { ...cast, anonymous: world.anonymous, "the author": author } };
}

const likesOf = (post: Post) => world.state.number("select count(*) from likes where post_id = ?1", post.id);

describe.for(STATES)("a post that is %s", (state) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await stage(state);
  });

  const others = VIEWERS.filter((viewer) => viewer !== "the author");
  test.for(others.map((viewer) => [isVisible(state, viewer) ? "shown" : "hidden", viewer] as const))(
    "is %s to %s, whichever way it is looked at or touched",
    async ([shown, name]) => {
      const { post, viewers } = scene;
      const viewer = viewers[name];
      const visible = shown === "shown";
      for (const path of [`/posts/${post.id}`, `/posts/${post.id}/likes`]) {
        const response = await viewer.fetch("GET", path);
        if (visible) expect([path, response.status]).toEqual([path, 200]);
        else await expectProblem(response, 404, "not_found");
      }
      const listed = (await readAllPages<Post>(viewer, "/posts", 100)).some(({ id }) => id === post.id);
      expect(listed).toBe(visible && state === "public");
      if (name !== "anonymous") {
        const fed = (await readAllPages<Post>(viewer, "/feed", 100)).some(({ id }) => id === post.id);
        expect(fed).toBe(visible && name === "a follower");
      }

      const likesBefore = await likesOf(post);
      const [like, unlike, remove] = [
        await viewer.fetch("PUT", `/posts/${post.id}/like`),
        await viewer.fetch("DELETE", `/posts/${post.id}/like`),
        await viewer.fetch("DELETE", `/posts/${post.id}`),
      ];
      if (name === "anonymous") {
        for (const response of [like, unlike, remove]) await expectProblem(response, 401, "authentication_required");
      } else if (visible) {
        expect([like.status, unlike.status]).toEqual([200, 200]);
        await expectProblem(remove, 403, "not_the_author");
      } else {
        for (const response of [like, unlike, remove]) await expectProblem(response, 404, "not_found");
      }
      expect(await likesOf(post)).toBe(likesBefore);
    },
  );

  test("stands to its author as it must", async () => {
    const { author, post } = scene;
    const paths = [
      ["GET", `/posts/${post.id}`],
      ["GET", `/posts/${post.id}/likes`],
      ["PUT", `/posts/${post.id}/like`],
      ["DELETE", `/posts/${post.id}/like`],
    ] as const;
    const answers = [];
    for (const [method, path] of paths) answers.push(await author.fetch(method, path));
    if (state.endsWith("suspended")) {
      for (const response of answers) await expectProblem(response, 403, "account_suspended");
    } else if (state.endsWith("deleted")) {
      for (const response of answers) await expectProblem(response, 404, "not_found");
    } else if (state.endsWith("removed")) {
      // Whether authors see what was taken from them is moderation's to say; it is one answer for all.
      expect(new Set(answers.map(({ status }) => status)).size).toBe(1);
    } else {
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    }
  });
});

describe("a comment of Cleo's under Ben's post", () => {
  interface Thread {
    ben: PersonActor;
    cleo: PersonActor;
    viewer: PersonActor;
    comment: { id: string };
  }

  async function thread(visibility: string): Promise<Thread> {
    const [ben, cleo, viewer] = (await world.crowd("thread", 3)) as [PersonActor, PersonActor, PersonActor];
    const root = await ben.posts.create({ caption: "a thread", visibility });
    return { ben, cleo, viewer, comment: await world.state.comment(cleo, root) };
  }

  const statusFor = async (viewer: Actor, { comment }: Thread) => (await viewer.fetch("GET", `/posts/${comment.id}`)).status;
  const followBen = ({ viewer, ben }: Thread) => world.state.follow(viewer, ben);

  test.for([
    ["public", "anyone", async () => undefined, 200],
    ["public", "one whom Ben blocks", ({ ben, viewer }) => world.state.block(ben, viewer), 404],
    ["public", "one who blocks Ben", ({ ben, viewer }) => world.state.block(viewer, ben), 404],
    ["public", "one whom Cleo blocks", ({ cleo, viewer }) => world.state.block(cleo, viewer), 404],
    ["public", "one who blocks Cleo", ({ cleo, viewer }) => world.state.block(viewer, cleo), 404],
    ["followers", "a stranger", async () => undefined, 404],
    ["followers", "a follower of Ben", followBen, 200],
    ["followers", "a follower of Cleo only", ({ cleo, viewer }) => world.state.follow(viewer, cleo), 404],
    [
      "followers",
      "a follower of Ben whom Cleo blocks",
      async (scene) => {
        await followBen(scene);
        await world.state.block(scene.cleo, scene.viewer);
      },
      404,
    ],
    [
      "followers",
      "a follower of Ben who blocks Ben",
      async (scene) => {
        await followBen(scene);
        await world.state.block(scene.viewer, scene.ben);
      },
      404,
    ],
  ] as [string, string, (scene: Thread) => Promise<void>, number][])(
    "in a thread that is %s, to %s",
    async ([visibility, , relate, status]) => {
      const scene = await thread(visibility);
      await relate(scene);
      expect(await statusFor(scene.viewer, scene)).toBe(status);
    },
  );

  test("Ben sees it in his thread, and Cleo her own, though she does not follow him any more", async () => {
    const scene = await thread("followers");
    expect(await statusFor(scene.ben, scene)).toBe(200);
    expect(await statusFor(scene.cleo, scene)).toBe(200);
    expect(await statusFor(world.anonymous, scene)).toBe(404);
  });

  test("Cleo is told of a like of it, though she does not follow Ben any more", async () => {
    const { ben, cleo, comment } = await thread("followers");
    await ben.like(comment);
    await world.jobsDone(comment);
    const { data } = await cleo.notifications();
    expect(data.map(({ post, actors }) => [post?.id, actors.map(({ id }) => id)])).toEqual([[comment.id, [ben.id]]]);
  });

  test("it stands in its thread, not in the public list", async () => {
    const { comment, viewer } = await thread("public");
    const listed = await readAllPages<Post>(viewer, "/posts", 100);
    expect(listed.map(({ id }) => id)).not.toContain(comment.id);
  });
});

describe("who liked", () => {
  test("names nobody to whom one is invisible, and nobody suspended", async () => {
    const [ben, asha, blocked, blocker, suspended] = (await world.crowd("liker", 5)) as [
      PersonActor,
      PersonActor,
      PersonActor,
      PersonActor,
      PersonActor,
    ];
    const post = await ben.posts.create({ caption: "liked by all" });
    for (const person of [asha, blocked, blocker, suspended]) await person.like(post);
    await world.state.block(asha, blocked);
    await world.state.block(blocker, asha);
    await world.state.suspend(suspended);
    const seenBy = async (viewer: Actor) =>
      (await readAllPages<ShortPerson>(viewer, `/posts/${post.id}/likes`, 1)).map(({ id }) => id);
    expect(await seenBy(asha)).toEqual([asha.id]);
    expect(await seenBy(ben)).toEqual([blocker.id, blocked.id, asha.id]);
    expect(await seenBy(world.anonymous)).toEqual([blocker.id, blocked.id, asha.id]);
  });
});

describe("notifications", () => {
  test.for(["blocked by Ben", "blocking Ben", "suspended"])("who is %s is named in none", async (fate) => {
    const [ben, asha, gone] = (await world.crowd("told", 3)) as [PersonActor, PersonActor, PersonActor];
    const post = await ben.posts.create({ caption: "liked by two" });
    const only = await ben.posts.create({ caption: "liked by one" });
    await asha.like(post);
    await gone.like(post);
    await gone.like(only);
    await Promise.all([world.jobsDone(post), world.jobsDone(only)]);
    if (fate === "blocked by Ben") await world.state.block(ben, gone);
    else if (fate === "blocking Ben") await world.state.block(gone, ben);
    else await world.state.suspend(gone);
    const items = await readAllPages<Notification>(ben, "/notifications", 1);
    expect(items.flatMap(({ actors }) => actors).map(({ id }) => id)).toEqual([asha.id]);
  });

  test.for(["is blocked by Ben", "blocks Ben", "is suspended"])("whoever liked and %s before it is delivered tells nothing", async (fate) => {
    const [ben, asha] = (await world.crowd("late", 2)) as [PersonActor, PersonActor];
    const post = await ben.posts.create({ caption: "liked too late" });
    await world.control.withFaults([{ on: "queue", when: "forget", times: 1, containing: post.id }], async () => {
      await asha.like(post);
      await world.control.settle();
    });
    if (fate === "is blocked by Ben") await world.state.block(ben, asha);
    else if (fate === "blocks Ben") await world.state.block(asha, ben);
    else await world.state.suspend(asha);
    await world.state.makeDue(post);
    await world.control.sweep();
    const { data, unread_count: unread } = await ben.notifications();
    expect([data, unread]).toEqual([[], 0]);
  });
});
