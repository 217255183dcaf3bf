/** The people of the matrix, and the things they look at. */
import type { Actor, PersonActor } from "../person.ts";
import { uuidV7 } from "../state.ts";
import type { World } from "../world.ts";
import { Society } from "./society.ts";
import type { Written } from "./society.ts";

/** How whoever looks stands to the owner of what they look at. */
export const ACTORS = [
  "anonymous",
  "the owner",
  "a follower",
  "a pending follower",
  "a stranger",
  "one who blocks the owner",
  "one whom the owner blocks",
  "one whom the owner mutes",
  "a follower who mutes the owner",
  "one who mutes the owner, and each blocks the other",
  "somebody suspended",
  "a moderator",
] as const;
export type ActorName = (typeof ACTORS)[number];
type Signed = Exclude<ActorName, "anonymous" | "the owner">;
const SIGNED = ACTORS.filter((name): name is Signed => name !== "anonymous" && name !== "the owner");

/** What has become of the thing that is looked at, and where it stands. */
export const STATES = [
  "public",
  "followers-only",
  "removed",
  "deleted",
  "removed, with replies",
  "deleted, with replies",
  "followers-only, deleted, with replies",
  "public, author suspended",
  "followers-only, author suspended",
  "a comment by the owner in a stranger's thread",
  "a comment by the owner in a stranger's thread, deleted, with replies",
  "a comment by the owner in a stranger's thread, removed, with replies",
  "a comment by the owner in the thread of one who has taken them from the followers",
  "a comment by the owner in the thread of one who blocks them",
  "a comment by a stranger in the owner's thread",
  "a comment by a stranger in the owner's followers-only thread",
  "a comment by a stranger in the owner's thread, owner suspended",
] as const;
export type StateName = (typeof STATES)[number];

/** A thing to look at, with everybody who might. */
export interface Scene {
  state: StateName;
  /** To whom the actors stand as their names say. */
  owner: PersonActor;
  /** Who has nothing to do with anybody: follows the owner and is followed by them, and comments. */
  witness: PersonActor;
  post: Written & { id: string };
  /** What the post answers; null if it is no comment. */
  parent: (Written & { id: string }) | null;
  /** A hashtag and a word that stand in this post alone. */
  tag: string;
  word: string;
  /** Who began the thread that the owner may take part in no more; null where there is none. */
  estranged: PersonActor | null;
  /** A post of the witness's that the owner likes. */
  liked: { id: string };
  /** Everybody who looks, but the owner. */
  crowd: Crowd;
}

export interface Stage {
  society: Society;
  scenes: Scene[];
  /** Who looks, by name; the owner is another in each scene. */
  viewer(name: ActorName, scene: Scene): Viewer;
}

/** Whoever looks. */
export interface Viewer {
  name: ActorName;
  actor: Actor;
  /** Null for nobody. */
  person: PersonActor | null;
}

export type Crowd = Record<Signed, PersonActor>;

const has = (state: StateName, ...words: string[]) => words.every((word) => state.includes(word));

/** Sets the stage for one test: nothing of it is shared. */
export async function setStage(world: World): Promise<Stage> {
  const people = await world.crowd("cast", SIGNED.length + 3 * STATES.length);
  const take = () => people.pop() as PersonActor;
  const crowd = Object.fromEntries(SIGNED.map((name) => [name, take()])) as Crowd;
  const society = new Society();
  const scenes: Scene[] = [];
  for (const state of STATES) {
    const [owner, witness] = [take(), take()];
    const estranged = has(state, "of one who") ? take() : null;
    // Who answers what only followers see is one.
    if (has(state, "followers-only thread")) await world.state.follow(witness, owner);
    scenes.push(await setScene(world, { state, owner, witness, estranged, crowd }));
  }
  await world.control.settle();
  await relate(world, society, crowd, scenes);
  return {
    society,
    scenes,
    viewer: (name, { owner }) => {
      if (name === "anonymous") return { name, actor: world.anonymous, person: null };
      const person = name === "the owner" ? owner : crowd[name];
      return { name, actor: person, person };
    },
  };
}

type Begun = Pick<Scene, "state" | "owner" | "witness" | "estranged" | "crowd">;

/** Writes what is looked at. */
async function setScene(world: World, { state, owner, witness, estranged, crowd }: Begun): Promise<Scene> {
  const mark = uuidV7().replaceAll("-", "").slice(0, 20);
  const [tag, word] = [`tag${mark}`, `word${mark}`];
  const comment = has(state, "a comment");
  const [author, beginner] = comment ? (has(state, "by the owner") ? [owner, estranged ?? witness] : [witness, owner]) : [owner, owner];
  const followersOnly = has(state, "followers");
  const visibility = followersOnly ? "followers" : "public";
  const caption = `a ${word} with #${tag}`;
  const facts = { author, beginner, followersOnly, gone: false, answered: false };
  const liked = await witness.posts.create({ caption: "liked by the owner" });
  await owner.like(liked);
  let parent: Scene["parent"] = null;
  let id: string;
  if (comment) {
    const root = await beginner.posts.create({ caption: "a thread", visibility });
    if (estranged !== null) await owner.follow(estranged);
    parent = { ...facts, id: root.id, author: beginner, parent: null, answered: true };
    ({ id } = await author.comment(root, caption));
  } else {
    ({ id } = await author.posts.create({ caption, visibility }));
  }
  const post = { ...facts, id, parent, answered: has(state, "with replies"), gone: has(state, "deleted") || has(state, "removed") };
  if (post.answered) await author.comment(post, "a reply");
  if (has(state, "deleted")) await author.posts.delete(post);
  if (has(state, "removed")) await world.state.removePost(post);
  if (has(state, "taken them")) await estranged?.removeFollower(owner);
  if (has(state, "blocks them")) await estranged?.block(owner);
  return { state, owner, witness, estranged, post, parent, tag, word, liked, crowd };
}

