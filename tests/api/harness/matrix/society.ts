/**
 * Who may see whom and what: the product's rules in plain words, from nothing but who stands how to whom. It
 * knows no route and no SQL, so that what it expects is not what the code happens to do.
 */

/** What somebody finds: the thing, what is left of it, or nothing; or they are not even asked in. */
export type Finding = "shown" | "stub" | "absent" | "refused";

export interface Somebody {
  id: string;
}

/** As much of a post or comment as the rules ask for. */
export interface Written {
  author: Somebody;
  /** Who wrote what its thread began with; the author of what is no comment. */
  beginner: Somebody;
  followersOnly: boolean;
  /** What it answers; null if it is no comment. */
  parent: Written | null;
  /** Whether its author or a moderator has taken it away. */
  gone: boolean;
  /** Whether any replies to it are there. */
  answered: boolean;
}

class Pairs {
  readonly #pairs = new Set<string>();

  add(one: Somebody, other: Somebody): void {
    this.#pairs.add(`${one.id} ${other.id}`);
  }

  has(one: Somebody | null, other: Somebody): boolean {
    return one !== null && this.#pairs.has(`${one.id} ${other.id}`);
  }
}

export class Society {
  readonly follows = new Pairs();
  readonly requests = new Pairs();
  readonly blocks = new Pairs();
  readonly mutes = new Pairs();
  readonly suspended = new Set<string>();

  /** Whether the two are nothing to each other. */
  apart(one: Somebody | null, other: Somebody): boolean {
    return one !== null && (this.blocks.has(one, other) || this.blocks.has(other, one));
  }

  /** Whether somebody is there for whoever asks for them by name: a blocker still finds whom they block. */
  findsPerson(viewer: Somebody | null, person: Somebody): boolean {
    return !this.suspended.has(person.id) && !this.blocks.has(person, viewer ?? { id: "" });
  }

  /** Whether somebody is named among others: in a list, as one who acted. */
  meetsPerson(viewer: Somebody | null, person: Somebody): boolean {
    return !this.suspended.has(person.id) && !this.apart(viewer, person);
  }

  /** What a post is to whoever asks for it. */
  findsPost(viewer: Somebody | null, post: Written): Finding {
    if (!this.#inSight(viewer, post)) return "absent";
    if (!post.gone) return "shown";
    return post.answered ? "stub" : "absent";
  }

  /** What a post is to whoever adds to it, or looks at what others have added: to have written it is not enough. */
  joinsPost(viewer: Somebody | null, post: Written): Finding {
    return this.#takesPart(viewer, post) ? this.findsPost(viewer, post) : "absent";
  }

  /** What a post is to whoever reports it: whom one blocks oneself, one may report. */
  reportsPost(viewer: Somebody | null, post: Written): Finding {
    const { author, beginner, gone } = post;
    const blocked = [author, beginner].some((person) => this.blocks.has(person, viewer ?? { id: "" }));
    const shared = viewer?.id === author.id || (!blocked && this.#isInvited(viewer, post));
    return shared && !gone && !this.suspended.has(author.id) ? "shown" : "absent";
  }

  #inSight(viewer: Somebody | null, post: Written): boolean {
    const { author } = post;
    return !this.suspended.has(author.id) && (viewer?.id === author.id || this.#takesPart(viewer, post));
  }

  #takesPart(viewer: Somebody | null, post: Written): boolean {
    return !this.apart(viewer, post.author) && !this.apart(viewer, post.beginner) && this.#isInvited(viewer, post);
  }

  #isInvited(viewer: Somebody | null, { beginner, followersOnly }: Written): boolean {
    return !followersOnly || viewer?.id === beginner.id || this.follows.has(viewer, beginner);
  }

  /** What a post is in a list that its viewer did not ask for by its author's name. */
  comesAcross(viewer: Somebody | null, post: Written): Finding {
    return this.mutes.has(viewer, post.author) ? "absent" : this.findsPost(viewer, post);
  }
}
