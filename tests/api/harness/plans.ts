/**
 * What is wrong with a query plan: it walks a table that grows, hides such a walk behind a Bloom
 * filter, or sorts more than a page.
 */
import type { DistinctStatement } from "./protocol.ts";
import type { State } from "./state.ts";

interface PlanRow {
  id: number;
  parent: number;
  detail: string;
}

/** Every name by which this statement may call a table that grows: the tables' own and their aliases. */
function growingNames(sql: string, tables: readonly string[]): Set<string> {
  const names = new Set(tables);
  for (const table of tables) {
    for (const [, alias] of sql.matchAll(new RegExp(String.raw`\b${table}\b\s+(?:as\s+)?([a-z_][a-z0-9_]*)`, "gi"))) {
      if (alias !== undefined) names.add(alias);
    }
  }
  return names;
}

/** What this plan row visits and how, if it visits anything. */
function visit(detail: string): { how: string; name: string } | null {
  const found = /^(SCAN|SEARCH) (\S+)/.exec(detail);
  return found === null ? null : { how: found[1] ?? "", name: found[2] ?? "" };
}

/** Everything refused in one plan, each with the row of the plan that shows it. */
function refusals(sql: string, plan: readonly PlanRow[], tables: readonly string[]): string[] {
  const growing = growingNames(sql, tables);
  return plan.flatMap(({ parent, detail }) => {
    const visited = visit(detail);
    // A virtual table is always scanned; what stands behind the colon is what is asked of its index.
    if (/ VIRTUAL TABLE INDEX \d+:./.test(detail)) return [];
    if (visited?.how === "SCAN" && growing.has(visited.name)) return [detail];
    if (detail.includes("BLOOM FILTER")) return [detail];
    if (detail.startsWith("USE TEMP B-TREE")) {
      // What is sorted is a page when its outermost loop walks a list made before: parameters, a
      // common table or a subquery, each limited by itself. A walk along a growing table is not.
      const outermost = plan.filter((row) => row.parent === parent).map((row) => visit(row.detail)).find((row) => row !== null);
      if (outermost !== undefined && growing.has(outermost.name)) return [`${detail}, over ${outermost.name}`];
    }
    return [];
  });
}

/** The faults of each statement's plan; statements without one are left out. */
export async function faultyPlans(state: State, statements: readonly DistinctStatement[]): Promise<object[]> {
  const tables = Object.keys(await state.rowCounts());
  const faulty: object[] = [];
  for (const { sql, params } of statements) {
    const plan = await state.rows<PlanRow>(`explain query plan ${sql}`, ...params);
    const faults = refusals(sql, plan, tables);
    if (faults.length > 0) faulty.push({ sql, faults, plan: plan.map(({ detail }) => detail) });
  }
  return faulty;
}
