import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { matchExpression, parseQuery } from "../../../recorder/search/query.ts";
import { openSqliteIndex, type SqliteSearchIndex } from "../../../recorder/search/sqlite-index.ts";
import { AppError } from "../../../shared/errors.ts";

let directory: string;
let index: SqliteSearchIndex;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "search-query-"));
  index = await openSqliteIndex(join(directory, "search.db"));
  const session = "01930000-0000-7000-8000-000000000001";
  async function* documents() {
    yield {
      session,
      kind: "output" as const,
      atUs: 1,
      text: 'pump NOT running AND "quoted" {text} : ^a* NEAR(b c, 2)',
    };
  }
  await index.put(session, documents(), () => ({
    session,
    person: "erika",
    target: "plc",
    conduit: "reactor",
    protocol: "ssh",
    startedAt: "2026-11-23T02:00:00.000000Z",
    version: 1,
    contents: "all",
    damage: [],
    leftOut: {},
  }));
});

afterAll(async () => {
  await index.close();
  rmSync(directory, { recursive: true, force: true });
});

test.each([
  ['"pump', /quotation mark is open/],
  ["pump*running", /before the end/],
  ["*", /nothing to look for/],
  ["-", /- stands alone/],
  ["--", /letter or a digit/],
  ["-pump", /every word is excluded/],
  ["p*", /at least 2 characters/],
  ["!!!", /letter or a digit/],
  [Array(21).fill("a1").join(" "), /more than 20 words/],
])("%j says how it is mended", (q, message) => {
  expect(() => parseQuery(q)).toThrow(message);
  expect(() => parseQuery(q)).toThrow(expect.objectContaining({ code: "REQUEST_INVALID" }));
});

test("what is an operator elsewhere is a word here", async () => {
  for (const q of ["NOT", "and", "near", '"{text}"', "quoted", "^a", "NEAR(b", "text:", "pump -stopped"]) {
    expect((await index.search({ q, limit: 5 })).items, q).toHaveLength(1);
  }
});

test("no words make no expression, and filters alone make one", () => {
  expect(matchExpression([], [])).toBeNull();
  expect(matchExpression(parseQuery("  "), [["kfile"]])).toBe('({facets} : ("kfile"))');
});

const spiteful = fc.array(
  fc.oneof(
    fc.constantFrom(
      '"',
      "*",
      "-",
      "(",
      ")",
      ":",
      "^",
      "+",
      "{",
      "}",
      " ",
      "AND",
      "OR",
      "NOT",
      "NEAR",
      "\0",
      "'",
      ";",
      "\\",
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 6 }),
    fc.constantFrom("pump", "text", "facets", "words", "\ud800", "é", "日本", "̈", "ﬀ", "²"),
  ),
  { maxLength: 40 },
);

test("no text makes a fault of the database: it is answered, or refused in words", async () => {
  await fc.assert(
    fc.asyncProperty(spiteful, async (pieces) => {
      try {
        const { items } = await index.search({ q: pieces.join("").slice(0, 500), limit: 3 });
        expect(items.length).toBeLessThanOrEqual(1);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "REQUEST_INVALID") throw error;
      }
    }),
    { numRuns: 500 },
  );
});
