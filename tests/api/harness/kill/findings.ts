/**
 * What is not as the clients know it to be. There is one wording for each thing, so that it counts
 * once, whether a client, the check over HTTP or the examination of the rows finds it, or all three.
 */
import { counted } from "../../../../scripts/progress.mjs";
import type { LedgerPost } from "./ledger.ts";

export interface Finding {
  kind: "lost" | "doubled" | "wrong";
  what: string;
}

/** The post is there, or not, against what is known of it. */
export function wrongLife({ id }: LedgerPost, live: boolean): Finding {
  return { kind: "lost", what: live ? `the deletion of ${id}` : `the post ${id}` };
}

export function strangePost(id: string, caption: string): Finding {
  return { kind: "doubled", what: `the post ${id}, "${caption}", which nobody knows to have posted` };
}

export function wrongCaption(id: string, caption: string): Finding {
  return { kind: "wrong", what: `what ${id} says: "${caption}"` };
}

/** The like is there, or not, against what is known of it. */
export function wrongLike(post: LedgerPost, personId: string, liked: boolean): Finding {
  if (!liked) return { kind: "lost", what: `the like of ${post.id} by ${personId}` };
  if (post.likes.get(personId)?.ever) return { kind: "lost", what: `the taking back of the like of ${post.id} by ${personId}` };
  return strangeLike(post.id, personId);
}

export function strangeLike(postId: string, personId: string): Finding {
  return { kind: "doubled", what: `the like of ${postId} by ${personId}, who never liked it` };
}

/** What somebody is shown of the likes of a post. */
export interface Shown {
  recipientId: string;
  likes: number;
}

/** An author is shown one group for each live post that others liked, which counts each of them once. */
export function wrongTelling(post: LedgerPost, shown: Shown | undefined): Finding[] {
  if (!post.live.is(true)) {
    if (!post.live.is(false) || shown === undefined) return [];
    return [{ kind: "lost", what: `the taking away of what was told of ${post.id}, which is deleted` }];
  }
  const found: Finding[] = [];
  const [told, due] = [shown?.likes ?? 0, post.tellable()];
  if (told !== due) found.push({ kind: told < due ? "lost" : "doubled", what: `the author of ${post.id} is told of ${counted(told, "like")} instead of ${due}` });
  if (shown !== undefined && shown.recipientId !== post.authorId) found.push({ kind: "wrong", what: `${shown.recipientId} is told of ${post.id}` });
  return found;
}

export function strangeTelling(postId: string): Finding {
  return { kind: "doubled", what: `the telling of likes of ${postId}, which nobody posted` };
}

export function wrongMark(kind: "lost" | "wrong", personId: string, known: readonly number[]): Finding {
  return { kind, what: `what ${personId} has read, which is up to ${known.join(" or ")}` };
}

/** As `State.wrongCounters` words it. */
export function wrongCounter(what: string): Finding {
  return { kind: "wrong", what: `a counter: ${what}` };
}
