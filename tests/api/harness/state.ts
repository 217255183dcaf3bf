/**
 * State written to and read from D1 directly: what came to be before a story begins and is not what it is about
 * (follows and blocks, comments and removals that nobody is told of, roles without somebody who gives them), people
 * by the hundred (each registration costs an Argon2id hash), and jobs that are due at once (a test does not sleep).
 * What a story is about is done by its route.
 */
import { randomUUID } from "node:crypto";
import type { Keys } from "./keys.ts";
import type { Account } from "./person.ts";
import type { DeliveredMessage } from "./protocol.ts";
import type { AuditEvent } from "./shapes.ts";

/** Larger parameters travel badly; D1 takes 2 MB a row and 100 KB a statement. */
const BULK_ROWS = 1_000;

/** As much of D1 as is needed here, so that its file can be read the same way. */
export interface Queryable {
  prepare(sql: string): Query;
}

export interface Query {
  bind(...values: unknown[]): Query;
  all(): Promise<{ results: Record<string, unknown>[] }>;
  run(): Promise<unknown>;
}

export interface JobRow {
  id: string;
  payload: string;
  request_id: string;
  trace_id: string;
  attempts: number;
  due_at: number | null;
  created_at: number;
  dead_at: number | null;
  leased_until: number | null;
  failures: number;
}

let sequence = 0;

