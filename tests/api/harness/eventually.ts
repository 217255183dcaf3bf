/** Waiting for a condition instead of for a time. */

const PAUSE_MS = 15;

export class InVain extends Error {}

/**
 * Calls `probe` until it gives something other than `undefined`, `null` or `false`, and answers
 * that. Fails, naming what it waited for, when the deadline passes first.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false>,
  withinMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > deadline) throw new InVain(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
