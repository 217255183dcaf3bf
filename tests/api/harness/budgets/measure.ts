/** What an operation may cost, and how it is measured. */
import { expect } from "vitest";
import { recordedRows, statedCost } from "../cost.ts";
import type { Rows } from "../cost.ts";
import type { Actor, PersonActor } from "../person.ts";
import type { LivedIn } from "../scale.ts";
import type { Page } from "../shapes.ts";
import type { World } from "../world.ts";

export interface Place extends LivedIn {
  world: World;
  /** An admin, in whose deployment much has happened. */
  rosa: PersonActor;
  /** A moderator. */
  mo: PersonActor;
}

export interface Budget {
  operation: string;
  most: Rows;
  /** Does the operation once, with all that must be there before, and answers what it cost. */
  measure: (place: Place) => Promise<Rows>;
}

/** Asks for what must succeed; its cost by the header must be what was recorded. */
export async function costOf(world: World, asked: Promise<Response>): Promise<Rows> {
  const response = await asked;
  expect([response.url, response.ok || response.status === 304]).toEqual([response.url, true]);
  const rows = recordedRows(await world.control.recordOf(response));
  const { d1_trips: trips, rows_read: read, rows_written: written } = statedCost(response);
  expect({ trips, read, written }).toEqual(rows);
  return rows;
}

/** Asks for what must be refused so, by a batch that committed. */
export async function refusedCost(world: World, status: number, asked: Promise<Response>): Promise<Rows> {
  const response = await asked;
  expect(response.status).toBe(status);
  return recordedRows(await world.control.recordOf(response));
}

export const newPerson = async ({ world }: Place, name: string) => (await world.crowd(name, 1))[0] as PersonActor;

/** The first and the second page of a list. */
export function pages(operation: string, path: (place: Place) => string, who: (place: Place) => Actor): Budget[] {
  const most = { trips: 1, read: 240, written: 0 };
  return [
    { operation, most, measure: (place) => costOf(place.world, who(place).fetch("GET", path(place))) },
    {
      operation: `${operation}, second page`,
      most,
      measure: async (place) => {
        const first = await who(place).expect<Page<unknown>>(200, "GET", path(place));
        expect(first.next_cursor).not.toBeNull();
        return costOf(place.world, who(place).fetch("GET", `${path(place)}${path(place).includes("?") ? "&" : "?"}cursor=${first.next_cursor}`));
      },
    },
  ];
}
