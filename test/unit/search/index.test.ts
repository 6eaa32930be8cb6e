import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SearchDocument, SearchedSession } from "../../../recorder/search/search-index.ts";
import { openSqliteIndex, type SqliteSearchIndex } from "../../../recorder/search/sqlite-index.ts";
import { makeSessionId } from "../../../shared/ids.ts";
import { damageIndex } from "../../support/damaged-index.ts";

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

const startedAt = "2026-11-23T02:00:00.250000Z";

function facts(number: number, more: Partial<SearchedSession> = {}): SearchedSession {
  return {
    session: makeSessionId(new Uint8Array(10).fill(number), Date.parse(startedAt) + number * 60_000),
    person: "erika",
    target: "plc-reactor-01",
    conduit: "reactor",
    protocol: "ssh",
    startedAt: new Date(Date.parse(startedAt) + number * 60_000).toISOString(),
    version: 1,
    contents: "all",
    damage: [],
    leftOut: {},
    ...more,
  };
}

async function put(about: SearchedSession, documents: Omit<SearchDocument, "session">[]): Promise<SearchedSession> {
  async function* all() {
    for (const one of documents) yield { ...one, session: about.session };
  }
  await index.put(about.session, all(), () => about);
  return about;
}

const found = async (q: string, more: Partial<Parameters<SqliteSearchIndex["search"]>[0]> = {}) =>
  (await index.search({ q, limit: 50, ...more })).items.map(({ snippet }) => snippet.text);

test("a hit has its session, its second, its wall time and its marks", async () => {
  const about = await put(facts(1), [
    {
      kind: "command",
      atUs: 12_345_678,
      endUs: 13_000_000,
      text: "set setpoint 42.5",
      track: "terminal-0",
      exitStatus: 3,
    },
  ]);
  const { items, next } = await index.search({ q: "setpoint", limit: 5 });
  expect(next).toBeNull();
  expect(items).toEqual([
    {
      session: about.session,
      person: "erika",
      target: "plc-reactor-01",
      conduit: "reactor",
      protocol: "ssh",
      startedAt: "2026-11-23T02:01:00.250Z",
      kind: "command",
      atUs: 12_345_678,
      endUs: 13_000_000,
      at: "2026-11-23T02:01:12.595678Z",
      snippet: { text: "set setpoint 42.5", marks: [[4, 12]] },
      track: "terminal-0",
      exitStatus: 3,
    },
  ]);
});

test("words, phrases, prefixes and exclusions", async () => {
  await put(facts(1), [
    { kind: "output", atUs: 1, text: "valve V-101 opened at 14:02" },
    { kind: "output", atUs: 2, text: "valve V-102 closed" },
    { kind: "output", atUs: 3, text: "Über/cfg_max=10.0.0.1" },
  ]);
  expect(await found("valve")).toEqual(["valve V-102 closed", "valve V-101 opened at 14:02"]);
  expect(await found("valve opened")).toHaveLength(1);
  expect(await found('"valve v-102"')).toEqual(["valve V-102 closed"]);
  expect(await found('"102 valve"')).toEqual([]);
  expect(await found("clos*")).toEqual(["valve V-102 closed"]);
  expect(await found("valve -opened")).toEqual(["valve V-102 closed"]);
  expect(await found("uber 10.0.0.1 cfg_max")).toHaveLength(1);
  expect(await found("AND OR NOT NEAR")).toEqual([]);
});

test("filters by kind, person, target, conduit, protocol, session and time", async () => {
  const one = await put(facts(1), [{ kind: "command", atUs: 5e6, text: "reboot now" }]);
  const two = await put(facts(2, { person: "Petra", target: "hmi-2", conduit: "line", protocol: "vnc" }), [
    { kind: "screen-keys", atUs: 5e6, text: "reboot later" },
  ]);
  expect(await found("reboot")).toEqual(["reboot later", "reboot now"]);
  expect(await found("reboot", { kinds: ["command"] })).toEqual(["reboot now"]);
  expect(await found("reboot", { kinds: ["screen-keys", "file"] })).toEqual(["reboot later"]);
  expect(await found("reboot", { person: "pet" })).toEqual(["reboot later"]);
  expect(await found("reboot", { person: "et" })).toEqual(["reboot later"]);
  expect(await found("reboot", { person: "p*" })).toEqual(["reboot later"]);
  expect(await found("reboot", { person: "nobody" })).toEqual([]);
  expect(await found("reboot", { target: "plc-?eactor-01" })).toEqual(["reboot now"]);
  expect(await found("reboot", { conduit: "line" })).toEqual(["reboot later"]);
  expect(await found("reboot", { protocol: "ssh" })).toEqual(["reboot now"]);
  expect(await found("reboot", { session: one.session })).toEqual(["reboot now"]);
  expect(await found("", { session: two.session })).toEqual(["reboot later"]);
  expect(await found("", { kinds: ["command"] })).toEqual(["reboot now"]);
  expect(await found("reboot", { from: "2026-11-23T02:02:00Z" })).toEqual(["reboot later"]);
  expect(await found("reboot", { to: "2026-11-23T02:02:00Z" })).toEqual(["reboot now"]);
  expect(await found("reboot", { from: "2026-11-23T02:01:05.3Z", to: "2026-11-23T02:02:05Z" })).toEqual([]);
  expect(await found("reboot", { from: "2026-11-24" })).toEqual([]);
  await expect(found("reboot", { from: "yesterday" })).rejects.toThrow(/`from` is not a time/);
});

