/** What the API says after a restart, held against the ledger, which learns what it could not know. */
import { expect } from "vitest";
import type { PersonActor } from "../person.ts";
import type { Page, Post } from "../shapes.ts";
import { strangePost, strangeTelling, wrongCaption, wrongCounter, wrongLife, wrongLike, wrongMark, wrongTelling } from "./findings.ts";
import type { Finding } from "./findings.ts";
import type { Ledger, LedgerPost, UnansweredPost } from "./ledger.ts";

const PAGE = 100;

export class Recheck {
  readonly #people: ReadonlyMap<string, PersonActor>;
  readonly #ledger: Ledger;
  readonly #findings: Finding[] = [];

  /** The people are everybody in the ledger, by their ids. */
  constructor(people: readonly PersonActor[], ledger: Ledger) {
    this.#people = new Map(people.map((person) => [person.id, person]));
    this.#ledger = ledger;
  }

  /** Every write since the last restart: what was acknowledged is there, what was not is there whole or not at all. */
  async writes(): Promise<Finding[]> {
    if (this.#ledger.unansweredPosts.length > 0) await this.#unansweredPosts();
    await Promise.all(this.#ledger.touched.map((post) => this.#post(post)));
    this.#ledger.checked();
    return this.#findings.splice(0);
  }

  /** Every person's list, once no job is left: whom each was told of, and what they have read. */
  async notifications(): Promise<Finding[]> {
    await Promise.all([...this.#people.values()].map((person) => this.#list(person)));
    return this.#findings.splice(0);
  }

  async #unansweredPosts(): Promise<void> {
    const wanted = this.#ledger.unansweredPosts;
    const found = await this.#newestPosts(wanted);
    for (const post of wanted) {
      const [first, ...more] = found.filter(({ caption }) => caption === post.caption);
      post.exists = first !== undefined;
      if (first !== undefined) this.#ledger.add(first);
      this.#findings.push(...more.map(({ id, caption }) => strangePost(id, caption)));
    }
  }

  /** The public list from its beginning to the first post that was known before the ones touched. */
  async #newestPosts(wanted: readonly UnansweredPost[]): Promise<Post[]> {
    const reader = this.#personOf(wanted[0]?.authorId ?? "");
    const touched = new Set(this.#ledger.touched);
    const isOlder = ({ id }: Post) => {
      const known = this.#ledger.posts.get(id);
      return known !== undefined && !touched.has(known);
    };
    const posts: Post[] = [];
    let query = `?limit=${PAGE}`;
    for (;;) {
      const page: Page<Post> = await reader.posts.list(query);
      posts.push(...page.data);
      if (page.next_cursor === null || page.data.every(isOlder)) return posts;
      query = `?limit=${PAGE}&cursor=${page.next_cursor}`;
    }
  }

  async #post(post: LedgerPost): Promise<void> {
    const author = this.#personOf(post.authorId);
    const response = await author.fetch("GET", `/posts/${post.id}`);
    const text = await response.text();
    const exists = response.status === 200;
    if (!exists) expect({ status: response.status, text }).toMatchObject({ status: 404 });
    if (!post.live.seen((live) => live === exists)) this.#findings.push(wrongLife(post, exists));
    if (exists) await this.#livePost(post, author, JSON.parse(text) as Post);
  }

  async #livePost(post: LedgerPost, author: PersonActor, shown: Post): Promise<void> {
    if (shown.caption !== post.caption) this.#findings.push(wrongCaption(post.id, shown.caption));
    const { data } = await author.likers(post, `?limit=${PAGE}`);
    const likers = new Set(data.map(({ id }) => id));
    for (const id of likers) post.likeOf(id);
    for (const [id, fact] of post.likes) {
      const liked = likers.has(id);
      if (!fact.seen(liked)) this.#findings.push(wrongLike(post, id, liked));
    }
    if (data.length !== likers.size) this.#findings.push({ kind: "doubled", what: `somebody in the list of the likers of ${post.id}` });
    if (shown.like_count !== likers.size) this.#findings.push(wrongCounter(`likes of post ${post.id}: ${shown.like_count}`));
    if (shown.liked !== likers.has(author.id)) this.#findings.push({ kind: "wrong", what: `what ${post.id} tells its author of their like` });
  }

  async #list(person: PersonActor): Promise<void> {
    const { data, next_cursor: more, unread_count: unread } = await person.notifications(`?limit=${PAGE}`);
    const watermark = this.#ledger.watermarkOf(person.id);
    if (!watermark.seen((upTo) => data.every(({ seq, read }) => read === seq <= upTo))) {
      const forgotten = data.some(({ seq, read }) => !read && seq <= Math.min(...watermark.values));
      this.#findings.push(wrongMark(forgotten ? "lost" : "wrong", person.id, watermark.values));
    }
    if (more === null && unread !== data.filter(({ read }) => !read).length) this.#findings.push(wrongCounter(`unread of ${person.id}: ${unread}`));
    for (const { post, actor_count: likes } of data) {
      const id = post?.id ?? "nothing";
      const known = this.#ledger.posts.get(id);
      this.#findings.push(...(known === undefined ? [strangeTelling(id)] : wrongTelling(known, { recipientId: person.id, likes })));
    }
  }

  #personOf(id: string): PersonActor {
    const person = this.#people.get(id);
    if (person === undefined) throw new Error(`${id} is nobody of this campaign`);
    return person;
  }
}