/** A version 7 UUID of the given moment, greater than every earlier one of this process. */
export function uuidV7(atMs = Date.now()): string {
  sequence += 1;
  const time = atMs.toString(16).padStart(12, "0");
  const order = (sequence & 0xfff).toString(16).padStart(3, "0");
  const rest = randomUUID().slice(19);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-${rest}`;
}

export class State {
  readonly #database: Queryable;
  readonly #keys: Keys;

  constructor(database: Queryable, keys: Keys) {
    this.#database = database;
    this.#keys = keys;
  }

  #prepare(sql: string, params: unknown[]): Query {
    const statement = this.#database.prepare(sql);
    return params.length === 0 ? statement : statement.bind(...params);
  }

  async rows<T>(sql: string, ...params: unknown[]): Promise<T[]> {
    return (await this.#prepare(sql, params).all()).results as T[];
  }

  async number(sql: string, ...params: unknown[]): Promise<number> {
    const [row] = await this.rows<Record<string, number>>(sql, ...params);
    return Object.values(row ?? {})[0] ?? Number.NaN;
  }

  async run(sql: string, ...params: unknown[]): Promise<void> {
    await this.#prepare(sql, params).run();
  }

  /** Rows of every table of Kith, so that a test can say: nothing was stored. */
  async rowCounts(): Promise<Record<string, number>> {
    const tables = await this.rows<{ name: string }>(
      `select name from sqlite_schema where type = 'table' and name not like 'sqlite%'
       and name not like '\\_%' escape '\\' and name not like 'd1\\_%' escape '\\'`,
    );
    const counts = tables.map(({ name }) => `(select count(*) from "${name}") as "${name}"`);
    const [totals] = await this.rows<Record<string, number>>(`select ${counts.join(", ")}`);
    return totals ?? {};
  }

  /** Every counter that does not equal what it counts, said in words; empty when all is well. */
  async wrongCounters(): Promise<string[]> {
    const counters = [
      `select 'likes of post ' || id || ': ' || like_count as what from posts
       where like_count <> (select count(*) from likes where likes.post_id = posts.id)`,
      `select 'posts of ' || username || ': ' || post_count as what from users
       where post_count <> (
         select count(*) from posts
         where author_id = users.id and reply_to is null and deleted_at is null and removed_at is null
       )`,
      `select 'comments of post ' || id || ': ' || comment_count as what from posts
       where comment_count <> (
         select count(*) from posts as reply
         where reply.reply_to = posts.id and reply.deleted_at is null and reply.removed_at is null
       )`,
      `select 'follows of ' || username || ': ' || following_count || ', asked ' || requested_count as what from users
       where following_count <> (select count(*) from follows where follower_id = users.id and state = 'accepted')
         or requested_count <> (select count(*) from follows where follower_id = users.id and state = 'pending')`,
      `select 'followers of ' || username || ': ' || follower_count as what from users
       where follower_count <> (select count(*) from follows where followee_id = users.id and state = 'accepted')`,
      `select 'two rows of a follow: ' || follower_id || ' of ' || followee_id as what from follows
       group by follower_id, followee_id having count(*) > 1`,
      `select 'unread of ' || user_id || ': ' || unread_count as what from inboxes
       where unread_count <> (
         select count(*) from notifications where recipient_id = user_id and seq > read_seq
       )`,
      `select 'numbers of ' || user_id || ': ' || last_seq as what from inboxes
       where last_seq < (select max(seq) from notifications where recipient_id = user_id)`,
      `select 'told of ' || subject_id || ': ' || actor_count as what from notifications as shown
       where actor_count <> (
         select count(*) from told
         where told.recipient_id = shown.recipient_id and told.kind = shown.kind
           and told.subject_id = shown.subject_id
       )`,
    ];
    // One by one: D1 takes five parts of a compound at most.
    const wrong = await Promise.all(counters.map((sql) => this.rows<{ what: string }>(sql)));
    return wrong.flat().map(({ what }) => what);
  }

  async follow(follower: Account, followee: Account, state: "pending" | "accepted" = "accepted"): Promise<void> {
    const accepted = Number(state === "accepted");
    await this.run("insert into follows values (?1, ?2, ?3, ?4)", follower.id, followee.id, state, Date.now());
    const counts = "following_count = following_count + ?2, requested_count = requested_count + ?3";
    await this.run(`update users set ${counts} where id = ?1`, follower.id, accepted, 1 - accepted);
    await this.run("update users set follower_count = follower_count + ?2 where id = ?1", followee.id, accepted);
  }

  async block(blocker: Account, blocked: Account): Promise<void> {
    await this.run("insert into blocks values (?1, ?2, ?3)", blocker.id, blocked.id, Date.now());
  }

  async mute(muter: Account, muted: Account): Promise<void> {
    await this.run("insert into mutes values (?1, ?2, ?3)", muter.id, muted.id, Date.now());
  }

  async suspend({ id }: Account): Promise<void> {
    await this.run("update users set status = 'suspended', version = version + 1 where id = ?1", id);
  }

  /** What is left to tell somebody, as its cause would leave it, with the wake-up call lost; answers that. */
  async leaveNews(kind: string, news: { post?: { id: string }; by?: Account; to: Account }): Promise<DeliveredMessage> {
    const { post, by, to } = news;
    return this.leaveJob({ kind, post_id: post?.id, actor_id: by?.id, recipient_id: to.id });
  }

  /** A job, with the wake-up call lost; answers that. */
  async leaveJob(payload: Record<string, unknown>): Promise<DeliveredMessage> {
    const id = uuidV7();
    const now = Date.now();
    await this.run(
      `insert into jobs (id, payload, request_id, trace_id, due_at, created_at)
       values (?1, ?2, 'test', 'test', ?3, ?4)`,
      id,
      JSON.stringify(payload),
      now + 3_600_000,
      now,
    );
    return this.messageOf((await this.rows<JobRow>("select * from jobs where id = ?1", id))[0]);
  }

  /** As at the console: the first admin comes by no route but the link. */
  async setRole({ id }: Account, role: "user" | "moderator" | "admin"): Promise<void> {
    await this.run("update users set role = ?2, version = version + 1, standing_version = standing_version + 1 where id = ?1", id, role);
  }

  /** Lets there be no admin. */
  async dismissAdmins(): Promise<void> {
    await this.run("update users set role = 'user' where role = 'admin'");
  }

  /** The audit log about these accounts, oldest first. */
  async events(...accounts: { id: string }[]): Promise<(Omit<AuditEvent, "at" | "details"> & { at: number; details: string })[]> {
    const ids = JSON.stringify(accounts.map(({ id }) => id));
    return this.rows("select * from audit_events where account_id in (select value from json_each(?1)) order by id", ids);
  }

  /** Out of everyone's sight, without a moderator who did it: the index of words is left as it is. */
  async removePost({ id }: { id: string }): Promise<void> {
    await this.run("update users set post_count = post_count - 1 where id = (select author_id from posts where id = ?1 and reply_to is null)", id);
    await this.run("update posts set comment_count = comment_count - 1 where id = (select reply_to from posts where id = ?1)", id);
    await this.run("update posts set removed_at = ?2 where id = ?1", id, Date.now());
  }

  /** A comment of which nobody is told: it has its root's visibility and audience. */
  async comment(author: Account, root: { id: string; visibility: string; author: { id: string } }, caption = "a comment"): Promise<{ id: string }> {
    const id = uuidV7();
    await this.run(
      `insert into posts (id, author_id, caption, visibility, reply_to, audience_id, created_at, number)
       values (?1, ?2, ?7, ?3, ?4, ?5, ?6, (select coalesce(max(number), 0) + 1 from posts))`,
      id,
      author.id,
      root.visibility,
      root.id,
      root.author.id,
      Date.now(),
      caption,
    );
    await this.run("update posts set comment_count = comment_count + 1 where id = ?1", root.id);
    await this.run("insert into posts_text (rowid, caption, audience) select number, caption, audience from posts where id = ?1", id);
    return { id };
  }

  /** The jobs that concern this post. */
  async jobsOf({ id }: { id: string }): Promise<JobRow[]> {
    return this.rows<JobRow>("select * from jobs where instr(payload, ?1) > 0 order by id", id);
  }

  /** The mails still to be sent; of those that concern somebody, if that is said. */
  async letters(about?: { id: string }): Promise<JobRow[]> {
    const sql = "select * from jobs where payload ->> 'kind' = 'mail' and instr(payload, ?1) > 0 order by id";
    return this.rows<JobRow>(sql, about?.id ?? "");
  }

  /** The message that wakes a job. */
  messageOf(job: JobRow | undefined): DeliveredMessage {
    if (job === undefined) throw new Error("there is no such job");
    const { id, request_id, trace_id, payload } = job;
    return { id: randomUUID(), body: { id, request_id, trace_id, job: JSON.parse(payload) as unknown }, attempts: 1 };
  }

  /** A mail that no route asks for yet. */
  async write(letter: { letter: string } & Record<string, unknown>, createdAt = Date.now()): Promise<string> {
    const id = uuidV7();
    await this.run(
      `insert into jobs (id, payload, request_id, trace_id, due_at, created_at)
       values (?1, ?2, 'test', 'test', 1, ?3)`,
      id,
      JSON.stringify({ kind: "mail", ...letter }),
      createdAt,
    );
    return id;
  }

  /** Lets the time have passed for which a mail is in somebody's hands or put off; wakes a dead one. */
  async makeLetterDue(id: string): Promise<void> {
    await this.run("update jobs set due_at = 1, leased_until = null, dead_at = null where id = ?1", id);
  }

  /** Lets the grace time of this post's jobs have passed. */
  async makeDue({ id }: { id: string }): Promise<void> {
    await this.run(
      "update jobs set due_at = 1 where instr(payload, ?1) > 0 and dead_at is null and due_at is not null",
      id,
    );
  }

  /** Signed-in people by the hundred, without a password anyone knows. */
  async people(name: string, count: number): Promise<Account[]> {
    const now = Date.now();
    const tag = randomUUID().slice(0, 8);
    const people = Array.from({ length: count }, (_, index) => {
      const username = `${name}_${tag}_${index}`;
      return { id: uuidV7(now), session: uuidV7(now), username, email: `${username}@example.com` };
    });
    for (let start = 0; start < people.length; start += BULK_ROWS) {
      const rows = JSON.stringify(people.slice(start, start + BULK_ROWS));
      await this.run(
        `insert into users (id, username, email, password_hash, display_name, created_at, number)
         select value ->> 'id', value ->> 'username', value ->> 'email', '', 'Crowd ' || (value ->> 'username'), ?2,
           (select coalesce(max(number), 0) from users) + key + 1
         from json_each(?1)`,
        rows,
        now,
      );
      await this.run(
        `insert into users_text (rowid, username, display_name)
         select u.number, u.username, u.display_name
         from json_each(?1) made cross join users u on u.id = made.value ->> 'id'`,
        rows,
      );
      await this.run(
        `insert into sessions (id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at)
         select value ->> 'session', value ->> 'id', 'test', value ->> 'session', ?2, ?2, ?2, ?3
         from json_each(?1)`,
        rows,
        now,
        now + 86_400_000,
      );
    }
    return people.map(({ id, session, username, email }) => ({
      id,
      username,
      email,
      password: "",
      accessToken: this.#keys.sign(this.#keys.claims(id, session)),
      refreshToken: "",
    }));
  }
}
