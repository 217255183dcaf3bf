/** Walking lists. */
import { describe, expect, test } from "vitest";
import { entries, pages } from "../../client/src/index.ts";
import { json, problem, Stage } from "./stage.ts";

/** A list of these pages, whose cursors are their numbers. */
const listOf = (...list: string[][]) =>
  new Stage(({ url }) => {
    const index = Number(url.searchParams.get("cursor") ?? 0);
    const data = (list[index] ?? []).map((id) => ({ id }));
    return json(200, { data, next_cursor: index + 1 < list.length ? String(index + 1) : null, unread_count: 7 });
  });

const asked = (stage: Stage) => stage.sent.map(({ url }) => url.search);

describe("the entries of a list", () => {
  test("come page by page, and an empty page is no end", async () => {
    const stage = listOf(["a", "b"], [], ["c"]);
    const found: string[] = [];
    for await (const { id } of entries(stage.kith.listPosts, { query: { limit: 2 } })) found.push(id);
    expect(found).toEqual(["a", "b", "c"]);
    expect(asked(stage)).toEqual(["?limit=2", "?limit=2&cursor=1", "?limit=2&cursor=2"]);
  });

  test("are asked for only when they are wanted", async () => {
    const stage = listOf(["a"], ["b"], ["c"]);
    const walk = entries(stage.kith.listPosts);
    expect(asked(stage)).toEqual([]);
    await walk.next();
    expect(asked(stage)).toEqual([""]);
    await walk.next();
    await walk.return();
    expect(asked(stage)).toEqual(["", "?cursor=1"]);
  });

  test("begin where the caller says", async () => {
    const stage = listOf(["a"], ["b"], ["c"]);
    const found: string[] = [];
    for await (const { id } of entries(stage.kith.listLikes, { path: { id: "p1" }, query: { cursor: "1" } })) found.push(id);
    expect(found).toEqual(["b", "c"]);
  });

  test("end with the problem that their page ends with", async () => {
    const stage = new Stage(({ url }) => (url.searchParams.has("cursor") ? problem(400, "malformed_cursor") : json(200, { data: [{ id: "a" }], next_cursor: "x" })));
    const found: string[] = [];
    const walk = async () => {
      for await (const { id } of entries(stage.kith.listPosts)) found.push(id);
    };
    await expect(walk()).rejects.toMatchObject({ code: "malformed_cursor" });
    expect(found).toEqual(["a"]);
  });
});

test("the pages of a list come whole", async () => {
  const stage = listOf(["a"], ["b"]);
  const found: unknown[] = [];
  for await (const page of pages(stage.kith.listNotifications)) found.push([page.unread_count, page.data.length]);
  expect(found).toEqual([
    [7, 1],
    [7, 1],
  ]);
});
