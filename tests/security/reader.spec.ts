/** What reads docs/security finds what is wrong with it: each is planted once here. */
import { describe, expect, test } from "vitest";
import {
  complaintsOfIds,
  complaintsOfPending,
  complaintsOfSources,
  complaintsOfVerdicts,
  formatCounts,
  readPage,
  readWanted,
} from "../../scripts/security/pages.mjs";
import { compare, testsOfCargo, testsOfReport } from "../../scripts/security/ran.mjs";

const PAGE = "docs/security/asvs.md";
const WANTED = readWanted("# by hand\n1.1.1 1\n1.1.2 2\n");
const HEAD = "| id | level | asks | verdict | by |\n|---|---|---|---|---|\n";
const GOOD = ["| 1.1.1 | 1 | Asks this. | tested | `tests/a.spec.ts › a block › a test` |", "| v5.0.0-1.1.2 | 2 | Asks that. | by design | Shown in `src/lib.rs`, for a reason. |"];

const page = (...rows: string[]) => readPage(PAGE, `# A page\n\n${HEAD}${rows.join("\n")}\n`);
const rowsOf = (...rows: string[]) => page(...rows).rows;

describe("a page", () => {
  test("that is right has nothing to complain about", () => {
    const { rows, references, complaints } = page(...GOOD);
    expect(complaints).toEqual([]);
    expect(rows.map(({ id, level, verdict, where }) => ({ id, level, verdict, where }))).toEqual([
      { id: "1.1.1", level: "1", verdict: "tested", where: `${PAGE}:5: 1.1.1` },
      { id: "1.1.2", level: "2", verdict: "by design", where: `${PAGE}:6: 1.1.2` },
    ]);
    expect(references).toMatchObject([{ file: "tests/a.spec.ts", titles: ["a block", "a test"] }]);
    expect([...complaintsOfIds(rows, WANTED), ...complaintsOfVerdicts(rows), ...complaintsOfPending(rows)]).toEqual([]);
  });

  test("names tests in its words too, and backticks in a name do no harm", () => {
    const { references } = readPage(PAGE, "It is refused (`tests/a.spec.ts › one`), and ``tests/a.spec.ts › when `Retry-After` has passed``; `no › test` is also read.\n");
    expect(references.map(({ text }) => text)).toEqual(["tests/a.spec.ts › one", "tests/a.spec.ts › when `Retry-After` has passed", "no › test"]);
  });

  test.for([
    ["a cell too few", "| 1.1.1 | 1 | Asks this. | tested |", `${PAGE}:5: 4 cells, where the table has 5 columns`],
    ["a cell too many", "| 1.1.1 | 1 | Asks this. | tested | `a › b` | more |", `${PAGE}:5: 6 cells, where the table has 5 columns`],
  ])("with %s is found", ([, row, complaint]) => {
    expect(page(row ?? "").complaints).toEqual([complaint]);
  });

  test("without a column is found", () => {
    expect(readPage(PAGE, "| id | asks | verdict |\n|---|---|---|\n| 1.1.1 | Asks this. | tested |\n").complaints).toEqual([`${PAGE}:3: the table has no column by`]);
  });

  test("may have a bar in a cell, if it is escaped", () => {
    expect(rowsOf(String.raw`| 1.1.1 | 1 | Asks this \| that. | not yet | There is no way yet. |`)).toMatchObject([{ asks: "Asks this | that." }]);
  });
});

describe("requirements", () => {
  const [first = "", second = ""] = GOOD;

  test.for([
    ["one without a row", [first], ["1.1.2 has no row"]],
    ["one with two rows", [first, second, first], [`${PAGE}:7: 1.1.1 has a row before`]],
    ["one that there is not", [first, second, "| 9.9.9 | 1 | Asks. | tested | `a › b` |"], [`${PAGE}:7: 9.9.9 is no requirement that is wanted here`]],
    ["one of another level", [first.replace("| 1 |", "| 2 |"), second], [`${PAGE}:5: 1.1.1 is of level 1, not 2`]],
  ] as const)("%s is found", ([, rows, complaints]) => {
    expect(complaintsOfIds(rowsOf(...rows), WANTED)).toEqual(complaints);
  });
});

