/**
 * What people of the town do. A route that changes something which is counted, found by its words or kept apart has
 * its place here.
 */
import type { PersonActor } from "../person.ts";
import type { Known, Town } from "./town.ts";

export interface Operation {
  /** As in `openapi.json`, below the base path. */
  route: string;
  /** How often it is done, beside the others. */
  weight: number;
  /** With what it is refused besides, where what it names is gone or not theirs. */
  refusal?: number;
  /** Does it; nothing where there is nothing yet to do it to. */
  act(town: Town): Promise<Response | undefined>;
}

/** Somebody does something to a post. */
function toPost(route: string, weight: number, act: (town: Town, person: PersonActor, post: Known) => Promise<Response>): Operation {
  const toAny = async (town: Town) => {
    const post = town.post();
    return post === undefined ? undefined : act(town, town.person(), post);
  };
  return { route, weight, act: toAny };
}

/** Somebody does something to somebody. */
function toPerson(method: string, template: string, weight: number): Operation {
  const act = async (town: Town) => {
    const [person, other] = [town.person(), town.person()];
    return person === other ? undefined : person.fetch(method, template.replace("{username}", other.username));
  };
  return { route: `${method} ${template}`, weight, act };
}

/** Writes something, which others know of from then on. */
async function write(town: Town, author: PersonActor, path: string, body: object): Promise<Response> {
  const response = await author.fetch("POST", path, body);
  if (response.ok) town.posts.push({ id: ((await response.clone().json()) as { id: string }).id, author });
  return response;
}

export const OPERATIONS: Operation[] = [
  {
    route: "POST /posts",
    weight: 10,
    // `reply_to` is a part of what is sent.
    refusal: 422,
    act: (town) => {
      const replied = town.random.fraction() < 0.2 ? town.post() : undefined;
      const to = replied === undefined ? { visibility: town.random.fraction() < 0.3 ? "followers" : "public" } : { reply_to: replied.id };
      return write(town, town.person(), "/posts", { caption: town.caption(), ...to });
    },
  },
  toPost("PUT /posts/{id}", 5, (town, _, { id, author }) => author.fetch("PUT", `/posts/${id}`, { caption: town.caption() })),
  toPost("DELETE /posts/{id}", 6, (town, _, { id, author }) => (town.random.fraction() < 0.2 ? town.admin : author).fetch("DELETE", `/posts/${id}`)),
  toPost("PUT /posts/{id}/like", 20, (_, person, { id }) => person.fetch("PUT", `/posts/${id}/like`)),
  toPost("DELETE /posts/{id}/like", 10, (_, person, { id }) => person.fetch("DELETE", `/posts/${id}/like`)),
  toPost("POST /posts/{id}/comments", 12, (town, person, { id }) => write(town, person, `/posts/${id}/comments`, { caption: town.caption() })),
  toPerson("PUT", "/users/{username}/follow", 14),
  toPerson("DELETE", "/users/{username}/follow", 5),
  toPerson("DELETE", "/followers/{username}", 2),
  toPerson("PUT", "/follow-requests/{username}", 6),
  toPerson("DELETE", "/follow-requests/{username}", 2),
  toPerson("PUT", "/users/{username}/block", 4),
  toPerson("DELETE", "/users/{username}/block", 6),
  toPerson("PUT", "/users/{username}/mute", 2),
  toPerson("DELETE", "/users/{username}/mute", 2),
  {
    route: "PATCH /profile",
    weight: 4,
    act: (town) => town.person().fetch("PATCH", "/profile", { locked: town.random.fraction() < 0.5 }),
  },
  {
    route: "POST /notifications/read",
    weight: 4,
    act: (town) => town.person().fetch("POST", "/notifications/read", { up_to: town.random.below(200) }),
  },
  {
    route: "PATCH /admin/users/{username}",
    weight: 3,
    act: (town) => town.admin.fetch("PATCH", `/admin/users/${town.person().username}`, { status: town.random.fraction() < 0.3 ? "suspended" : "active" }),
  },
  toPost("POST /reports", 3, (_, person, { id }) => person.fetch("POST", "/reports", { post_id: id, reason: "other" })),
  {
    route: "POST /admin/reports/{id}/resolve",
    weight: 2,
    act: async (town) => {
      const { data } = await town.admin.expect<{ data: { id: string }[] }>(200, "GET", "/admin/reports");
      const report = data.length === 0 ? undefined : town.random.choose(data);
      const action = town.random.choose(["dismiss", "remove_post", "remove_post", "warn", "suspend"]);
      return report === undefined ? undefined : town.admin.fetch("POST", `/admin/reports/${report.id}/resolve`, { action });
    },
  },
];