test("pages go on where the one before ended, newest first", async () => {
  for (let n = 1; n <= 3; n++) {
    await put(
      facts(n),
      [2, 1, 3].map((i) => ({ kind: "output", atUs: i, text: `pump ${n}.${i}` })),
    );
  }
  const texts: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await index.search({ q: "pump", limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    texts.push(...page.items.map(({ snippet }) => snippet.text));
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  expect(texts).toEqual(["3.3", "3.2", "3.1", "2.3", "2.2", "2.1", "1.3", "1.2", "1.1"].map((n) => `pump ${n}`));
  await expect(found("pump", { cursor: "!" })).rejects.toThrow(/cursor/);
});

test("by session: the number of hits and the last three of each, with pages", async () => {
  await put(facts(1), [{ kind: "output", atUs: 1, text: "alarm" }]);
  await put(
    facts(2),
    Array.from({ length: 7 }, (_, i) => ({ kind: "output" as const, atUs: i, text: `alarm ${i}` })),
  );
  const page = await index.search({ q: "alarm", limit: 1, group: "session" });
  expect(page.groups).toMatchObject([{ session: facts(2).session, count: 7 }]);
  expect(page.groups?.[0]?.hits.map(({ snippet }) => snippet.text)).toEqual(["alarm 6", "alarm 5", "alarm 4"]);
  const rest = await index.search({ q: "alarm", limit: 1, group: "session", cursor: page.next ?? "" });
  expect(rest.groups).toMatchObject([{ session: facts(1).session, count: 1 }]);
  expect(rest.next).toBeNull();
});

test("a recording that is put again replaces what was known of it, notes stay, and what is removed is gone", async () => {
  const about = facts(1);
  await index.putNotes(about.session, [{ session: about.session, kind: "note", atUs: 2, text: "look at the pump" }]);
  expect(await found("pump")).toEqual([]);
  await put(about, [{ kind: "output", atUs: 1, text: "pump one" }]);
  await put(about, [{ kind: "output", atUs: 1, text: "pump two" }]);
  expect(await found("pump")).toEqual(["look at the pump", "pump two"]);
  await index.putNotes(about.session, []);
  expect(await found("pump")).toEqual(["pump two"]);
  expect(await index.remove(about.session)).toBe(true);
  expect(await index.remove(about.session)).toBe(false);
  expect(await found("pump")).toEqual([]);
  expect(await index.state(about.session)).toBeNull();
});

test("sessions of one moment each have their place, and what is encrypted under a month leaves with its key", async () => {
  const at = { startedAt };
  await put(facts(1, { ...at, keyMonth: "2027-02" }), [{ kind: "output", atUs: 1, text: "pump 1" }]);
  await put(facts(2, { ...at, keyMonth: "2027-03", contents: "session" }), [
    { kind: "output", atUs: 1, text: "pump 2" },
  ]);
  await put(facts(3, { ...at, damage: ["terminal-0: bad"], leftOut: { output: 3 } }), []);
  expect(await found("pump")).toEqual(["pump 2", "pump 1"]);
  expect(await index.coverage()).toEqual({ sessions: 3, damaged: 1, shortened: 1, withoutContents: 1 });
  expect(await index.removeMonth("2027-02")).toBe(1);
  expect(await found("pump")).toEqual(["pump 2"]);
  expect(await index.state(facts(3).session)).toMatchObject({ damage: ["terminal-0: bad"], leftOut: { output: 3 } });
  expect([...(await index.sessions()).keys()].sort()).toEqual([facts(2).session, facts(3).session].sort());
});

test("files are found by their digest, whole or its beginning", async () => {
  const digest = "ab".repeat(32);
  await put(facts(1), [{ kind: "file", atUs: 1, text: "/recipes/reactor.bin", digest, bytes: 12 }]);
  expect(await found(digest)).toEqual(["/recipes/reactor.bin"]);
  expect(await found(digest.slice(0, 20).toUpperCase())).toEqual(["/recipes/reactor.bin"]);
  expect(await found("cd".repeat(32))).toEqual([]);
});

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

test.each(["2026-02-30", "2026-02-30T08:00:00Z", "2026-13-01"])(
  "the time %s, which does not exist, is refused",
  async (from) => {
    await expect(found("pump", { from })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  },
);
