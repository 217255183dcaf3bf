/**
 * The clauses of a statement that decide who sees what, and the statement without each of them. The predicate of
 * posts is taken as one: `tests/visibility.rs` looks into it.
 */

/** A statement that lacks a clause. */
export interface Without {
  sql: string;
  clause: string;
  text: string;
}

/** What such a clause speaks of. */
const SPEAKS_OF_SIGHT = /\b(blocks|mutes|follows|status|visibility|deleted_at|removed_at|audience_id)\b/;

/** The words between which a condition stands, at its own depth of parentheses. */
const ENDS = ["select", "from", "where", "on", "join", "cross join", "left join", "order by", "limit", "group by", "union", "having", "set", "as", "then", "when", "else", "end"];

interface Part {
  start: number;
  end: number;
  /** What stands in its place decides nothing. */
  neutral: "true" | "false";
}

/** Each clause outside of others that speak of it, and the statement without it. */
export function withoutEach(sql: string): Without[] {
  return conditions(sql)
    .filter(({ start, end }) => SPEAKS_OF_SIGHT.test(sql.slice(start, end)))
    .map(({ start, end, neutral }) => ({ sql, clause: sql.slice(start, end), text: `${sql.slice(0, start)}${neutral}${sql.slice(end)}` }));
}

/** The parts of every `and` and `or`, and of every `where` and `on` that has only one; none of them inside another. */
function conditions(sql: string): Part[] {
  const found: Part[] = [];
  walk(sql, 0, sql.length, found);
  return found;
}

function walk(sql: string, start: number, end: number, found: Part[]): void {
  for (const piece of pieces(sql, start, end)) {
    const parts = split(sql, piece, " or ") ?? split(sql, piece, " and ") ?? (piece.condition ? [{ ...piece, neutral: "true" as const }] : null);
    if (parts === null) for (const group of groups(sql, piece.start, piece.end)) walk(sql, group.start, group.end, found);
    else for (const part of parts) collect(sql, part, found);
  }
}

/** A part is taken as it is, unless it has a whole query with conditions of its own in it. */
function collect(sql: string, part: Part, found: Part[]): void {
  const text = sql.slice(part.start, part.end);
  if (/^(not )?exists \(\s*select 1\s+from (blocks|mutes|follows)\b/.test(text) || !/\bselect\b/.test(text) || text.includes("audience_id")) found.push(part);
  else for (const group of groups(sql, part.start, part.end)) walk(sql, group.start, group.end, found);
}

interface Piece {
  start: number;
  end: number;
  /** Whether it follows a `where` or an `on`. */
  condition: boolean;
}

/** What stands between the words of a query, at one depth. */
function pieces(sql: string, start: number, end: number): Piece[] {
  const words = new RegExp(`\\b(${ENDS.join("|").replaceAll(" ", "\\s+")})\\b|,`, "gy");
  const found: Piece[] = [];
  let piece: Piece = { start, end, condition: false };
  eachAtDepth(sql, start, end, (at) => {
    words.lastIndex = at;
    const word = /[\s(,]/.test(sql[at - 1] ?? " ") || sql[at] === "," ? words.exec(sql) : null;
    if (word === null) return at + 1;
    found.push({ ...piece, end: at });
    piece = { start: words.lastIndex, end, condition: word[0] === "where" || word[0] === "on" };
    return words.lastIndex;
  });
  found.push(piece);
  return found.map(({ condition, ...rest }) => ({ ...trimmed(sql, rest), condition })).filter((one) => one.start < one.end);
}

function split(sql: string, { start, end }: Piece, word: " or " | " and "): Part[] | null {
  const spaced = sql.replaceAll("\n", " ");
  const parts: Part[] = [];
  let begin = start;
  const neutral = word === " or " ? "false" : "true";
  eachAtDepth(sql, start, end, (at) => {
    if (!spaced.startsWith(word, at)) return at + 1;
    parts.push({ ...trimmed(sql, { start: begin, end: at }), neutral });
    begin = at + word.length;
    return begin - 1;
  });
  if (parts.length === 0) return null;
  return [...parts, { ...trimmed(sql, { start: begin, end }), neutral }];
}

/** The insides of the parentheses at one depth. */
function groups(sql: string, start: number, end: number): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let depth = 0;
  let begin = 0;
  let quoted = false;
  for (let at = start; at < end; at += 1) {
    if (sql[at] === "'") quoted = !quoted;
    if (quoted) continue;
    if (sql[at] === "(" && depth++ === 0) begin = at + 1;
    if (sql[at] === ")" && --depth === 0) found.push({ start: begin, end: at });
  }
  return found;
}

/** Calls `visit` at each place outside of parentheses and quotes; it answers where to go on. */
function eachAtDepth(sql: string, start: number, end: number, visit: (at: number) => number): void {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < end; ) {
    const character = sql[at];
    if (character === "'") quoted = !quoted;
    else if (!quoted && character === "(") depth += 1;
    else if (!quoted && character === ")") depth -= 1;
    else if (!quoted && depth === 0) {
      at = visit(at);
      continue;
    }
    at += 1;
  }
}

function trimmed<T extends { start: number; end: number }>(sql: string, range: T): T {
  let { start, end } = range;
  while (start < end && /\s/.test(sql[start] ?? "")) start += 1;
  while (end > start && /\s/.test(sql[end - 1] ?? "")) end -= 1;
  return { ...range, start, end };
}
