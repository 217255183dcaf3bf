/**
 * A row for each route: what is looked for there, how it is seen, and what the rules say of it. A new route needs
 * one, or a place among those at which nothing of others is to be seen.
 */
import { readAllPages } from "../paging.ts";
import type { Actor } from "../person.ts";
import { ACTORS, STATES } from "./cast.ts";
import type { ActorName, Scene, StateName, Viewer } from "./cast.ts";
import type { Finding, Society, Somebody } from "./society.ts";

export interface Row {
  /** As in `openapi.json`, below the base path: `GET /posts/{id}`. */
  route: string;
  /** What of it, where a route has several rows. */
  what?: string;
  /** Who is answered at all. */
  asks: "anyone" | "signed in" | "moderators" | "admins";
  /** What the rules say, of whoever is answered. */
  rules(society: Society, viewer: Viewer, scene: Scene): Finding;
  /** What is found. */
  look(viewer: Viewer, scene: Scene, lists: Lists): Promise<Finding>;
  /** Whether looking changes something. */
  changes?: boolean;
  /** Who looks; everybody unless said otherwise. */
  actors?: readonly ActorName[];
  /** The scenes in which there is something to look for; all unless said otherwise. */
  states?: (state: StateName) => boolean;
}

const isRoot = (state: StateName) => !state.startsWith("a comment");

/** What an answer about one thing shows of it. */
async function findingOf(response: Response, revealed: readonly string[] = []): Promise<Finding> {
  const text = await response.text();
  const body = (text === "" ? {} : JSON.parse(text)) as { code?: string; deleted?: boolean };
  if (response.ok || revealed.includes(body.code ?? "")) return body.deleted === true ? "stub" : "shown";
  if (response.status === 404 && body.code === "not_found") return "absent";
  if ([401, 403].includes(response.status)) return "refused";
  throw new Error(`${response.status} ${text}`);
}

interface Listed {
  id?: string;
  deleted?: boolean;
}

/** The lists that were read, each once by each of whoever looks: to the end, or the finding that there is none. */
export class Lists {
  readonly #read = new Map<Actor, Map<string, Promise<Finding | Listed[]>>>();

  async #of(actor: Actor, path: string): Promise<Finding | Listed[]> {
    const first = await actor.fetch("GET", path);
    return first.ok ? readAllPages<Listed>(actor, path, 100) : findingOf(first);
  }

  /** Whether a list has a thing: one of its entries, of whatever shape. */
  async finding(actor: Actor, path: string, is: (item: never) => boolean): Promise<Finding> {
    const lists = this.#read.get(actor) ?? new Map<string, Promise<Finding | Listed[]>>();
    this.#read.set(actor, lists);
    const list = lists.get(path) ?? this.#of(actor, path);
    lists.set(path, list);
    const items = await list;
    if (!Array.isArray(items)) return items;
    const found = items.find((item) => is(item as never));
    if (found === undefined) return "absent";
    return found.deleted === true ? "stub" : "shown";
  }
}

type Asks = Row["asks"];
type Rules = Row["rules"];

interface Asked {
  body?: unknown;
  bodyOf?: (scene: Scene) => unknown;
  /** The codes of refusals that tell that the thing is there. */
  revealed?: string[];
}

/** A route with the post, or the person, in its address. */
function at(method: string, template: string, asks: Asks, rules: Rules, path: (scene: Scene) => string, more: Partial<Row> & Asked = {}): Row {
  const { body, bodyOf, revealed, ...rest } = more;
  const look: Row["look"] = async ({ actor }, scene) => findingOf(await actor.fetch(method, path(scene), bodyOf?.(scene) ?? body), revealed);
  return { route: `${method} ${template}`, asks, rules, look, changes: method !== "GET", ...rest };
}

/** A list that may have the post among others. */
function among(template: string, asks: Asks, rules: Rules, path: (scene: Scene) => string, more: Partial<Row> = {}): Row {
  const look: Row["look"] = ({ actor }, scene, lists) => lists.finding(actor, path(scene), ({ id }) => id === scene.post.id);
  return { route: `GET ${template}`, asks, rules, look, ...more };
}

/** What whoever asks for the post itself finds. */
const post: Rules = (society, { person }, scene) => society.findsPost(person, scene.post);

const withoutStub = (finding: Finding): Finding => (finding === "stub" ? "absent" : finding);

/** The same where there are no stubs. */
const wholePost: Rules = (...asked) => withoutStub(post(...asked));

