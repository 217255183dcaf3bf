/**
 * The worker that the tests run: the built Kith, unchanged, with recorded bindings, and beside it a
 * control surface under a path that Kith does not have. Runs in workerd, in Kith's own isolate, so
 * that nothing lies between a request and the code under test.
 */
import Kith from "kith-under-test";
import { LaggingD1, Replication } from "./lagging-database.ts";
import type { Context, D1Session, Entrypoint, Env, Message, MessageBatch, ScheduledController } from "./platform.ts";
import type {
  BarrierPlan,
  BatchedStatement,
  BatchReport,
  Delivery,
  DeliveryReport,
  FaultPlan,
  Invocation,
  Lag,
  MessageVerdict,
  Rewriting,
  SessionBatch,
  SessionReport,
} from "./protocol.ts";
import { CONTROL_PREFIX, INVOCATION_HEADER } from "./protocol.ts";
import { QUEUES, recordedBindings } from "./recorded-bindings.ts";
import { Recorder } from "./recorder.ts";

const recorder = new Recorder();
const replication = new Replication();

/** The environment, with its database a lagging one if it has a replica. */
function withReplica(env: Env): Env {
  return env.REPLICA === undefined ? env : { ...env, DB: new LaggingD1(env.DB, env.REPLICA, replication) };
}

/** Lets the replica have all that the primary has, and says how far it was behind. */
async function catchUp({ REPLICA }: Env): Promise<Lag> {
  if (REPLICA === undefined) throw new Error("there is no replica");
  const { version, applied } = replication;
  await replication.catchUp(REPLICA, version);
  return { version, applied };
}

/** Lets the recorder see what is left to `waitUntil`. */
function watchBackground(context: Context, invocation: Invocation): void {
  const waitUntil = context.waitUntil.bind(context);
  Object.defineProperty(context, "waitUntil", {
    configurable: true,
    value: (promise: Promise<unknown>) => {
      invocation.background += 1;
      waitUntil(
        promise.finally(() => {
          invocation.background -= 1;
        }),
      );
    },
  });
}

async function invoke<T>(
  invocation: Invocation,
  env: Env,
  context: Context,
  call: (kith: Entrypoint) => Promise<T>,
): Promise<T> {
  watchBackground(context, invocation);
  const kith = new Kith(context, recordedBindings(withReplica(env), { recorder, invocation }));
  try {
    return await call(kith);
  } finally {
    invocation.answered = true;
  }
}

async function deliver({ queue, messages }: Delivery, env: Env, context: Context): Promise<DeliveryReport> {
  const verdicts: MessageVerdict[] = messages.map(({ id }) => ({ id, verdict: "undecided", delaySeconds: null }));
  const decide = (index: number, verdict: "acked" | "retried", delaySeconds: number | null) => {
    const decision = verdicts[index];
    // As in production, the first decision stands.
    if (decision?.verdict === "undecided") Object.assign(decision, { verdict, delaySeconds });
  };
  const every = (verdict: "acked" | "retried", delaySeconds: number | null) =>
    messages.forEach((_, index) => decide(index, verdict, delaySeconds));
  const batch: MessageBatch = {
    queue,
    messages: messages.map(
      ({ id, body, attempts }, index): Message => ({
        id,
        body,
        attempts,
        timestamp: new Date(),
        ack: () => decide(index, "acked", null),
        retry: (options) => decide(index, "retried", options?.delaySeconds ?? null),
      }),
    ),
    ackAll: () => every("acked", null),
    retryAll: (options) => every("retried", options?.delaySeconds ?? null),
  };
  const invocation = recorder.begin("queue", queue);
  let threw: string | null = null;
  try {
    await invoke(invocation, env, context, (kith) => kith.queue(batch));
  } catch (error) {
    threw = String(error);
  }
  return { invocation: invocation.number, messages: verdicts, threw };
}

async function sweep(cron: string, env: Env, context: Context): Promise<number> {
  const invocation = recorder.begin("scheduled", cron);
  const controller: ScheduledController = { cron, scheduledTime: Date.now(), noRetry: () => undefined };
  await invoke(invocation, env, context, (kith) => kith.scheduled(controller));
  return invocation.number;
}

/** Waits until nothing is under way; answers what still is when the deadline has passed. */
async function settle(withinMs: number): Promise<string | null> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const unsettled = recorder.unsettled();
    if (unsettled === null || Date.now() > deadline) return unsettled;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** One trip to D1 by the tests themselves, in the steps of Kith's own adapter; recorded nowhere. */
async function runBatch(statements: BatchedStatement[], database: D1Session): Promise<BatchReport> {
  try {
    const prepared = statements.map(({ sql, params }) =>
      params.length === 0 ? database.prepare(sql) : database.prepare(sql).bind(...params),
    );
    return { json: JSON.stringify(await database.batch(prepared)) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function runInSession({ begins, statements }: SessionBatch, { DB }: Env): Promise<SessionReport> {
  const session: D1Session = begins === null ? DB : DB.withSession(begins);
  const before = session.getBookmark?.() ?? null;
  const report = await runBatch(statements, session);
  return { ...report, before, bookmark: session.getBookmark?.() ?? null };
}

/** What the tests may ask for, by verb. */
async function control(verb: string, input: unknown, env: Env, context: Context): Promise<unknown> {
  switch (verb) {
    case "faults":
      recorder.plan(input as FaultPlan[]);
      return null;
    case "struck":
      return recorder.faults();
    case "rewrite":
      recorder.rewrite(input as Rewriting | null);
      return null;
    case "overlap":
      return recorder.overlap();
    case "open-barrier":
      recorder.openBarrier();
      return null;
    case "watch-overlap":
      recorder.watchOverlap(input as BarrierPlan | null);
      return null;
    case "invocation":
      return recorder.invocation(input as number) ?? null;
    case "invocations-since":
      return recorder.since(input as number);
    case "statements":
      return recorder.statements();
    case "settle":
      return settle(input as number);
    case "deliver":
      return deliver(input as Delivery, env, context);
    case "batch":
      return runBatch(input as BatchedStatement[], withReplica(env).DB);
    case "session":
      return runInSession(input as SessionBatch, env);
    case "catch-up":
      return catchUp(env);
    case "scheduled":
      return sweep(input as string, env, context);
    default:
      throw new Error(`no such verb: ${verb}`);
  }
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith(CONTROL_PREFIX)) {
      const answer = await control(pathname.slice(CONTROL_PREFIX.length), await request.json(), env, context);
      return Response.json(answer);
    }
    const invocation = recorder.begin("fetch", `${request.method} ${pathname}`);
    const response = await invoke(invocation, env, context, (kith) => kith.fetch(request));
    const named = new Response(response.body, response);
    named.headers.set(INVOCATION_HEADER, String(invocation.number));
    return named;
  },

  async queue(batch: MessageBatch, env: Env, context: Context): Promise<void> {
    const invocation = recorder.begin("queue", batch.queue);
    if (QUEUES.includes(batch.queue)) {
      recorder.messagesReceived(batch.messages.filter(({ attempts }) => attempts === 1).length);
    }
    await invoke(invocation, env, context, (kith) => kith.queue(batch));
  },

  async scheduled(controller: ScheduledController, env: Env, context: Context): Promise<void> {
    const invocation = recorder.begin("scheduled", controller.cron);
    await invoke(invocation, env, context, (kith) => kith.scheduled(controller));
  },
};
