/** What the Worker's log says of a run: how much was asked, and what must never stand there. */

import { isRuntimesOwn } from "../api/harness/server.ts";

interface Line {
  level?: string;
  event?: string;
  method?: string;
  route?: string | null;
  status?: number;
}

/** Enough to see what is wrong. */
const MOST_SHOWN = 20;

export class LogTally {
  readonly #found: string[] = [];
  /** Requests by the status of their answer. */
  readonly statuses = new Map<number, number>();
  requests = 0;
  /** What the runtime wrote about itself. */
  readonly runtimesOwn: string[] = [];
  /** Requests by method, route and status. */
  readonly routes = new Map<string, number>();

  /** Takes a line of the log: what Kith writes is JSON, what the platform or a panic writes is not. */
  add(level: string, message: string): void {
    const line = parse(message);
    if (line === null) {
      if (isRuntimesOwn(message)) this.runtimesOwn.push(message);
      else if (level === "error" || level === "warn") this.#found.push(`not Kith's own: ${message}`);
      return;
    }
    if (line.event === "request" && line.status !== undefined) {
      this.requests += 1;
      const route = `${line.method} ${line.route} ${line.status}`;
      this.routes.set(route, (this.routes.get(route) ?? 0) + 1);
      this.statuses.set(line.status, (this.statuses.get(line.status) ?? 0) + 1);
    }
    // Nothing fails on this platform, so that not even a 503 has a reason.
    if (line.level === "error" || (line.status ?? 0) >= 500) this.#found.push(message);
  }

  /** Whether a request of this method and route was ever answered with what was asked for. */
  succeeded(operation: string): boolean {
    return [...this.routes.keys()].some((route) => route.startsWith(`${operation} 2`));
  }

  /** What should not be there. */
  get found(): string[] {
    const more = this.#found.length - MOST_SHOWN;
    return more > 0 ? [...this.#found.slice(0, MOST_SHOWN), `and ${more} more`] : this.#found;
  }
}

function parse(message: string): Line | null {
  try {
    const value = JSON.parse(message) as Line | null;
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