/** What whoever adds to it, or looks at what others have added, finds. */
const openPost: Rules = (society, { person }, scene) => society.joinsPost(person, scene.post);
const openWholePost: Rules = (...asked) => withoutStub(openPost(...asked));

/** What is there at all, which is what moderators may remove. */
const whateverIsThere: Rules = (_, __, scene) => (scene.post.gone ? "absent" : "shown");

/** The same among the posts of many. */
const acrossPost: Rules = (society, { person }, scene) => withoutStub(society.comesAcross(person, scene.post));

/** Posts that are no comments, of which some lists consist. */
const ifRoot = (rules: Rules): Rules => (society, viewer, scene) => (isRoot(scene.state) ? rules(society, viewer, scene) : "absent");

/** What whoever asks for the owner by name finds. */
const owner: Rules = (society, { person }, scene) => (society.findsPerson(person, scene.owner) ? "shown" : "absent");

/** What whoever meets the owner among others finds. */
const ownerAmongOthers: Rules = (society, { person }, scene) => (society.meetsPerson(person, scene.owner) ? "shown" : "absent");

const is = (one: Somebody | null, other: Somebody) => one?.id === other.id;
const shownIf = (condition: boolean): Finding => (condition ? "shown" : "absent");

/** Whether the owner is in a list of people. */
function ownerAmong(template: string, asks: Asks, rules: Rules, path: (scene: Scene) => string, what?: string): Row {
  const look: Row["look"] = ({ actor }, scene, lists) => lists.finding(actor, path(scene), ({ id }) => id === scene.owner.id);
  return { route: `GET ${template}`, asks, rules, look, ...(what === undefined ? {} : { what }) };
}

const idOf = ({ post: { id } }: Scene) => id;
const nameOf = (scene: Scene) => scene.owner.username;
/** What is answered about something of one's own, or of others', that is there. */
const THERE = ["not_the_author", "own_account", "person_blocked", "own_report"];
const MASTERS = [["the owner"], ["a moderator"], ACTORS.filter((name) => name !== "the owner" && name !== "a moderator")] as const;

/** Posts and comments themselves. */
const OF_POSTS: Row[] = [
  at("GET", "/posts/{id}", "anyone", post, (scene) => `/posts/${idOf(scene)}`),
  at("PUT", "/posts/{id}", "signed in", openWholePost, (scene) => `/posts/${idOf(scene)}`, { body: { caption: "changed" }, revealed: THERE }),
  // One after the other, because what they may delete is gone then.
  ...MASTERS.map((actors) =>
    at("DELETE", "/posts/{id}", "signed in", actors[0] === "a moderator" ? whateverIsThere : wholePost, (scene) => `/posts/${idOf(scene)}`, {
      what: actors.length === 1 ? `by ${actors[0]}` : "by others",
      actors,
      revealed: THERE,
    }),
  ),
  at("PUT", "/posts/{id}/like", "signed in", openWholePost, (scene) => `/posts/${idOf(scene)}/like`),
  at("DELETE", "/posts/{id}/like", "signed in", openWholePost, (scene) => `/posts/${idOf(scene)}/like`),
  at("GET", "/posts/{id}/likes", "anyone", openWholePost, (scene) => `/posts/${idOf(scene)}/likes`),
  at("GET", "/posts/{id}/comments", "anyone", (...asked) => (openPost(...asked) === "absent" ? "absent" : "shown"), (scene) => `/posts/${idOf(scene)}/comments`, {
    what: "under the post or what is left of it",
  }),
  at("POST", "/posts/{id}/comments", "signed in", openWholePost, (scene) => `/posts/${idOf(scene)}/comments`, { body: { caption: "an answer" } }),
  at("POST", "/reports", "signed in", (society, { person }, scene) => society.reportsPost(person, scene.post), () => "/reports", {
    what: "of the post",
    bodyOf: (scene) => ({ post_id: idOf(scene), reason: "spam" }),
    revealed: THERE,
  }),
];

