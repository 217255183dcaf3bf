/** What the clients know to be true, and what they cannot know: the other side of every check. */
import type { Post } from "../shapes.ts";
import { Possible } from "./possible.ts";

/** Whether one person likes one post. */
export class LikeFact {
  readonly now = new Possible(false);
  /** Whether it ever counted, so that its author must have been told, once. */
  ever = false;

  acknowledged(liked: boolean): void {
    this.now.becomes(() => liked);
    this.#remember();
  }

  unanswered(liked: boolean): void {
    this.now.mayBecome(() => liked);
  }

  seen(liked: boolean): boolean {
    const agrees = this.now.seen((value) => value === liked);
    this.#remember();
    return agrees;
  }

  #remember(): void {
    if (this.now.is(true)) this.ever = true;
  }
}

export class LedgerPost {
  readonly id: string;
  readonly authorId: string;
  readonly caption: string;
  readonly live = new Possible(true);
  /** By the id of who may like it. */
  readonly likes = new Map<string, LikeFact>();

  constructor({ id, author, caption }: Pick<Post, "id" | "author" | "caption">) {
    this.id = id;
    this.authorId = author.id;
    this.caption = caption;
  }

  likeOf(personId: string): LikeFact {
    const known = this.likes.get(personId) ?? new LikeFact();
    this.likes.set(personId, known);
    return known;
  }

  /** How many people its author must have been told of. */
  tellable(): number {
    return [...this.likes].filter(([personId, { ever }]) => ever && personId !== this.authorId).length;
  }
}

/** A post whose creation was not answered: it has no id that anybody knows. */
export interface UnansweredPost {
  authorId: string;
  caption: string;
  /** Set once somebody has looked. */
  exists: boolean | null;
}

export class Ledger {
  readonly posts = new Map<string, LedgerPost>();
  readonly unansweredPosts: UnansweredPost[] = [];
  /** Up to which number each person has read their notifications. */
  readonly #watermarks = new Map<string, Possible<number>>();
  /** What was asked to change since the last restart, to be looked at over HTTP after it. */
  readonly #touched = new Set<LedgerPost>();

  add(post: Pick<Post, "id" | "author" | "caption">): LedgerPost {
    const added = new LedgerPost(post);
    this.posts.set(added.id, added);
    this.touch(added);
    return added;
  }

  watermarkOf(personId: string): Possible<number> {
    const known = this.#watermarks.get(personId) ?? new Possible(0);
    this.#watermarks.set(personId, known);
    return known;
  }

  touch(post: LedgerPost): void {
    this.#touched.add(post);
  }

  get touched(): readonly LedgerPost[] {
    return [...this.#touched];
  }

  /** All that was touched has been looked at, and every unanswered post looked for. */
  checked(): void {
    this.#touched.clear();
    this.unansweredPosts.length = 0;
  }
}