describe("a verdict", () => {
  const rowOf = (verdict: string, by: string, asks = "Asks this.") => rowsOf(`| 1.1.1 | 1 | ${asks} | ${verdict} | ${by} |`);

  test.for([
    ["tested", "Surely.", "is tested and names no test"],
    ["tested", "", "is tested and names no test"],
    ["not applicable", "", "is not applicable and gives no reason"],
    ["not applicable", "None.", "is not applicable and gives no reason"],
    ["not yet", "-", "is not yet and gives no reason"],
    ["pending:mail", "", "is pending:mail and gives no reason"],
    ["by design", "Because it was so designed.", "is by design and names no file that shows it"],
    ["by design", "[Elsewhere](https://example.com/why) says it.", "is by design and names no file that shows it"],
    ["ok", "`a › b`", 'has the verdict "ok", which is none of tested, by design, not applicable, not yet'],
    ["pending", "Waits for the mail.", 'has the verdict "pending", which is none of tested, by design, not applicable, not yet'],
    ["Tested", "`a › b`", 'has the verdict "Tested", which is none of tested, by design, not applicable, not yet'],
  ])("%s, by %j, is found", ([verdict, by, complaint]) => {
    expect(complaintsOfVerdicts(rowOf(verdict ?? "", by ?? ""))).toEqual([`${PAGE}:5: 1.1.1 ${complaint}`]);
  });

  test("on nothing in particular is found", () => {
    expect(complaintsOfVerdicts(rowOf("tested", "`a › b`", ""))).toEqual([`${PAGE}:5: 1.1.1 does not say what it asks`]);
  });

  test("that waits is found by itself, and by nothing else", () => {
    const rows = rowOf("pending:mail-tokens", "A used token is refused.");
    expect(complaintsOfVerdicts(rows)).toEqual([]);
    expect(complaintsOfPending(rows)).toEqual([`${PAGE}:5: 1.1.1 is pending:mail-tokens`]);
  });

  test("is counted", () => {
    expect(formatCounts([["all of them", [...rowOf("tested", "`a › b`"), ...rowOf("not yet", "No way yet."), ...rowOf("pending:mail", "A used token.")]]])).toBe(
      "| | all | tested | by design | not applicable | not yet | pending |\n|---|---|---|---|---|---|---|\n| all of them | 3 | 1 | 0 | 0 | 1 | 1 |",
    );
  });
});

describe("the sources", () => {
  const FILES: Record<string, string> = {
    "tests/a.spec.ts": 'describe("a block", () => {\n  test("a test", f);\n  test.for([1])("number %i", f);\n  test(`a \\`quoted\\` one`, f);\n});',
    "src/auth/token.rs": "    #[test]\n    fn a_token_is_refused() {}\n    fn no_test_at_all() {}\n    #[test]\n    #[expect(lint)]\n    fn another() {}",
    "docs/decisions/0009-argon2id.md": "# 0009",
    src: "",
  };
  const found = (by: string) => {
    const { rows, references } = page(`| 1.1.1 | 1 | Asks this. | by design | ${by} |`);
    return complaintsOfSources(rows, references, (path) => FILES[path] ?? null).map((complaint) => complaint.replace(`${PAGE}:5: 1.1.1 names `, ""));
  };

  test.for([
    "`tests/a.spec.ts › a block › a test`",
    "`tests/a.spec.ts › a block › number %i`",
    "`` tests/a.spec.ts › a `quoted` one ``",
    "`src/auth/token.rs › a_token_is_refused`",
    "`src/auth/token.rs › another`",
    "[0009](../decisions/0009-argon2id.md#choice) and `src/auth/token.rs`",
    "[elsewhere](https://example.com)",
  ])("have %s", (by) => {
    expect(found(by)).toEqual([]);
  });

  test.for([
    ["`tests/b.spec.ts › a test`", "`tests/b.spec.ts › a test`, whose file is not there"],
    ["`tests/a.spec.ts › a block › another test`", '`tests/a.spec.ts › a block › another test`, but nothing is called "another test" there'],
    ["`tests/a.spec.ts › a tes`", '`tests/a.spec.ts › a tes`, but nothing is called "a tes" there'],
    ["`src/auth/token.rs › no_test_at_all`", '`src/auth/token.rs › no_test_at_all`, but nothing is called "no_test_at_all" there'],
    ["`src/auth/token.rs › a_token`", '`src/auth/token.rs › a_token`, but nothing is called "a_token" there'],
    ["[0010](../decisions/0010.md)", "docs/decisions/0010.md, which is not there"],
    ["`src/auth/gone.rs`", "src/auth/gone.rs, which is not there"],
  ])("do not have %s", ([by, complaint]) => {
    expect(found(by ?? "")).toEqual([complaint]);
  });
});

