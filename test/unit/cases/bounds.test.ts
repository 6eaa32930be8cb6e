// What bounds notes, imported events and their export: how many, how long, how they look.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachment } from "../../../recorder/api/disposition.ts";
import { CaseDesk } from "../../../recorder/cases/case-desk.ts";
import { casePage } from "../../../recorder/cases/case-page.ts";
import type { CaseParts } from "../../../recorder/cases/parts.ts";
import type { StoredEvent } from "../../../recorder/cases/read-import.ts";
import { storedEvents } from "../../../recorder/cases/stored-events.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { NewImport } from "../../../shared/api/cases.ts";
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { openState } from "../../support/state.ts";

const by = { name: "ines", roles: ["investigator" as const], address: "" };
const startedAt = "2026-11-23T10:00:00.000Z";
let directory: string;
let database: ServiceDatabase;
let desk: CaseDesk;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "conduit-cases-"));
  database = await openState(join(directory, "conduit.db"));
  const goesOn = { startedAt, endedAt: null, durationUs: 0 } as unknown as RecordingSummary;
  desk = new CaseDesk({
    db: database.cases,
    audit: { append: async () => {} },
    recordings: { find: async () => goesOn },
    people: { find: async () => null },
    holds: {} as CaseParts["holds"],
    now: () => Date.parse(startedAt) + 30_000,
  });
});
afterAll(async () => {
  await database?.close();
  await rm(directory, { recursive: true, force: true });
});

const file = (text: string, more: object = {}) =>
  NewImport.parse({
    name: "a.csv",
    settings: { format: "csv", header: false, mapping: { at: "1", text: ["2"] } },
    base64: Buffer.from(text).toString("base64"),
    ...more,
  });

describe("imported events", () => {
  it("are of columns that are each named once", () => {
    const settings = { format: "csv", mapping: { at: "t", text: ["m", "m "] } };
    const { success, error } = NewImport.safeParse({ name: "a", settings, base64: "" });
    expect(success).toBe(false);
    expect(error?.issues).toMatchObject([{ path: ["settings", "mapping", "text"], message: "each column once" }]);
  });

  it("are so many in all, not counting those that were removed", async () => {
    const on = { session: "many" };
    const { imported } = await desk.imports.add(on, file("1764000000,a\n"), by);
    await database.cases.updateTable("imports").set({ events: 499_999 }).where("session", "=", "many").execute();
    await desk.imports.add(on, file("1764000000,b\n"), by);
    const refused = { code: "REQUEST_CONFLICT", message: expect.stringMatching(/500000 imported events.*500000/) };
    await expect(desk.imports.add(on, file("1764000000,c\n"), by)).rejects.toMatchObject(refused);
    await expect(desk.imports.add(on, file("1764000000,c\n", { dryRun: true }), by)).rejects.toMatchObject(refused);
    await desk.imports.remove(on, imported?.id ?? "", by);
    expect((await desk.imports.add(on, file("1764000000,c\n"), by)).imported).not.toBeNull();
  });

  it("are the earliest of all imports where there are more than are shown", async () => {
    const on = { session: "two" };
    const lines = (first: number) => Array.from({ length: 15_000 }, (_, i) => `${first + 2 * i},a\n`).join("");
    for (const first of [1_764_000_001, 1_764_000_000]) await desk.imports.add(on, file(lines(first)), by);
    const { events, more } = await desk.imports.events(await desk.imports.of(on), null);
    expect(more).toBe(true);
    expect(events.map(({ at }) => Date.parse(at) / 1000 - 1_764_000_000)).toEqual(
      Array.from({ length: 20_000 }, (_, i) => i),
    );
  });

  it("are read as they were stored, piece by piece, and no more of them than are asked for", async () => {
    const odd = 'a\\"],[1,"é\u{1f600}",null]\\';
    const all = Array.from({ length: 3_000 }, (_, i): StoredEvent => [i, odd, `${odd}${i}`, i % 2 ? null : "alarm"]);
    const stored = gzipSync(JSON.stringify(all));
    expect(await storedEvents(stored, { fromMs: 0, toMs: 9_999, most: 9_999 })).toEqual(all);
    expect(await storedEvents(stored, { fromMs: 100, toMs: 2_900, most: 10 })).toEqual(all.slice(100, 110));
    expect(await storedEvents(stored, { fromMs: 100, toMs: 102, most: 10 })).toEqual(all.slice(100, 103));
  });

  it.each([
    ["of another shape", gzipSync('[[1,"a","b",null],{}]')],
    ["cut off", gzipSync('[[1,"a","b",null]')],
    ["without end", gzipSync(`[[1,"a","${"b".repeat(200_000)}`)],
    ["as half a file", gzipSync('[[1,"a","b",null]]').subarray(0, 20)],
  ])("are refused where they are stored %s", async (_how, stored) => {
    const reading = storedEvents(stored, { fromMs: 0, toMs: 9, most: 9 });
    await expect(reading).rejects.toMatchObject({ code: "INTEGRITY_HASH" });
  });
});

describe("a note on a session that goes on", () => {
  it("is at a moment that it has come to", async () => {
    const at = (seconds: number) =>
      desk.notes.add("live", { kind: "note", atUs: seconds * 1e6, text: "a", tags: [] }, by);
    expect(await at(30)).toMatchObject({ atUs: 30_000_000 });
    await expect(at(91)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});

describe("what leaves", () => {
  it("ends its lines in a page however they end", async () => {
    const id = await desk.cases.create({ title: "t", description: "one\r\ntwo\rthree", members: [] }, by);
    const of = await desk.cases.get(id, by);
    const page = casePage({ of, imported: [], moreImported: false, exportedBy: "", exportedAt: "", files: new Map() });
    expect(page).toContain("one\ntwo\nthree");
  });

  it("has no change of direction in the name of a file", () => {
    expect(attachment("\u202egnp.exe")).toBe('attachment; filename="_gnp.exe"');
    expect(attachment("ä\u2066.csv")).toBe("attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%A4_.csv");
  });
});
