/** What an answer says it cost, and what D1 itself said it cost. */
import { expect } from "vitest";
import type { Invocation } from "./protocol.ts";

export interface Cost {
  d1_trips: number;
  rows_read: number;
  rows_written: number;
  kv_reads: number;
  kv_writes: number;
  queue_sends: number;
  r2_ops: number;
}

const FORM =
  /^d1_trips=(\d+), rows_read=(\d+|unknown), rows_written=(\d+|unknown), kv_reads=(\d+), kv_writes=(\d+), queue_sends=(\d+), r2_ops=(\d+)$/;

/** The `Kith-Cost` of an answer; rows that it calls unknown are `NaN`. */
export function statedCost(response: Response): Cost {
  const header = response.headers.get("kith-cost") ?? "";
  expect(header).toMatch(FORM);
  const figures = (FORM.exec(header) ?? []).slice(1).map((figure) => (figure === "unknown" ? Number.NaN : Number(figure)));
  const [d1_trips = 0, rows_read = 0, rows_written = 0, kv_reads = 0, kv_writes = 0, queue_sends = 0, r2_ops = 0] = figures;
  return { d1_trips, rows_read, rows_written, kv_reads, kv_writes, queue_sends, r2_ops };
}

export interface Rows {
  trips: number;
  read: number;
  written: number;
}

/** What an invocation did before its answer; with `late`, also what it left to do afterwards. */
export function recordedRows({ trips }: Invocation, late = false): Rows {
  const counted = trips.filter(({ afterAnswer }) => late || !afterAnswer);
  const statements = counted.flatMap((trip) => trip.statements);
  return {
    trips: counted.length,
    read: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    written: statements.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
  };
}
