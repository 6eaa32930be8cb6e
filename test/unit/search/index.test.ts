// The file that the search index in SQLite has; test/contract/search has what it shares with others.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SearchedSession } from "../../../recorder/search/search-index.ts";
import { openSqliteIndex, type SqliteSearchIndex } from "../../../recorder/search/sqlite-index.ts";
import { damageIndex } from "../../support/damaged-index.ts";
import { facts, type Line, putInto, textsOf } from "../../support/search-index.ts";

let directory: string;
let index: SqliteSearchIndex;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "search-index-"));
  index = await openSqliteIndex(join(directory, "search.db"));
});

afterEach(async () => {
  await index.close();
  rmSync(directory, { recursive: true, force: true });
});

const put = (about: SearchedSession, lines: readonly Line[]) => putInto(index, about, lines);
const found = (q: string) => textsOf(index, q);

test("the file is private, and one that is damaged or of another version is made anew", async () => {
  const file = join(directory, "search.db");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await put(facts(1), [{ kind: "output", atUs: 1, text: "pump" }]);
  await index.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  writeFileSync(file, "this is no database, and never was one".repeat(200));
  index = await openSqliteIndex(file);
  expect(await found("pump")).toEqual([]);
});

const many = Array.from({ length: 2_000 }, (_, i) => ({
  kind: "output" as const,
  atUs: i,
  text: `line ${i} of ${i * 7}`,
}));

test("an index that was damaged while nobody had it open is made anew when it is opened", async () => {
  await put(facts(1), many);
  await index.remove("none");
  await index.close();
  const file = join(directory, "search.db");
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 8192) * 4096;
  writeFileSync(file, bytes.fill(0, middle, middle + 65_536));
  index = await openSqliteIndex(file);
  expect((await index.coverage()).sessions).toBe(0);
  await put(facts(2), [{ kind: "output", atUs: 1, text: "pump started" }]);
  expect(await found("pump")).toEqual(["pump started"]);
});

test("an index that is damaged while it is searched says so, and begins anew", async () => {
  await put(facts(1), many);
  let remade = 0;
  index.whenRemade(() => remade++);
  await damageIndex(join(directory, "search.db"));
  await expect(found("harmless*")).rejects.toMatchObject({
    code: "SEARCH_UNAVAILABLE",
    message: expect.stringContaining("is damaged; it is being made again"),
  });
  await put(facts(2), [{ kind: "output", atUs: 1, text: "pump started" }]);
  expect(remade).toBe(1);
  expect(await found("pump")).toEqual(["pump started"]);
});

test("what expires leaves an index that is damaged", async () => {
  const { session } = await put(facts(1), many);
  await damageIndex(join(directory, "search.db"));
  await index.remove(session);
  expect((await index.coverage()).sessions).toBe(0);
  expect(await found("")).toEqual([]);
});

test("words of what left are in no file of the index", async () => {
  const inFiles = (word: string) =>
    ["search.db", "search.db-wal"].some((name) => readFileSync(join(directory, name)).includes(word));
  const line = (text: string) => [{ kind: "output" as const, atUs: 1, text }];
  const about = await put(facts(1), line("unusualword"));
  expect(inFiles("unusualword")).toBe(true);
  await index.remove(about.session);
  expect(inFiles("unusualword")).toBe(false);
  await put(facts(2, { keyMonth: "2026-11" }), line("monthlyword"));
  await index.removeMonth("2026-11");
  expect(inFiles("monthlyword")).toBe(false);
  const { session } = await put(facts(3), line("formerword"));
  await index.putNotes(session, [{ session, kind: "note", atUs: 1, text: "strickenword" }]);
  await index.putNotes(session, []);
  expect(inFiles("strickenword")).toBe(false);
  await put(facts(3), line("laterword"));
  expect(inFiles("formerword")).toBe(false);
});
