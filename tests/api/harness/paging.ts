/** Walking a list to its end, as a client would. */
import { expect } from "vitest";
import type { Actor } from "./person.ts";
import type { Page } from "./shapes.ts";

/** No list of the tests has more pages than this; a list that never ends must fail. */
const MOST_PAGES = 500;

/** All entries of the list at `path`, which may have a query, page by page; `between` runs after each page. */
export async function readAllPages<T>(
  reader: Actor,
  path: string,
  limit: number,
  between: (page: Page<T>) => Promise<void> = async () => undefined,
): Promise<T[]> {
  const entries: T[] = [];
  const [bare = "", asked] = path.split("?");
  let query = `?${asked === undefined ? "" : `${asked}&`}limit=${limit}`;
  for (let pages = 1; ; pages += 1) {
    const response = await reader.fetch("GET", `${bare}${query}`);
    expect(response.status).toBe(200);
    const page = (await response.json()) as Page<T>;
    expect(page.data.length).toBeLessThanOrEqual(limit);
    entries.push(...page.data);
    if (page.next_cursor === null) {
      expect(response.headers.get("link")).toBeNull();
      return entries;
    }
    expect(page.next_cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    query = linkedQuery(response);
    expect(query).toContain(`cursor=${page.next_cursor}`);
    expect(pages).toBeLessThan(MOST_PAGES);
    await between(page);
  }
}

/** The query of the `rel="next"` link, resolved against the address that was asked. */
function linkedQuery(response: Response): string {
  const link = /^<([^>]*)>; rel="next"$/.exec(response.headers.get("link") ?? "");
  expect(link).not.toBeNull();
  const next = new URL(link?.[1] ?? "", response.url);
  expect(next.pathname).toBe(new URL(response.url).pathname);
  return next.search;
}
