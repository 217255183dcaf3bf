/**
 * What a program in TypeScript may and may not write. It is never run: `tsc` must take it, and refuse what
 * stands under each `@ts-expect-error`, both here and where the package is installed.
 */
import { createClient, entries, isProblem, pages, Problem } from "@kith/client";
import type { AnswerOf, Client, Notification, Post, ProblemCode, Registered } from "@kith/client";

/** `any` is the same as nothing. */
type Same<One, Other> = [One, Other] extends [Other, One] ? (0 extends One & 1 ? false : true) : false;

/** Compiles only if the two types are the same. */
function same<One, Other>(is: Same<One, Other>): boolean {
  return is;
}

export async function write(kith: Client): Promise<Post> {
  const { data, status } = await kith.createPost({ body: { caption: "Fog", visibility: "followers" }, idempotencyKey: "draft-7" });
  same<typeof data, Post>(true);
  same<typeof status, 201>(true);
  // @ts-expect-error: a post needs a caption
  await kith.createPost({ body: {} });
  // @ts-expect-error: there is no such field
  await kith.createPost({ body: { caption: "Fog", captoin: "" } });
  // @ts-expect-error: nor such a value
  await kith.createPost({ body: { caption: "Fog", visibility: "friends" } });
  // @ts-expect-error: a post needs a body
  await kith.createPost();
  return data;
}

export async function ask(kith: Client): Promise<void> {
  await kith.getMyProfile();
  await kith.getPost({ path: { id: "p" }, signal: AbortSignal.timeout(1_000), headers: { "X-Request-Id": "mine" } });
  // @ts-expect-error: which post?
  await kith.getPost();
  // @ts-expect-error: a post has an id
  await kith.getPost({ path: { name: "p" } });
  // @ts-expect-error: it creates nothing, so it takes no key
  await kith.getPost({ path: { id: "p" }, idempotencyKey: "k" });
  // @ts-expect-error: the client sends the token itself
  await kith.getPost({ path: { id: "p" }, headers: { Authorization: "Bearer mine" } });
  // @ts-expect-error: a limit is a number
  await kith.listPosts({ query: { limit: "20" } });
  // @ts-expect-error: there is no such operation
  await kith.getWeather();
  await kith.login({ body: { email: "asha@example.com", password: "a horse of my own" } });
  // @ts-expect-error: one of the two, a name or an address
  await kith.login({ body: { password: "a horse of my own" } });
}

export async function signUp(kith: Client): Promise<string | null> {
  const answer = await kith.register({ body: { username: "asha", email: "asha@example.com", password: "a horse of my own" } });
  if (answer.status === 202) {
    same<typeof answer.data.status, "verify_email">(true);
    return null;
  }
  same<typeof answer.data, Registered>(true);
  return answer.data.user.username;
}

export async function poll(kith: Client, etag: string): Promise<number> {
  const plain = await kith.listNotifications();
  same<typeof plain.status, 200>(true);
  const polled = await kith.listNotifications({ headers: { "If-None-Match": etag } });
  same<typeof polled, AnswerOf<"listNotifications">>(true);
  // @ts-expect-error: nothing may be new
  same<number, typeof polled.data.unread_count>(true);
  return polled.status === 304 ? 0 : polled.data.unread_count;
}

export async function walk(kith: Client): Promise<void> {
  for await (const post of entries(kith.listPosts, { query: { limit: 100 } })) same<typeof post, Post>(true);
  for await (const liker of entries(kith.listLikes, { path: { id: "p" } })) same<typeof liker.username, string>(true);
  for await (const page of pages(kith.listNotifications)) {
    same<typeof page.unread_count, number>(true);
    same<typeof page.data, Notification[]>(true);
  }
  // @ts-expect-error: the likes of which post?
  entries(kith.listLikes);
  // @ts-expect-error: a post is no list
  entries(kith.getPost, { path: { id: "p" } });
}

export function explain(error: unknown): string {
  if (isProblem(error, "username_taken", "email_taken")) {
    same<typeof error, Problem<"username_taken" | "email_taken">>(true);
    return error.code === "email_taken" ? "Sign in?" : "Take another name.";
  }
  if (isProblem(error)) {
    same<typeof error.code, ProblemCode>(true);
    return error.errors.map(({ pointer, code }) => `${pointer} ${code}`).join() || error.detail;
  }
  // @ts-expect-error: there is no such code
  if (isProblem(error, "username_token")) return "";
  return String(error);
}

export const kith: Client = createClient({
  baseUrl: new URL("https://kith.example.com"),
  tokens: { load: () => null, save: async () => undefined },
  onSignedOut: (why) => explain(why),
  retry: { attempts: 2 },
  fetch,
});

// @ts-expect-error: where is Kith?
createClient({});