/** Lists of posts and comments. */
const LISTS_OF_POSTS: Row[] = [
  among("/posts", "anyone", ifRoot((society, viewer, scene) => (scene.post.followersOnly ? "absent" : acrossPost(society, viewer, scene))), () => "/posts"),
  among("/feed", "signed in", ifRoot((society, viewer, scene) =>
    is(viewer.person, scene.owner) || society.follows.has(viewer.person, scene.owner) ? acrossPost(society, viewer, scene) : "absent"), () => "/feed"),
  among("/tags/{tag}/posts", "anyone", ifRoot((society, viewer, scene) => (scene.post.followersOnly ? "absent" : acrossPost(society, viewer, scene))), ({ tag }) => `/tags/${tag}/posts`),
  among("/users/{username}/posts", "anyone", ifRoot(wholePost), (scene) => `/users/${nameOf(scene)}/posts`),
  among("/posts/{id}/comments", "anyone", (society, { person }, { post: comment, parent }) =>
    parent === null || society.joinsPost(person, parent) === "absent" ? "absent" : society.comesAcross(person, comment), ({ parent }) => `/posts/${parent?.id}/comments`, {
    what: "the comment",
    states: (state) => !isRoot(state),
  }),
  among("/search", "anyone", acrossPost, ({ word }) => `/search?type=posts&q=${word}`, { what: "posts" }),
  {
    route: "GET /search",
    what: "tags",
    asks: "anyone",
    // What only followers may see is for nobody to find among the hashtags.
    rules: ifRoot((society, viewer, scene) => (scene.post.followersOnly ? "absent" : wholePost(society, viewer, scene))),
    look: ({ actor }, { tag }, lists) => lists.finding(actor, `/search?type=tags&q=${tag}`, (item: { tag: string }) => item.tag === tag),
  },
  {
    route: "GET /notifications",
    what: "the post, of which everybody was told",
    asks: "signed in",
    // Nobody is told of what they did themselves.
    rules: (society, viewer, scene) => {
      const { author } = scene.post;
      return is(viewer.person, author) || !society.meetsPerson(viewer.person, author) ? "absent" : acrossPost(society, viewer, scene);
    },
    look: ({ actor }, scene, lists) =>
      lists.finding(actor, "/notifications", ({ post: about }: { post: { id: string } | null }) => about?.id === idOf(scene)),
  },
  {
    route: "GET /notifications",
    what: "the owner, as one who acted",
    asks: "signed in",
    rules: (society, { person }, { owner: acting }) => shownIf(!is(person, acting) && society.meetsPerson(person, acting) && !society.mutes.has(person, acting)),
    look: async ({ actor }, { owner: acting, liked }, lists) => {
      const named = await Promise.all(
        ["like", "comment", "reply"].map((kind) =>
          lists.finding(actor, "/notifications", (item: { kind: string; post: { id: string } | null; actors: Somebody[] }) =>
            item.kind === kind && item.post?.id === liked.id && item.actors.some((one) => is(one, acting))),
        ),
      );
      // Named in some of them only is as wrong as can be.
      return named.every((finding) => finding === named[0]) ? (named[0] ?? "absent") : "stub";
    },
  },
];

/** People, and what one does to them. */
const OF_PEOPLE: Row[] = [
  at("GET", "/users/{username}", "anyone", owner, (scene) => `/users/${nameOf(scene)}`),
  ...(["follow", "block", "mute"] as const).flatMap((what) =>
    (["PUT", "DELETE"] as const).map((method) =>
      at(method, `/users/{username}/${what}`, "signed in", owner, (scene) => `/users/${nameOf(scene)}/${what}`, { revealed: THERE }),
    ),
  ),
  at("DELETE", "/followers/{username}", "signed in", owner, (scene) => `/followers/${nameOf(scene)}`, { revealed: THERE }),
  // The owner has asked to follow nobody; a refusal of nothing is one all the same.
  at("PUT", "/follow-requests/{username}", "signed in", (_, { person }, scene) => shownIf(is(person, scene.owner)), (scene) => `/follow-requests/${nameOf(scene)}`, { revealed: THERE }),
  at("DELETE", "/follow-requests/{username}", "signed in", owner, (scene) => `/follow-requests/${nameOf(scene)}`, { revealed: THERE }),
  at("POST", "/reports", "signed in", owner, () => "/reports", {
    what: "of the owner",
    bodyOf: (scene) => ({ username: nameOf(scene), reason: "spam" }),
    revealed: THERE,
  }),
  at("GET", "/users/{username}/posts", "anyone", ownerAmongOthers, (scene) => `/users/${nameOf(scene)}/posts`, { what: "of the owner" }),
  at("GET", "/users/{username}/followers", "anyone", ownerAmongOthers, (scene) => `/users/${nameOf(scene)}/followers`, { what: "of the owner" }),
  at("GET", "/users/{username}/following", "anyone", ownerAmongOthers, (scene) => `/users/${nameOf(scene)}/following`, { what: "of the owner" }),
];

