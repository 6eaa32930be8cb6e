// The answer as a whole, on a database of its own: periods, filters, whose sessions they are, and facts that are read once.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ActivityFilter, readActivity } from "../../../recorder/activity/activity.ts";
import { KeptFacts } from "../../../recorder/activity/kept-facts.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { Activity } from "../../../shared/api/activity.ts";
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { makeSessionId } from "../../../shared/ids.ts";
import { Policy } from "../../../shared/policy/policy.ts";
import { recordingRow } from "../../support/activity.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";
import { openState } from "../../support/state.ts";

const policy = Policy.parse({
  version: 1,
  rules: [
    {
      id: "office",
      effect: "allow",
      people: ["*"],
      targets: ["*"],
      capabilities: ["shell"],
      hours: { from: "06:00", to: "18:00", timeZone: "Europe/Berlin" },
    },
  ],
});
const nowMs = Date.parse("2026-11-23T12:00:00Z");

let count = 0;
function recording(
  startedAt: string,
  minutes: number | null,
  changes: Partial<RecordingSummary> = {},
): RecordingSummary {
  const startMs = Date.parse(startedAt);
  const random = Uint8Array.from({ length: 10 }, (_, k) => ((count + 1) * 7 + k * 13) % 256);
  return {
    session: makeSessionId(random, startMs),
    sequence: ++count,
    person: "Erika",
    target: "plc-1",
    conduit: "cell",
    protocol: "ssh",
    clientAddress: "10.0.0.1",
    startedAt,
    endedAt: minutes === null ? null : new Date(startMs + minutes * 60_000).toISOString(),
    durationUs: (minutes ?? 0) * 60_000_000,
    state: minutes === null ? "recording" : "sealed",
    endReason: minutes === null ? null : "client-closed",
    keystrokes: 0,
    files: 0,
    bytes: 1_000,
    gaps: 0,
    redactions: 0,
    ...changes,
  };
}

async function inDatabase<T>(all: RecordingSummary[], work: (database: ServiceDatabase) => Promise<T>): Promise<T> {
  const database = await openState(":memory:");
  try {
    await database.catalog.insertInto("recordings").values(all.map(recordingRow)).execute();
    return await work(database);
  } finally {
    await database.close();
  }
}

const read = (database: ServiceDatabase, filter: Partial<ActivityFilter> = {}) =>
  readActivity({ db: database.activity, policy: () => policy, now: () => nowMs }, { zone: "Europe/Berlin", ...filter });

describe("a plant's sessions", () => {
  let database: ServiceDatabase;
  beforeAll(async () => {
    database = await openState(":memory:");
    const all = [
      recording("2026-11-16T08:00:00Z", 30),
      // From 23:30 to 00:30 on the zone's clock, over the end of Tuesday.
      recording("2026-11-17T22:30:00Z", 60, { target: "plc-2", rule: "office", breakGlass: true }),
      recording("2026-11-18T09:00:00Z", 30, { person: "Omar", protocol: "vnc", conduit: "line" }),
      recording("2026-11-23T11:00:00Z", null),
      recording("2026-11-20T11:00:00Z", null, { state: "failed", durationUs: 90_000_000 }),
    ];
    await database.catalog.insertInto("recordings").values(all.map(recordingRow)).execute();
  });
  afterAll(() => database.close());

  it("stand in their days and hours, with those that go on", async () => {
    const found = await read(database, { from: "2026-11-16", to: "2026-11-24" });
    expect(Activity.parse(found)).toEqual(found);
    expect(found.days.map(({ day, sessions, seconds }) => [day, sessions, seconds])).toEqual([
      ["2026-11-16", 1, 1800],
      ["2026-11-17", 1, 1800],
      ["2026-11-18", 2, 3600],
      ["2026-11-19", 0, 0],
      ["2026-11-20", 1, 90],
      ["2026-11-21", 0, 0],
      ["2026-11-22", 0, 0],
      ["2026-11-23", 1, 3600],
    ]);
    expect(found.days[1]?.hours).toMatchObject([{ hour: 23, at: "2026-11-17T22:00:00.000Z", recordedBytes: 1000 }]);
    expect(found.days[2]?.hours).toMatchObject([
      { hour: 0, sessions: 1, recordedBytes: 0 },
      { hour: 10, sessions: 1, people: 1 },
    ]);
    expect(found.totals).toMatchObject({ sessions: 5, people: 2, targets: 2, seconds: 10890, recordedBytes: 5000 });
    expect(found.people.map(({ name, others, sessions }) => [name, others, sessions])).toEqual([
      ["Erika", 2, 4],
      ["Omar", 1, 1],
    ]);
    expect(found.unread).toBe(3);
  });

  it("say what is unusual, the newest first, and the same whatever else is filtered", async () => {
    const found = await read(database, { from: "2026-11-16", to: "2026-11-24" });
    expect(found.unusual?.map(({ kind, person, target }) => [kind, person, target])).toEqual([
      ["first-time", "Omar", "plc-1"],
      ["break-glass", "Erika", "plc-2"],
      ["first-time", "Erika", "plc-2"],
      ["outside-policy-hours", "Erika", "plc-2"],
      ["first-time", "Erika", "plc-1"],
    ]);
    const later = await read(database, { from: "2026-11-17", to: "2026-11-24", target: "PLC-2", conduit: "cell" });
    expect(later.unusual?.map(({ kind }) => kind)).toEqual(["break-glass", "first-time", "outside-policy-hours"]);
    expect(later.totals.sessions).toBe(1);
    expect((await read(database, { person: "om*" })).unusual?.map(({ kind }) => kind)).toEqual(["first-time"]);
    expect((await read(database, { conduit: "line" })).totals).toMatchObject({ sessions: 1, people: 1 });
  });

  it("are only one's own for who may not see others, and nothing of them is called unusual", async () => {
    const found = await read(database, { onlyPerson: "omar" });
    expect([found.totals.sessions, found.unusual, found.people.map(({ name }) => name)]).toEqual([1, null, ["Omar"]]);
    expect((await read(database, { onlyPerson: "omar", target: "plc-2" })).totals.sessions).toBe(0);
  });

  it("are those of the last 26 weeks unless asked otherwise", async () => {
    const found = await read(database);
    expect(found.days).toHaveLength(182);
    expect([found.days.at(-1)?.day, found.to]).toEqual(["2026-11-23", "2026-11-23T23:00:00.000Z"]);
  });

  it("that began before the period count within it only", async () => {
    const found = await read(database, { from: "2026-11-18", to: "2026-11-18T01:00:00Z" });
    expect(found.totals).toMatchObject({ sessions: 1, seconds: 1800, recordedBytes: 0 });
    expect(found.unusual).toEqual([]);
  });
});