describe("a run", () => {
  const worker = testsOfReport(
    {
      testResults: [
        {
          name: "/kith/tests/a.spec.ts",
          assertionResults: [
            { ancestorTitles: ["a block"], title: "a test", status: "passed" },
            { ancestorTitles: ["a block"], title: "a broken test", status: "failed" },
            { ancestorTitles: ["a block"], title: "a test left out", status: "pending" },
            { ancestorTitles: ["a block"], title: "a test to be written", status: "todo" },
            { ancestorTitles: ["of 7 (or more)"], title: 'alg "none" is refused', status: "passed" },
            { ancestorTitles: ["of 7 (or more)"], title: 'alg "" is refused', status: "passed" },
            { ancestorTitles: [], title: "POST /posts: 10 KB is too long", status: "passed" },
            { ancestorTitles: [], title: "POST /likes: 10 KB is too long", status: "skipped" },
          ],
        },
      ],
    },
    "/kith/",
  );
  const cargo = testsOfCargo(
    [
      "     Running unittests src/lib.rs (target/debug/deps/kith-1)",
      "running 3 tests",
      "test auth::token::tests::a_token_is_refused ... ok",
      "test auth::tests::by_the_room ... ok",
      "test mac::tests::a_code ... FAILED",
      "test slow ... ignored, takes an hour",
      "test scenarios::every_route ... ok",
      "test invariant_1 ... ok",
      "test result: FAILED. 4 passed; 1 failed; 1 ignored; 0 measured",
    ].join("\n"),
  );
  const held = (named: string, whole = true) => {
    const { references } = readPage("p.md", `\`${named}\``);
    const { shown, unseen, complaints } = compare(references, { worker: { whole, tests: worker }, cargo: { whole, tests: cargo } });
    return complaints[0]?.replace(`p.md:1: \`${named}\` `, "") ?? (unseen.length > 0 ? "unseen" : shown);
  };

  test.for([
    "tests/a.spec.ts › a block › a test",
    "tests/a.spec.ts › of 7 (or more) › alg %j is refused",
    "tests/a.spec.ts › of $count (or more) › alg %j is refused",
    'tests/a.spec.ts › of 7 (or more) › alg "none" is refused',
    "tests/a.spec.ts › POST /posts: 10 KB is too long",
    "src/auth/token.rs › a_token_is_refused",
    "src/auth/mod.rs › by_the_room",
    "tests/simulation/scenarios/mod.rs › every_route",
    "tests/architecture.rs › invariant_1",
  ])("shows %s", (named) => {
    expect(held(named)).toBe(1);
  });

  test.for([
    ["tests/a.spec.ts › a block › no such test", "did not run: there is no such test"],
    ["tests/a.spec.ts › a test", "did not run: there is no such test"],
    ["tests/b.spec.ts › a block › a test", "did not run: there is no such test"],
    ["tests/a.spec.ts › a block › a test left out", "did not run: it was skipped"],
    ["tests/a.spec.ts › a block › a test to be written", "did not run: it was skipped"],
    ["tests/a.spec.ts › $method $path: 10 KB is too long", "did not run: it was skipped"],
    ["tests/a.spec.ts › of 8 (or more) › alg %j is refused", "did not run: there is no such test"],
    ["src/posts/token.rs › a_token_is_refused", "did not run: there is no such test"],
    ["src/auth/token.rs › token_is_refused", "did not run: there is no such test"],
    ["tests/architecture.rs › slow", "did not run: it was skipped"],
    ["tests/fuzz/a.spec.ts › garbage", "unseen"],
  ])("does not show %s", ([named, complaint]) => {
    expect(held(named ?? "")).toBe(complaint);
  });

  test.for([
    ["tests/a.spec.ts › a block › a broken test", "failed"],
    ["tests/a.spec.ts › a block › %s test", "failed: a block › a broken test"],
    ["src/mac.rs › a_code", "failed"],
  ])("that is not whole still shows that %s", ([named, complaint]) => {
    expect(held(named ?? "", false)).toBe(complaint);
  });

  test.for(["tests/a.spec.ts › a block › no such test", "tests/a.spec.ts › a block › a test left out", "src/auth/token.rs › gone"])("that is not whole says nothing of %s", (named) => {
    expect(held(named, false)).toBe("unseen");
  });

  test("says which requirement names the test that is missing", () => {
    const { references } = page("| 1.1.1 | 1 | Asks this. | tested | `tests/a.spec.ts › gone` |");
    expect(compare(references, { worker: { whole: true, tests: worker } }).complaints).toEqual([
      `${PAGE}:5: 1.1.1: \`tests/a.spec.ts › gone\` did not run: there is no such test`,
    ]);
  });
});
