/** Somebody who uses Kith for as long as it lives, one request after the other, and keeps the books. */
import type { Random } from "../../../../scripts/seed/random.mjs";
import type { PersonActor } from "../person.ts";
import type { Like, Notifications, Post } from "../shapes.ts";
import { perform } from "./deed.ts";
import type { Deed } from "./deed.ts";
import { wrongLike } from "./findings.ts";
import type { LedgerPost, UnansweredPost } from "./ledger.ts";
import type { Load } from "./load.ts";

export class Client {
  readonly #person: PersonActor;
  readonly #random: Random;
  readonly #load: Load;

  constructor(person: PersonActor, random: Random, load: Load) {
    this.#person = person;
    this.#random = random;
    this.#load = load;
  }

  async actUntilOver(): Promise<void> {
    while (!this.#load.over) await this.#act();
  }

  /** Out of a hundred things that people do. Every like of somebody new makes a message. */
  async #act(): Promise<void> {
    const chance = this.#random.below(100);
    if (chance < 40) await this.like(this.#somePost());
    else if (chance < 52) await this.#unlikeOrLike();
    else if (chance < 64) await this.publish();
    else if (chance < 68) await this.#deleteOrPublish();
    else if (chance < 76) await this.markRead();
    else await this.read(this.#somePost());
  }

  #somePost(): LedgerPost {
    const { hot } = this.#load;
    if (hot.live.is(true) && this.#random.below(3) === 0) return hot;
    const recent = this.#load.recent();
    return recent.length === 0 ? hot : this.#random.choose(recent);
  }

  async #unlikeOrLike(): Promise<void> {
    const liked = this.#load.recent().filter(({ likes }) => likes.get(this.#person.id)?.now.is(true));
    if (liked.length === 0) await this.like(this.#somePost());
    else await this.unlike(this.#random.choose(liked));
  }

  async #deleteOrPublish(): Promise<void> {
    const own = this.#load.recent().filter(({ authorId }) => authorId === this.#person.id);
    if (own.length === 0) await this.publish();
    else await this.delete(this.#random.choose(own));
  }

  like(post: LedgerPost): Promise<void> {
    return this.#setLike(post, true);
  }

  unlike(post: LedgerPost): Promise<void> {
    return this.#setLike(post, false);
  }

  async #setLike(post: LedgerPost, liked: boolean): Promise<void> {
    const fact = post.likeOf(this.#person.id);
    const changes = fact.now.is(!liked);
    this.#load.ledger.touch(post);
    await this.#do<Like>({
      kind: liked ? "like" : "unlike",
      method: liked ? "PUT" : "DELETE",
      path: `/posts/${post.id}/like`,
      status: 200,
      acknowledged: (answer) => {
        fact.acknowledged(liked);
        if (answer.liked !== liked) this.#load.found(wrongLike(post, this.#person.id, answer.liked));
      },
      unanswered: () => {
        fact.unanswered(liked);
        return () => (changes && fact.now.values.length === 1 ? fact.now.is(liked) : null);
      },
      mayBeGone: () => !post.live.is(true),
    });
  }

  async publish(): Promise<void> {
    const { ledger } = this.#load;
    const caption = this.#load.newCaption();
    await this.#do<Post>({
      kind: "post",
      method: "POST",
      path: "/posts",
      body: { caption },
      status: 201,
      acknowledged: (answer) => this.#load.published(ledger.add({ ...answer, caption })),
      unanswered: () => {
        const post: UnansweredPost = { authorId: this.#person.id, caption, exists: null };
        ledger.unansweredPosts.push(post);
        return () => post.exists;
      },
    });
  }

  async delete(post: LedgerPost): Promise<void> {
    this.#load.ledger.touch(post);
    // From now on others may find it gone.
    post.live.mayBecome(() => false);
    await this.#do<void>({
      kind: "deletion",
      method: "DELETE",
      path: `/posts/${post.id}`,
      status: 204,
      acknowledged: () => post.live.becomes(() => false),
      unanswered: () => () => (post.live.values.length === 1 ? post.live.is(false) : null),
    });
  }

  async read(post: LedgerPost): Promise<void> {
    const fact = post.likeOf(this.#person.id);
    await this.#do<Post>({
      kind: "read",
      method: "GET",
      path: `/posts/${post.id}`,
      status: 200,
      acknowledged: ({ liked }) => {
        if (!fact.seen(liked)) this.#load.found(wrongLike(post, this.#person.id, liked));
      },
      mayBeGone: () => !post.live.is(true),
    });
  }

  /** Marks what a look at the list showed as read, or the newer part of it as not. */
  async markRead(): Promise<void> {
    let numbers: number[] = [];
    await this.#do<Notifications>({
      kind: "read",
      method: "GET",
      path: "/notifications",
      status: 200,
      acknowledged: ({ data }) => {
        numbers = data.map(({ seq }) => seq);
      },
    });
    if (numbers.length === 0 || this.#load.over) return;
    const watermark = this.#load.ledger.watermarkOf(this.#person.id);
    const upTo = Math.max(this.#random.choose(numbers), ...watermark.values);
    const move = (before: number) => Math.max(before, upTo);
    const changes = !watermark.is(upTo);
    await this.#do<void>({
      kind: "reading mark",
      method: "POST",
      path: "/notifications/read",
      body: { up_to: upTo },
      status: 204,
      acknowledged: () => watermark.becomes(move),
      unanswered: () => {
        watermark.mayBecome(move);
        return () => (changes && watermark.values.length === 1 ? watermark.is(upTo) : null);
      },
    });
  }

  async #do<T>(deed: Deed<T>): Promise<void> {
    await perform(this.#person, this.#load, deed);
  }
}
