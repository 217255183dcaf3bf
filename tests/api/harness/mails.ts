/** The mail provider of a world: takes what Kith sends over HTTP, and can be everything that goes wrong there. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { eventually } from "./eventually.ts";

/** The key that Kith shows, and without which nothing is taken. */
const KEY = "a key that only this provider knows";

export const FROM = "Kith <no-reply@kith.example>";

/** The pages that mails' links lead to. */
export type Page = "verify-email" | "reset-password";

/**
 * What happens to a mail instead of being taken: it is answered with a status; the connection ends before it is
 * taken, or when it is (`lost`: only the answer is); or there is no answer until the story is over.
 */
export type Failure = number | "closed" | "lost" | "hang";

/** The body of a request to the provider. */
interface Request {
  from: string;
  to: string[];
  subject: string;
  text: string;
  html: string;
  headers: Record<string, string>;
}

/** One mail as the provider got it; the same one may come again. */
export class Mail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** What is the same each time that this mail is sent. */
  readonly messageId: string;
  readonly idempotencyKey: string;

  constructor({ from, to, subject, text, html, headers }: Request, idempotencyKey: string) {
    const [address, ...others] = to;
    if (address === undefined || others.length > 0) throw new Error(`a mail to ${to.length} addresses`);
    this.from = from;
    this.to = address;
    this.subject = subject;
    this.text = text;
    this.html = html;
    this.messageId = headers["Message-ID"] ?? "";
    this.idempotencyKey = idempotencyKey;
  }

  /** Every link of the plain version. */
  get links(): URL[] {
    return [...this.text.matchAll(/https?:\/\/\S+/gu)].map(([link]) => new URL(link));
  }

  /** Where its one link with a token leads. */
  get page(): string | null {
    const link = this.links.find(({ hash }) => hash.startsWith("#token="));
    return link === undefined ? null : link.pathname.slice(1);
  }

  /** The token in the link of the plain version, which is the one of the other version too. */
  get token(): string {
    const found = [this.text, this.html].map((version) => /#token=([A-Za-z0-9._-]+)/u.exec(version)?.[1]);
    const [token] = found;
    expect(token, `a mail with a token: ${this.subject}`).toBeDefined();
    expect(found).toEqual([token, token]);
    return token ?? "";
  }
}

interface Plan {
  failure: Failure;
  /** How many mails are still to meet it. */
  left: number;
  struck: number;
}

export class MailBox {
  readonly #server: Server;
  readonly #taken: Mail[] = [];
  /** The mails that a story has read already. */
  readonly #read = new Set<Mail>();
  readonly #plans = new Map<string, Plan>();
  readonly #hanging: ServerResponse[] = [];
  /** What was asked of other places than the one where mails are taken. */
  readonly strays: string[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#receive(request, response));
  }

  static async open(): Promise<MailBox> {
    const box = new MailBox();
    await new Promise<void>((resolve) => box.#server.listen(0, "127.0.0.1", resolve));
    return box;
  }

  /** The settings of a deployment whose mails come here. */
  settings(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      MAIL_TRANSPORT: "http",
      MAIL_FROM: FROM,
      MAIL_API_URL: `http://127.0.0.1:${port}/emails`,
      MAIL_API_KEY: KEY,
    };
  }

  /**
   * Waits for a mail to this address, of which each is given once, the oldest first; of those that lead to
   * `page`, if that is said.
   */
  async to(address: string, page?: Page): Promise<Mail> {
    const mail = await eventually(`a mail to ${address}${page === undefined ? "" : ` that leads to ${page}`}`, async () =>
      this.all(address).find((one) => !this.#read.has(one) && (page === undefined || one.page === page)),
    );
    this.#read.add(mail);
    return mail;
  }

  /** Every mail that has been taken so far for this address, without waiting; one that came twice stands here twice. */
  all(address: string): Mail[] {
    return this.#taken.filter(({ to }) => to === address);
  }

  /** Lets the next mails to this address fail while `story` lasts. Fails itself if none did. */
  async failing<T>(address: string, failure: Failure, times: number, story: () => Promise<T>): Promise<T> {
    const plan = { failure, left: times, struck: 0 };
    this.#plans.set(address, plan);
    let told: T;
    try {
      told = await story();
    } finally {
      this.#plans.delete(address);
      for (const response of this.#hanging.splice(0)) response.destroy();
    }
    expect(plan.struck, `mails to ${address} that failed`).toBeGreaterThan(0);
    return told;
  }

  /** Waits until this many mails to an address have met the failure of its story. */
  async struck(address: string, times = 1): Promise<void> {
    await eventually(`${times} mails to ${address} fail`, async () => (this.#plans.get(address)?.struck ?? 0) >= times);
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: object) => {
      const location = status >= 300 && status < 400 ? { location: "/elsewhere" } : {};
      response.writeHead(status, { "content-type": "application/json", ...location }).end(JSON.stringify(body));
    };
    const right =
      request.method === "POST" &&
      request.url === "/emails" &&
      request.headers["content-type"] === "application/json" &&
      request.headers.authorization === `Bearer ${KEY}`;
    if (!right) {
      this.strays.push(`${request.method} ${request.url}`);
      answer(401, { message: "not one of this provider's customers" });
      return;
    }
    const mail = new Mail(JSON.parse(Buffer.concat(chunks).toString()) as Request, String(request.headers["idempotency-key"]));
    const failure = this.#failureOf(mail);
    if (failure === null || failure === "lost") this.#taken.push(mail);
    if (failure === null) answer(200, { id: mail.idempotencyKey });
    else if (failure === "hang") this.#hanging.push(response);
    else if (typeof failure === "number") answer(failure, { message: `as planned: ${mail.to}` });
    else request.socket.destroy();
  }

  #failureOf({ to }: Mail): Failure | null {
    const plan = this.#plans.get(to);
    if (plan === undefined || plan.left === 0) return null;
    plan.left -= 1;
    plan.struck += 1;
    return plan.failure;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
