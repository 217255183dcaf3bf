/** The actors of the stories: people with an account, and the one without. */
import { expect } from "vitest";
import { holdToDocument } from "./openapi.ts";
import type { Like, Me, Notifications, Page, Post, Relation, ShortPerson, Stub, Tokens } from "./shapes.ts";

export const BASE = "/api/v1";

export type Headers = Record<string, string>;

/** Somebody with a username. */
export interface Named {
  username: string;
}

/** Speaks HTTP to the worker under test; paths are below the API's base path. */
export class Actor {
  readonly #url: URL;
  readonly #headers: Headers;

  constructor(url: URL, headers: Headers = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  /**
   * One request. A string or bytes travel as they are, anything else as JSON; both are called
   * `application/json` unless `headers` say otherwise. Its answer is held to `openapi.json`.
   */
  async fetch(method: string, path: string, body?: unknown, headers: Headers = {}): Promise<Response> {
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const init: RequestInit = { method, redirect: "manual" };
    if (body !== undefined) init.body = raw ? body : JSON.stringify(body);
    const content: Headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(new URL(`${BASE}${path}`, this.#url), {
      ...init,
      headers: { ...content, ...this.#headers, ...headers },
    });
    await holdToDocument({ method, path: `${BASE}${path}`, body, response });
    return response;
  }

  /** A request that must succeed with this status; answers its JSON. */
  async expect<T>(status: number, method: string, path: string, body?: unknown, headers: Headers = {}): Promise<T> {
    const response = await this.fetch(method, path, body, headers);
    const text = await response.text();
    expect({ status: response.status, text }).toMatchObject({ status });
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  readonly posts = {
    create: (post: { caption: string; visibility?: string }) => this.expect<Post>(201, "POST", "/posts", post),
    read: ({ id }: { id: string }) => this.expect<Post>(200, "GET", `/posts/${id}`),
    delete: ({ id }: { id: string }) => this.expect<void>(204, "DELETE", `/posts/${id}`),
    list: (query = "") => this.expect<Page<Post>>(200, "GET", `/posts${query}`),
    edit: ({ id }: { id: string }, caption: string) => this.expect<Post>(200, "PUT", `/posts/${id}`, { caption }),
    ofTag: (tag: string, query = "") => this.expect<Page<Post>>(200, "GET", `/tags/${encodeURIComponent(tag)}/posts${query}`),
    of: ({ username }: { username: string }, query = "") => this.expect<Page<Post>>(200, "GET", `/users/${username}/posts${query}`),
  };

  comment({ id }: { id: string }, caption: string): Promise<Post> {
    return this.expect(201, "POST", `/posts/${id}/comments`, { caption });
  }

  comments({ id }: { id: string }, query = ""): Promise<Page<Post | Stub>> {
    return this.expect(200, "GET", `/posts/${id}/comments${query}`);
  }

  like({ id }: { id: string }): Promise<Like> {
    return this.expect(200, "PUT", `/posts/${id}/like`);
  }

  unlike({ id }: { id: string }): Promise<Like> {
    return this.expect(200, "DELETE", `/posts/${id}/like`);
  }

  likers({ id }: { id: string }, query = ""): Promise<Page<ShortPerson>> {
    return this.expect(200, "GET", `/posts/${id}/likes${query}`);
  }

  follow({ username }: Named): Promise<Relation> {
    return this.expect(200, "PUT", `/users/${username}/follow`);
  }

  unfollow({ username }: Named): Promise<Relation> {
    return this.expect(200, "DELETE", `/users/${username}/follow`);
  }

  block({ username }: Named): Promise<Relation> {
    return this.expect(200, "PUT", `/users/${username}/block`);
  }

  unblock({ username }: Named): Promise<Relation> {
    return this.expect(200, "DELETE", `/users/${username}/block`);
  }

  mute({ username }: Named): Promise<Relation> {
    return this.expect(200, "PUT", `/users/${username}/mute`);
  }

  unmute({ username }: Named): Promise<Relation> {
    return this.expect(200, "DELETE", `/users/${username}/mute`);
  }

  /** Lets somebody follow who has asked to. */
  accept({ username }: Named): Promise<Relation> {
    return this.expect(200, "PUT", `/follow-requests/${username}`);
  }

  refuse({ username }: Named): Promise<void> {
    return this.expect(204, "DELETE", `/follow-requests/${username}`);
  }

  removeFollower({ username }: Named): Promise<void> {
    return this.expect(204, "DELETE", `/followers/${username}`);
  }

  /** A list of people, by the path of the list. */
  people(path: string): Promise<Page<ShortPerson>> {
    return this.expect(200, "GET", path);
  }

  notifications(query = ""): Promise<Notifications> {
    return this.expect(200, "GET", `/notifications${query}`);
  }

  markRead(upTo: number): Promise<void> {
    return this.expect(204, "POST", "/notifications/read", { up_to: upTo });
  }
}

/** Everything that makes a person: the account, how to log in, and one session. */
export interface Account {
  id: string;
  username: string;
  email: string;
  password: string;
  accessToken: string;
  /** Empty for people made in bulk. */
  refreshToken: string;
}

/** Somebody with an account, signed in on one device. */
export class PersonActor extends Actor implements Account {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly #url: URL;
  readonly #account: Account;

  constructor(url: URL, account: Account) {
    super(url, { authorization: `Bearer ${account.accessToken}` });
    this.#url = url;
    this.#account = account;
    this.id = account.id;
    this.username = account.username;
    this.email = account.email;
    this.password = account.password;
    this.accessToken = account.accessToken;
    this.refreshToken = account.refreshToken;
  }

  profile(): Promise<Me> {
    return this.expect(200, "GET", "/profile");
  }

  /** Lets nobody follow from now on who was not accepted; or lets everybody. */
  lock(locked = true): Promise<Me> {
    return this.expect(200, "PATCH", "/profile", { locked });
  }

  /** The same person signed in on another device. */
  async onAnotherDevice(): Promise<PersonActor> {
    const anonymous = new Actor(this.#url);
    const { access_token: accessToken, refresh_token: refreshToken } = await anonymous.expect<Tokens>(200, "POST", "/auth/login", {
      username: this.username,
      password: this.password,
    });
    return new PersonActor(this.#url, { ...this.#account, accessToken, refreshToken });
  }
}
