/**
 * What a registration that waits for its mail costs, in trips to D1 and in rows as D1 bills them: the same
 * whatever there is at the address, among thousands who have an account and thousands who wait, before
 * and after `analyze`.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { recordedRows, statedCost } from "./harness/cost.ts";
import type { Rows } from "./harness/cost.ts";
import { faultyPlans } from "./harness/plans.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld({ REVEAL_EMAIL: "0" });
const PEOPLE = 10_000;
const WAITING = 10_000;

const name = (what: string, number: number) => `${what}_${number}`;
const newcomer = () => world.uniqueName("new");
const register = (username: string, email = `${username}@example.com`) =>
  world.anonymous.fetch("POST", "/auth/register", { username, email, password: "a good long passphrase" });
const answer = (id: string) => world.anonymous.fetch("POST", "/auth/email/verify", { token: world.keys.mailToken({ may: "register", registration_id: id }) });

async function costOf(asked: Promise<Response>, status: number): Promise<Rows> {
  const response = await asked;
  expect(response.status).toBe(status);
  const rows = recordedRows(await world.control.recordOf(response));
  const { d1_trips: trips, rows_read: read, rows_written: written } = statedCost(response);
  expect({ trips, read, written }).toEqual(rows);
  return rows;
}

async function waiting(): Promise<string> {
  const username = newcomer();
  await register(username);
  const [registration] = await world.state.rows<{ id: string }>("select id from registrations where username = ?1", username);
  return registration?.id ?? "";
}

beforeAll(async () => {
  await world.state.people("resident", PEOPLE);
  const rows = Array.from({ length: WAITING }, (_, number) => ({ id: uuidV7(), username: name("waiting", number) }));
  await world.state.run(
    `insert into registrations (id, username, email, password_hash, display_name, created_at, expires_at)
     select value ->> 'id', value ->> 'username', (value ->> 'username') || '@example.com', '', '', ?2, ?3 from json_each(?1)`,
    JSON.stringify(rows),
    Date.now(),
    Date.now() + 86_400_000,
  );
}, 60_000);

const REGISTERED: Rows = { trips: 1, read: 10, written: 7 };

const CASES: [string, Rows, () => Promise<Rows>][] = [
  ["with a free address", REGISTERED, () => costOf(register(newcomer()), 202)],
  ["with the address of an account", REGISTERED, async () => {
    const [account] = await world.state.rows<{ email: string }>("select email from users order by random() limit 1");
    return costOf(register(newcomer(), account?.email), 202);
  }],
  ["with an address that waits", REGISTERED, () => costOf(register(newcomer(), `${name("waiting", Math.floor(Math.random() * WAITING))}@example.com`), 202)],
  ["that is finished", { trips: 1, read: 10, written: 8 }, async () => costOf(answer(await waiting()), 204)],
  ["that is finished again", { trips: 1, read: 8, written: 0 }, async () => {
    const id = await waiting();
    await answer(id);
    return costOf(answer(id), 204);
  }],
];

function keep(circumstance: string): void {
  test.for(CASES)(`${circumstance}: a registration %s`, async ([, most, measure]) => {
    const rows = await measure();
    expect(rows.trips).toBeLessThanOrEqual(most.trips);
    expect(rows.read).toBeLessThanOrEqual(most.read);
    expect(rows.written).toBeLessThanOrEqual(most.written);
  });

  test(`${circumstance}: no statement walks a table that grows`, async () => {
    await register(name("waiting", 1), `${newcomer()}@example.com`);
    await world.control.sweep();
    const statements = await world.control.statements();
    expect(statements.filter(({ sql }) => sql.includes("registrations")).length).toBeGreaterThan(3);
    expect(await faultyPlans(world.state, statements)).toEqual([]);
  });
}

// The order of what follows is part of what is measured, so it is not shuffled.
describe("among thousands", { shuffle: false }, () => {
  keep("before analyze");
  describe("then", { shuffle: false }, () => {
    beforeAll(() => world.state.run("analyze"));
    keep("after analyze");
  });
});