/** Who asks to follow the owner, of whom not all are to be seen. */
const ASKING = ["a pending follower", "somebody suspended", "one who blocks the owner", "one whom the owner blocks"] as const;

/** Lists of people. */
const LISTS_OF_PEOPLE: Row[] = [
  // Whom one is to discover, one is not oneself.
  ownerAmong("/users", "anyone", (society, viewer, scene) => (is(viewer.person, scene.owner) ? "absent" : ownerAmongOthers(society, viewer, scene)), () => "/users"),
  ownerAmong("/posts/{id}/likes", "anyone", ownerAmongOthers, ({ liked }) => `/posts/${liked.id}/likes`, "the owner, who likes a stranger's post"),
  ownerAmong("/users/{username}/followers", "anyone", ownerAmongOthers, ({ witness }) => `/users/${witness.username}/followers`, "the owner, who follows a stranger"),
  ownerAmong("/users/{username}/following", "anyone", ownerAmongOthers, ({ witness }) => `/users/${witness.username}/following`, "the owner, whom a stranger follows"),
  ownerAmong("/search", "anyone", ownerAmongOthers, (scene) => `/search?type=users&q=${nameOf(scene)}`, "users"),
  // Everybody's name begins alike.
  ownerAmong("/search", "anyone", ownerAmongOthers, (scene) => `/search?type=users&q=${nameOf(scene).replace(/_[^_]*$/, "")}`, "users, by the beginning of a name"),
  ownerAmong("/blocks", "signed in", (society, { person }, scene) => shownIf(society.blocks.has(person, scene.owner) && society.findsPerson(person, scene.owner)), () => "/blocks"),
  ownerAmong("/mutes", "signed in", (society, { person }, scene) => shownIf(society.mutes.has(person, scene.owner) && society.meetsPerson(person, scene.owner)), () => "/mutes"),
  ...ASKING.map((name): Row => ({
    route: "GET /follow-requests",
    what: `${name}, who asks to follow the owner`,
    asks: "signed in",
    rules: (society, { person }, scene) => shownIf(is(person, scene.owner) && society.meetsPerson(person, scene.crowd[name])),
    states: (state) => name === "a pending follower" || STATES.indexOf(state) % 2 === 1,
    look: ({ actor }, scene, lists) => lists.finding(actor, "/follow-requests", ({ id }) => id === scene.crowd[name].id),
  })),
];

export const ROWS: Row[] = [...OF_POSTS, ...LISTS_OF_POSTS, ...OF_PEOPLE, ...LISTS_OF_PEOPLE];

/** Routes at which nothing of others is to be seen, and why. */
export const NOTHING_OF_OTHERS: Record<string, string> = {
  "GET /.well-known/jwks.json": "public keys",
  "GET /health": "no data",
  "GET /health/ready": "no data",
  "GET /profile": "one's own",
  "PATCH /profile": "one's own",
  "GET /auth/sessions": "one's own",
  "DELETE /auth/sessions/{id}": "one's own: tests/api/sessions.spec.ts",
  "POST /notifications/read": "one's own",
  "POST /posts": "what one writes",
  "POST /auth/email": "one's own",
  "POST /auth/email/resend": "one's own",
  "POST /auth/email/verify": "whose mail it is: tests/api/email.spec.ts",
  "POST /auth/login": "one's own",
  "POST /auth/logout": "one's own",
  "POST /auth/password": "one's own",
  "POST /auth/password/forgot": "nobody is told who has an account: tests/api/password-reset.spec.ts",
  "POST /auth/password/reset": "whose mail it is",
  "POST /auth/refresh": "one's own",
  "POST /auth/register": "nobody is told who has an account: tests/api/registration.spec.ts",
  "POST /setup": "whose link it is",
  "GET /admin/reports": "moderators alone, and whatever is reported: tests/api/moderation.spec.ts",
  "POST /admin/reports/{id}/resolve": "moderators alone: tests/api/moderation.spec.ts",
  "GET /admin/audit": "admins alone, and ids only: tests/api/roles.spec.ts",
  "GET /admin/users": "moderators alone, and everybody: tests/api/roles.spec.ts",
  "PATCH /admin/users/{username}": "admins alone: tests/api/roles.spec.ts",
};
