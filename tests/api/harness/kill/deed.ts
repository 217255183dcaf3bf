/** One request of a client's, and what becomes of it: acknowledged, refused, or nobody knows. */
import type { Actor } from "../person.ts";
import type { Load } from "./load.ts";
import type { Kind } from "./tally.ts";

/** What is asked for, and what its answer, or the want of one, says. */
export interface Deed<T> {
  kind: Kind;
  method: string;
  path: string;
  body?: unknown;
  /** The status of success. */
  status: number;
  acknowledged(answer: T): void;
  /** Nobody answered: says how to tell later whether it happened. Absent where nothing is written. */
  unanswered?: () => () => boolean | null;
  /** Whether the post may have been deleted meanwhile, so that nothing happens. */
  mayBeGone?: () => boolean;
}

interface Answer {
  status: number;
  text: string;
}

/** Asks, and has the deed note what came of it. Only a whole answer acknowledges anything. */
export async function perform<T>(actor: Actor, load: Load, deed: Deed<T>): Promise<void> {
  const answer = await ask(actor, deed);
  if (answer?.status === deed.status) {
    load.acknowledged(deed.kind);
    deed.acknowledged((answer.text === "" ? undefined : JSON.parse(answer.text)) as T);
    return;
  }
  if (answer?.status === 404 && deed.mayBeGone?.()) return;
  const asked = `${deed.method} ${deed.path}`;
  if (answer === null && !load.over) load.failed(`${asked} was not answered, before any kill`);
  else if (!load.over) load.found({ kind: "wrong", what: `${asked} was answered with ${answer?.status} ${answer?.text}, before any kill` });
  if (deed.unanswered === undefined) return;
  load.unanswered.push({ kind: deed.kind, happened: deed.unanswered() });
}

/** `null` for no answer, or only part of one. */
async function ask(actor: Actor, { method, path, body }: Deed<never>): Promise<Answer | null> {
  try {
    const response = await actor.fetch(method, path, body);
    return { status: response.status, text: await response.text() };
  } catch {
    return null;
  }
}
