/** Whether Kith lives, and whether it can serve. */
import { expect, test } from "vitest";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

test("alive means answering, with nothing asked of anyone", async () => {
  const response = await world.fetch("GET", "/health");
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "pass" });
  const { trips, kvReads } = await world.control.recordOf(response);
  expect([trips.length, kvReads]).toEqual([0, 0]);
});

test("ready means that the database and the store answer", async () => {
  const response = await world.fetch("GET", "/health/ready");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/health+json");
  expect(await response.json()).toMatchObject({ status: "pass" });
});

test("without its database Kith is alive, but not ready", async () => {
  await world.control.withFaults([{ on: "d1", when: "before", times: 100, error: "D1_ERROR: D1 DB is overloaded. Requests queued for too long." }], async () => {
    const response = await world.fetch("GET", "/health/ready");
    expect(response.status).toBe(503);
    expect(response.headers.get("content-type")).toBe("application/health+json");
    expect(await response.json()).toMatchObject({ status: "fail" });
    expect((await world.fetch("GET", "/health")).status).toBe(200);
  });
});

test("without its key-value store Kith is ready, because everything works", async () => {
  await world.control.withFaults([{ on: "kv", when: "before", times: 100 }], async () => {
    const response = await world.fetch("GET", "/health/ready");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: expect.stringMatching(/^(pass|warn)$/) });
  });
});