/** Lets everybody stand to the owners as their names say, and tells them of what is looked at. */
async function relate(world: World, society: Society, crowd: Crowd, scenes: readonly Scene[]): Promise<void> {
  const { state } = world;
  const rows = { follows: [] as string[][], blocks: [] as string[][], mutes: [] as string[][], told: [] as (string | number)[][] };
  const follow = (follower: PersonActor, followee: PersonActor, how: "accepted" | "pending" = "accepted") => {
    (how === "accepted" ? society.follows : society.requests).add(follower, followee);
    rows.follows.push([follower.id, followee.id, how]);
  };
  const pair = (what: "blocks" | "mutes", one: PersonActor, other: PersonActor) => {
    society[what].add(one, other);
    rows[what].push([one.id, other.id]);
  };
  for (const [index, { state: name, owner, witness, estranged, post, liked }] of scenes.entries()) {
    if (estranged !== null && has(name, "blocks them")) society.blocks.add(estranged, owner);
    if (has(name, "followers-only thread")) society.follows.add(witness, owner);
    else follow(witness, owner);
    follow(owner, witness);
    follow(crowd["a follower"], owner);
    follow(crowd["a follower who mutes the owner"], owner);
    follow(crowd["a pending follower"], owner, "pending");
    follow(crowd["somebody suspended"], owner, "pending");
    // No route leaves a follow beside a block; what a block hides is hidden all the same.
    const beside = index % 2 === 0 ? "accepted" : "pending";
    follow(crowd["one who blocks the owner"], owner, beside);
    follow(crowd["one whom the owner blocks"], owner, beside);
    pair("blocks", crowd["one who blocks the owner"], owner);
    pair("blocks", owner, crowd["one whom the owner blocks"]);
    const torn = crowd["one who mutes the owner, and each blocks the other"];
    pair("blocks", torn, owner);
    pair("blocks", owner, torn);
    pair("mutes", torn, owner);
    pair("mutes", owner, crowd["one whom the owner mutes"]);
    pair("mutes", crowd["a follower who mutes the owner"], owner);
    for (const viewer of SIGNED) {
      const tell = (kind: string, subject: string, place: number, ...actors: PersonActor[]) =>
        rows.told.push([crowd[viewer].id, kind, subject, 4 * index + place, ...actors.map(({ id }) => id)]);
      tell("mention", post.id, 1, post.author as PersonActor);
      // The owner is the one who acted, one of two, and one of three.
      const other = scenes.map((scene) => scene.witness).find((person) => person !== witness);
      tell("like", liked.id, 2, owner);
      tell("comment", liked.id, 3, witness, owner);
      tell("reply", liked.id, 4, witness, other ?? witness, owner);
    }
    if (has(name, "suspended")) {
      society.suspended.add(owner.id);
      await state.suspend(owner);
    }
  }
  await state.suspend(crowd["somebody suspended"]);
  society.suspended.add(crowd["somebody suspended"].id);
  await state.setRole(crowd["a moderator"], "moderator");
  const insert = (sql: string, values: unknown[]) => state.run(sql, JSON.stringify(values), Date.now());
  await insert(
    `insert into follows (follower_id, followee_id, state, created_at)
     select value ->> 0, value ->> 1, value ->> 2, ?2 from json_each(?1)`,
    rows.follows,
  );
  await insert(
    `update users set
       following_count = (select count(*) from follows where follower_id = users.id and state = 'accepted'),
       requested_count = (select count(*) from follows where follower_id = users.id and state = 'pending'),
       follower_count = (select count(*) from follows where followee_id = users.id and state = 'accepted')
     where id in (select value ->> 0 from json_each(?1) union select value ->> 1 from json_each(?1)) and ?2 > 0`,
    rows.follows,
  );
  for (const what of ["block", "mute"] as const) {
    const [one, other] = what === "block" ? ["blocker_id", "blocked_id"] : ["muter_id", "muted_id"];
    await insert(`insert into ${what}s (${one}, ${other}, created_at) select value ->> 0, value ->> 1, ?2 from json_each(?1)`, rows[`${what}s`]);
  }
  await insert(
    `insert into notifications (recipient_id, kind, subject_id, seq, actor_1, actor_2, actor_3, actor_count, created_at, updated_at)
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, json_array_length(value) - 4, ?2, ?2
     from json_each(?1)`,
    rows.told,
  );
  await insert(
    `insert into told (recipient_id, kind, subject_id, actor_id)
     select item.value ->> 0, item.value ->> 1, item.value ->> 2, actor.value
     from json_each(?1) item, json_each(item.value) actor where actor.key >= 4 and ?2 > 0`,
    rows.told,
  );
  await insert(
    `insert into inboxes (user_id, last_seq, unread_count)
     select value ->> 0, max(value ->> 3), count(*) from json_each(?1) where ?2 > 0 group by 1`,
    rows.told,
  );
}
