/** The typed client where reads may lag: whoever has written reads what they wrote, and mostly nearby. */
import { expect, test } from "vitest";
import type { PostOrStub } from "../../client/src/schema.ts";
import { PersonsApp } from "./harness/app.ts";
import { INVOCATION_HEADER } from "./harness/protocol.ts";
import { openLaggingWorld } from "./harness/world.ts";

const world = await openLaggingWorld();

/** Where an answer was read. */
async function placesOf({ headers }: { headers: Headers }): Promise<string[]> {
  const { trips } = await world.control.record(Number(headers.get(INVOCATION_HEADER)));
  return trips.map(({ ranAt }) => ranAt);
}

/** Of a post that is there. */
const captionOf = (post: PostOrStub) => ("caption" in post ? post.caption : undefined);

const write = ({ kith }: PersonsApp, caption: string) => kith.createPost({ body: { caption } });

test("each write's bookmark goes with what follows, which a replica answers", async () => {
  const asha = await PersonsApp.of(world, "asha");
  expect(await placesOf(await asha.kith.getMyProfile())).toEqual(["replica"]);
  for (const caption of ["First light", "Second light"]) {
    const { data: post } = await write(asha, caption);
    const answer = await asha.kith.getPost({ path: { id: post.id } });
    expect([captionOf(answer.data), await placesOf(answer)]).toEqual([caption, ["replica"]]);
  }
});

test("after writes that overlapped all of them are read, from where nothing is missing", async () => {
  const asha = await PersonsApp.of(world, "asha");
  const posts = await Promise.all(Array.from({ length: 10 }, (_, index) => write(asha, `Wave ${index}`)));
  for (const { data: post } of posts) {
    const answer = await asha.kith.getPost({ path: { id: post.id } });
    expect(await placesOf(answer)).toEqual(["primary"]);
  }
});

test("a bookmark that Kith does not take is dropped, and the read succeeds without", async () => {
  const asha = await PersonsApp.of(world, "asha", {
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      const altered = new Response(response.body, response);
      if (altered.headers.has("d1-bookmark")) altered.headers.set("d1-bookmark", "A".repeat(40));
      return altered;
    },
  });
  const { data: post } = await write(asha, "First light");
  const answer = await asha.kith.getPost({ path: { id: post.id } });
  expect([captionOf(answer.data), await placesOf(answer)]).toEqual(["First light", ["primary"]]);
  expect(asha.sent.slice(-2).map(({ headers }) => headers.has("d1-bookmark"))).toEqual([true, false]);
});
