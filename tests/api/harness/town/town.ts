/** Dozens of people who do all at once whatever can be done: who they are, and what they know of. */
import { Random } from "../../../../scripts/seed/random.mjs";
import type { PersonActor } from "../person.ts";
import type { World } from "../world.ts";

/** More than one of whom everything is done to. */
const PEOPLE = 24;

/** A post or comment that somebody has written, whether or not it is still there. */
export interface Known {
  id: string;
  author: PersonActor;
}

export class Town {
  readonly random: Random;
  readonly people: readonly PersonActor[];
  /** Sees to what is reported, and lets the suspended back in. */
  readonly admin: PersonActor;
  readonly posts: Known[] = [];
  #words = 0;

  constructor(seed: number, people: readonly PersonActor[], admin: PersonActor) {
    this.random = new Random(seed);
    this.people = people;
    this.admin = admin;
  }

  static async open(world: World, seed: number): Promise<Town> {
    return new Town(seed, await world.crowd("townsfolk", PEOPLE), await world.admin("mayor"));
  }

  person(): PersonActor {
    return this.random.choose(this.people);
  }

  /** Mostly one of the newest, so that many hands meet on one. */
  post(): Known | undefined {
    const fromTheEnd = Math.floor(this.posts.length * this.random.fraction() ** 4);
    return this.posts[this.posts.length - 1 - fromTheEnd];
  }

  /** With a word that stands nowhere else, one of a few hashtags, and now and then a name. */
  caption(): string {
    this.#words += 1;
    const name = this.random.fraction() < 0.2 ? ` @${this.person().username}` : "";
    return `word${this.#words}x #tag${this.random.below(6)} #tag${this.random.below(6)}${name}`;
  }
}
