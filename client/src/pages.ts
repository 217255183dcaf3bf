/** Walking a list to its end. */

/** What a list answers, in part. */
interface Page {
  data: readonly unknown[];
  next_cursor: string | null;
}

/** A call that answers a page and takes a cursor, as `kith.listPosts`. */
type List = (input: never) => Promise<{ data: Page }>;

type PageOf<L extends List> = Awaited<ReturnType<L>>["data"];
type EntryOf<L extends List> = PageOf<L>["data"][number];

/**
 * The pages of a list, each asked for when it is wanted. A page may be empty though others follow.
 *
 *     for await (const page of pages(kith.listNotifications)) show(page.unread_count, page.data);
 */
export async function* pages<L extends List>(list: L, ...[input]: Parameters<L>): AsyncGenerator<PageOf<L>, void, undefined> {
  const given = (input ?? {}) as { query?: { cursor?: string } };
  const ask = list as unknown as (input: object) => Promise<{ data: PageOf<L> }>;
  let cursor: string | null | undefined = given.query?.cursor;
  while (cursor !== null) {
    const { data: page } = await ask({ ...given, query: { ...given.query, cursor } });
    yield page;
    cursor = page.next_cursor;
  }
}

/**
 * The entries of a list, page by page.
 *
 *     for await (const post of entries(kith.listPosts, { query: { limit: 100 } })) show(post);
 */
export async function* entries<L extends List>(list: L, ...input: Parameters<L>): AsyncGenerator<EntryOf<L>, void, undefined> {
  for await (const page of pages(list, ...input)) yield* page.data as EntryOf<L>[];
}
