/** Who is signed in: the tokens, where they are kept, and their renewal. */
import { isProblem } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { freshKey } from "./request.ts";
import { unlessAborted } from "./retry.ts";
import type { Clock } from "./retry.ts";
import type { Tokens } from "./schema.ts";

/** What is kept of a session. Whoever has it is signed in. */
export interface Session {
  /** Names the session on this device, from signing in to signing out. */
  id: string;
  accessToken: string;
  refreshToken: string;
  /** When the access token ends, in milliseconds since 1970 by this device's clock. */
  expiresAt: number;
}

/**
 * Keeps the session between calls. Pages that share a store share the session: what one of them has
 * renewed, the others find.
 */
export interface TokenStore {
  load(): Session | null | Promise<Session | null>;
  save(session: Session | null): void | Promise<void>;
}

/** Keeps the session as long as the page or process lives. */
export function memoryStore(): TokenStore {
  let kept: Session | null = null;
  return {
    load: () => kept,
    save: (session) => {
      kept = session;
    },
  };
}

/** Milliseconds. A token with less left than this would end on its way. */
const LEEWAY = 5_000;

export interface SessionsOptions {
  store: TokenStore;
  /** Exchanges a refresh token for new tokens. */
  redeem: (refreshToken: string) => Promise<Tokens>;
  onSignedOut: (why: Problem | null) => void;
  clock: Clock;
}

/** The one session there is at a time. */
export class Sessions {
  readonly #options: SessionsOptions;
  /** The renewals under way, by the refresh token that each redeems. */
  readonly #renewals = new Map<string, Promise<Session>>();
  /** The last session that Kith ended, and how. */
  #ended: { id: string; why: Problem } | null = null;
  /** The end of the last turn with the store. */
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** The session to call with, renewed if its token is about to end; null if nobody is signed in. */
  current(signal?: AbortSignal): Promise<Session | null> {
    return this.#session((kept) => kept.expiresAt - this.#options.clock.now() > LEEWAY, signal);
  }

  /**
   * The same session with another access token, after that of `used` was refused as expired. Many may ask
   * at once or late: it is renewed once.
   * @throws what ended the session, or `refused`, where it is no longer that of who is signed in: they did
   *   not ask for what is to be repeated
   */
  async renewed(used: Session, refused: Problem, signal?: AbortSignal): Promise<Session> {
    const session = await this.#session((kept) => kept.accessToken !== used.accessToken, signal);
    if (session?.id === used.id) return session;
    throw this.#ended?.id === used.id ? this.#ended.why : refused;
  }

  /** @param askedAt when the tokens were asked for: they have been good since then at the latest */
  async begin(tokens: Tokens, askedAt: number): Promise<Session> {
    const session = sessionOf(freshKey(), tokens, askedAt);
    await this.#turn(() => this.#options.store.save(session));
    return session;
  }

  /** @param why null when that was wanted */
  async end(id: string, why: Problem | null): Promise<void> {
    const ended = await this.#turn(async () => {
      if (why !== null) this.#ended = { id, why };
      if ((await this.#options.store.load())?.id !== id) return false;
      await this.#options.store.save(null);
      return true;
    });
    if (ended) this.#options.onSignedOut(why);
  }

  /** The kept session if it is good, else what its renewal comes to. */
  async #session(isGood: (kept: Session) => boolean, signal?: AbortSignal): Promise<Session | null> {
    // In a box, because the turn must end before the renewal does.
    const { session } = await this.#turn(async () => {
      const kept = await this.#options.store.load();
      return { session: kept === null || isGood(kept) ? Promise.resolve(kept) : this.#renewal(kept) };
    });
    return unlessAborted(session, signal);
  }

  #renewal(kept: Session): Promise<Session> {
    let renewal = this.#renewals.get(kept.refreshToken);
    if (renewal === undefined) {
      renewal = this.#renew(kept).finally(() => this.#renewals.delete(kept.refreshToken));
      this.#renewals.set(kept.refreshToken, renewal);
      // Those who wait for it are told; there may be none left.
      renewal.catch(() => undefined);
    }
    return renewal;
  }

  async #renew(kept: Session): Promise<Session> {
    const { store, redeem, clock } = this.#options;
    const askedAt = clock.now();
    let tokens: Tokens;
    try {
      tokens = await redeem(kept.refreshToken);
    } catch (error) {
      if (isProblem(error) && error.status === 401) await this.end(kept.id, error);
      throw error;
    }
    const renewed = sessionOf(kept.id, tokens, askedAt);
    await this.#turn(async () => {
      // Who has signed out meanwhile stays signed out.
      if ((await store.load())?.refreshToken === kept.refreshToken) await store.save(renewed);
    });
    return renewed;
  }

  /** Runs `work` when all that came before it is done, so that what it loads is what it replaces. */
  #turn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }
}

function sessionOf(id: string, tokens: Tokens, askedAt: number): Session {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = tokens;
  return { id, accessToken, refreshToken, expiresAt: askedAt + seconds * 1000 };
}
