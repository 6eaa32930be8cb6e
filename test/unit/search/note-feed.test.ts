import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NoteFeed, type StandingNote } from "../../../recorder/search/note-feed.ts";
import { openSqliteIndex, type SqliteSearchIndex } from "../../../recorder/search/sqlite-index.ts";

const logger = { error: () => {} };
const startedAt = "2026-11-23T02:00:00.000Z";
const session = "019ab000-0000-7000-8000-000000000001";
const expired = "019ab000-0000-7000-8000-000000000002";

let directory: string;
let index: SqliteSearchIndex;
let notes: Map<string, StandingNote[]>;
let stamps: Map<string, string>;
let feed: NoteFeed;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "note-feed-"));
  index = await openSqliteIndex(join(directory, "search.db"));
  notes = new Map();
  stamps = new Map();
  feed = new NoteFeed({
    index,
    noted: async () => stamps,
    standing: async (of) => (of === expired ? null : (notes.get(of) ?? [])),
    logger,
  });
});

afterEach(async () => {
  await feed.close();
  await index.close();
  rmSync(directory, { recursive: true, force: true });
});

const note = (text: string, more: Partial<StandingNote> = {}): StandingNote => ({
  kind: "note",
  atUs: 5_000_000,
  endUs: null,
  text,
  tags: [],
  author: "anna",
  ...more,
});

async function sealed(of: string): Promise<void> {
  const about = { session: of, person: "erika", target: "plc-1", conduit: "line", protocol: "ssh", startedAt } as const;
  await index.put(of, none(), () => ({ ...about, version: 1, contents: "all", damage: [], leftOut: {} }));
}
async function* none() {}

const texts = async (q: string) =>
  (await index.search({ q, kinds: ["note"], limit: 50 })).items.map(({ snippet }) => snippet.text);

test("notes that there are already are found after the start, by words, author and tag", async () => {
  await sealed(session);
  notes.set(session, [
    note("the valve is wrong", { tags: ["valve-7"], endUs: 9_000_000 }),
    note("", { kind: "bookmark" }),
  ]);
  stamps.set(session, "2 2 0");
  await feed.start();
  await feed.settled();
  expect(await texts("valve wrong")).toEqual(["anna: the valve is wrong #valve-7"]);
  expect(await texts("valve-7")).toHaveLength(1);
  expect(await texts("anna")).toHaveLength(2);
  const [hit] = (await index.search({ q: "wrong", limit: 1 })).items;
  expect(hit).toMatchObject({
    session,
    kind: "note",
    atUs: 5_000_000,
    endUs: 9_000_000,
    at: "2026-11-23T02:00:05.000000Z",
  });
});

test("one that is changed is found as it is now, and one that is struck out is not found", async () => {
  await sealed(session);
  notes.set(session, [note("pump broken")]);
  feed.changed(session);
  await feed.settled();
  notes.set(session, [note("pump repaired")]);
  feed.changed(session);
  await feed.settled();
  expect([await texts("broken"), await texts("repaired")]).toEqual([[], ["anna: pump repaired"]]);
  notes.set(session, []);
  feed.changed(session);
  await feed.settled();
  expect(await texts("pump")).toEqual([]);
});

test("notes on a session that goes on are found once its recording is in the index", async () => {
  notes.set(session, [note("look here")]);
  feed.changed(session);
  await feed.settled();
  expect(await texts("look")).toEqual([]);
  await sealed(session);
  expect(await texts("look")).toEqual(["anna: look here"]);
});

test("notes on a recording that is no longer kept do not come back with the next start", async () => {
  notes.set(expired, [note("gone")]);
  stamps.set(expired, "1 1 0");
  await feed.start();
  await feed.settled();
  await sealed(expired);
  expect(await texts("gone")).toEqual([]);
});

test("all of a long note is found", async () => {
  await sealed(session);
  notes.set(session, [note(`${"word ".repeat(700)}last`)]);
  feed.changed(session);
  await feed.settled();
  expect(await texts("last")).toHaveLength(1);
});
