/** The state of the database that a session has written last, so that what it reads is at least as new. */

const HEADER = "d1-bookmark";

export class Bookmark {
  #kept: { session: string; text: string } | null = null;
  /** How many answers have named a state, or should have. */
  #named = 0;

  /** The headers that a request of this session bears. */
  headersFor(session: string): Record<string, string> {
    return this.#kept?.session === session ? { [HEADER]: this.#kept.text } : {};
  }

  /**
   * Called when a request is sent.
   * @returns what takes its answer, and the session that has written
   */
  watch(): (headers: Headers, session: string) => void {
    const before = this.#named;
    return (headers, session) => {
      const text = headers.get(HEADER);
      if (text === null) return;
      // Of writes that overlapped, nobody here can tell which state is the newer. Without a bookmark Kith
      // reads the newest.
      this.#kept = this.#named === before ? { session, text } : null;
      this.#named += 1;
    };
  }

  /** Called when a write may have made a state that no answer has named, and when what is kept is no good. */
  forget(): void {
    this.#kept = null;
    // What is on its way may name an older state than that.
    this.#named += 1;
  }
}