describe("what cannot be answered", () => {
  it.each<Partial<ActivityFilter>>([
    { from: "yesterday" },
    { from: "2026-02-30" },
    { to: "1999-12-31" },
    { from: "2026-11-23", to: "2026-11-23" },
    { from: "2025-01-01", to: "2026-11-23" },
    { zone: "Mars/Olympus" },
  ])("is refused: %j", async (filter) => {
    await inDatabase([recording("2026-11-16T08:00:00Z", 1)], async (database) => {
      await expect(read(database, filter)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    });
  });
});

describe("facts of contents", () => {
  it("are read once, by the running service and anew by a rebuild alike, and damage is known", async () => {
    const key = makeSigningKey();
    const startedAt = "2026-11-20T08:00:00.000Z";
    const built = await maintenanceScene({ person: "Erika", target: "plc-1", startedAt, seed: 7 }, key);
    const { session } = built.summary;
    let reads = 0;
    const source = (isIntact: boolean) => ({
      index: async () => built.index,
      segment: async (_session: string, n: number) => {
        reads++;
        const meta = built.index.segments[n]!;
        return { meta, bytes: built.objects.get(meta.name)!, intact: isIntact };
      },
    });
    const failed = (error: unknown) => expect.unreachable(String(error));
    const rows = (database: ServiceDatabase) => database.activity.selectFrom("activity_facts").selectAll().execute();
    const bySealing = await inDatabase([built.summary], async (database) => {
      const facts = new KeptFacts({ db: database.activity, recordings: source(true), failed });
      facts.sealed(session);
      await facts.settled();
      const before = reads;
      await facts.start();
      await facts.settled();
      await facts.close();
      expect(reads).toBe(before);
      const { unread, totals } = await read(database);
      expect(unread).toBe(0);
      expect(totals.fileBytes).toBeGreaterThan(0);
      return rows(database);
    });
    expect(bySealing).toMatchObject([{ session, damaged: 0 }]);
    // Neither terminals nor keys are read for them.
    const tracks = built.index.tracks.filter(({ kind }) => kind === "events" || kind === "files");
    const names = new Set(tracks.map(({ name }) => name));
    expect(reads).toBe(built.index.segments.filter(({ track }) => names.has(track)).length);
    const byRebuild = await inDatabase([built.summary], async (database) => {
      const facts = new KeptFacts({ db: database.activity, recordings: source(true), failed });
      expect(await facts.readMissing()).toBe(1);
      expect(await facts.readMissing()).toBe(0);
      return rows(database);
    });
    expect(byRebuild).toEqual(bySealing);
    await inDatabase([built.summary], async (database) => {
      await new KeptFacts({ db: database.activity, recordings: source(false), failed }).readMissing();
      expect(await rows(database)).toMatchObject([{ session, damaged: 1, in_bytes: 0 }]);
    });
  });

  it("wait for a store that is away", async () => {
    const one = recording("2026-11-20T08:00:00Z", 1);
    await inDatabase([one], async (database) => {
      let isAway = true;
      const failures: string[] = [];
      let again: () => void = () => {};
      const isRead = new Promise<void>((resolve) => {
        again = resolve;
      });
      const facts = new KeptFacts({
        db: database.activity,
        recordings: {
          index: async () => {
            if (isAway) throw new Error("the store is away");
            again();
            return { ...emptyIndex, session: one.session };
          },
          segment: () => expect.unreachable("there is none"),
        },
        failed: (_error, session) => {
          failures.push(session);
          isAway = false;
        },
        retryMs: 1,
      });
      await facts.start();
      await isRead;
      await facts.settled();
      expect(failures).toEqual([one.session]);
      expect((await read(database)).unread).toBe(0);
      await facts.close();
    });
  });
});

const emptyIndex = {
  live: false,
  durationUs: 0,
  startedAt: "2026-11-20T08:00:00.000Z",
  openSha256: "",
  tracks: [],
  segments: [],
  gaps: [],
};
