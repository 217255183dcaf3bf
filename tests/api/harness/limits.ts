/** What answers say of limits (draft-ietf-httpapi-ratelimit-headers-10), and clients with addresses. */
import { randomInt } from "node:crypto";
import { expect } from "vitest";
import { expectProblem } from "./problem.ts";

export const QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/** An address that no other client of this run has, of the block kept for benchmarks (RFC 2544). */
export function anAddress(): string {
  return `198.${randomInt(18, 20)}.${randomInt(256)}.${randomInt(256)}`;
}

/** The header in which the platform names a client's address; the simulator keeps what is sent. */
export function from(address: string): Record<string, string> {
  return { "cf-connecting-ip": address };
}

const ITEM = /^"([a-z-]+)"((?:;[a-z]=\d+)+)$/;

/**
 * A list of strings with whole numbers as parameters (RFC 9651), by string. An answer without the
 * header has an empty one.
 */
export function limits(response: Response, header: "ratelimit" | "ratelimit-policy"): Record<string, Record<string, number>> {
  const value = response.headers.get(header);
  if (value === null) return {};
  return Object.fromEntries(
    value.split(", ").map((item) => {
      const [, name = "", parameters = ""] = ITEM.exec(item) ?? [];
      expect({ item, name }).not.toEqual({ item, name: "" });
      const pairs = parameters.slice(1).split(";").map((pair) => pair.split("="));
      return [name, Object.fromEntries(pairs.map(([key, number]) => [key, Number(number)]))];
    }),
  );
}

/** Asserts a 429 for this policy; answers the seconds to wait. */
export async function expectLimited(response: Response, policy: string): Promise<number> {
  const problem = await expectProblem(response, 429, "too_many_requests");
  expect(problem).toMatchObject({ type: QUOTA_EXCEEDED, "violated-policies": [policy] });
  expect(Object.keys(limits(response, "ratelimit-policy"))).toContain(policy);
  return Number(response.headers.get("retry-after"));
}
