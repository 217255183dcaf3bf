/** What every error of the API must look like (RFC 9457), asserted in one place. */
import { expect } from "vitest";
import type { Problem } from "./shapes.ts";

/** The phrases of RFC 9110, and what the same statuses were called before it. */
const TITLES: Record<number, string[]> = {
  400: ["Bad Request"],
  401: ["Unauthorized"],
  403: ["Forbidden"],
  404: ["Not Found"],
  405: ["Method Not Allowed"],
  406: ["Not Acceptable"],
  409: ["Conflict"],
  412: ["Precondition Failed"],
  413: ["Content Too Large", "Payload Too Large"],
  415: ["Unsupported Media Type"],
  422: ["Unprocessable Content", "Unprocessable Entity"],
  429: ["Too Many Requests"],
  500: ["Internal Server Error"],
  503: ["Service Unavailable"],
};

const KNOWN_MEMBERS = ["type", "title", "status", "detail", "code", "request_id", "errors", "violated-policies"];

/** Asserts that the answer is this problem, in full form; answers its body. */
export async function expectProblem(response: Response, status: number, code: string): Promise<Problem> {
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status, text: expect.stringContaining(`"${code}"`) });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  // What is refused now, or to this one, is not refused to the next.
  expect(response.headers.get("cache-control")).toBe("no-store");
  const problem = JSON.parse(text) as Problem;
  expect(problem.code).toBe(code);
  expect(problem.status).toBe(status);
  expect(problem.type).toMatch(/^about:blank$|^https?:\/\//);
  if (problem.type === "about:blank") expect(TITLES[status]).toContain(problem.title);
  else expect(problem.title).not.toBe("");
  expect(problem.request_id).toBe(response.headers.get("x-request-id"));
  expect(Object.keys(problem).filter((member) => !KNOWN_MEMBERS.includes(member))).toEqual([]);
  if (status === 503 || status === 429) {
    expect(response.headers.get("retry-after")).toMatch(/^[1-9][0-9]*$/);
  }
  if (status === 401) {
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
  }
  return problem;
}

/** Asserts a 422 that names exactly these members, each `pointer: code`. */
export async function expectInvalid(response: Response, expected: Record<string, string>): Promise<Problem> {
  const problem = await expectProblem(response, 422, "invalid");
  const found = Object.fromEntries((problem.errors ?? []).map(({ pointer, code }) => [pointer, code]));
  expect(found).toEqual(expected);
  for (const { detail } of problem.errors ?? []) expect(detail).not.toBe("");
  return problem;
}

/** Asserts a 401 that says the token, not its absence, is the matter. */
export async function expectBadToken(response: Response, code = "invalid_token"): Promise<Problem> {
  const problem = await expectProblem(response, 401, code);
  expect(response.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
  return problem;
}

/** What is left of an answer that must equal another's: all but what names or counts the single request. */
export async function withoutRequestId(response: Response): Promise<{ status: number; headers: object; body: string }> {
  const requestId = response.headers.get("x-request-id") ?? "";
  const varying = ["x-request-id", "x-test-invocation", "traceparent", "server-timing", "kith-cost", "ratelimit", "date"];
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !varying.includes(name)));
  return { status: response.status, headers, body: (await response.text()).replaceAll(requestId, "<request id>") };
}
