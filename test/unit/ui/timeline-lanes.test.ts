// What stands on the timeline's lanes: nothing is lost when it is counted into bins, and lines become marks.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { factOf } from "../../../replay-ui/lists/event-rows.ts";
import {
  clockWords,
  importedLanes,
  importedOfAll,
  MAX_IMPORTED_LANES,
} from "../../../replay-ui/player/imported-lanes.ts";
import { addMoments, addSpread, binned, binnedMarks, scaled } from "../../../replay-ui/player/lane-bins.ts";
import {
  eventLine,
  fileLine,
  type LaneLine,
  type LaneMark,
  marksOf,
  typedLines,
} from "../../../replay-ui/player/lane-marks.ts";
import { LaneReader, MAX_INPUT_SEGMENTS } from "../../../replay-ui/player/lane-reader.ts";
import { Player } from "../../../replay-ui/player/player.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { marksWithin } from "../../../replay-ui/views/recording/lane-rows.ts";
import { type Import, type ImportedEvent, ImportSettings } from "../../../shared/api/cases.ts";
import type { EventsLine, FilesLine, InputLine } from "../../../shared/events/stored.ts";
import { memorySource } from "../../support/memory-source.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const sum = (bins: Float32Array) => bins.reduce((all, one) => all + one, 0);
const window = { fromUs: 1_000_000, toUs: 5_000_000 };

describe("bins", () => {
  it("count each moment within the window once, in order of time", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 6_000_000 })),
        fc.integer({ min: 1, max: 500 }),
        (times, count) => {
          const atUs = Float64Array.from(times.sort((a, b) => a - b));
          const bins = new Float32Array(count);
          addMoments(bins, window, { atUs, weights: null });
          expect(sum(bins)).toBe(times.filter((at) => at >= window.fromUs && at < window.toUs).length);
          const first = times.find((at) => at >= window.fromUs && at < window.toUs);
          const bin = bins.findIndex((value) => value > 0);
          if (first !== undefined) expect(bin).toBe(Math.floor(((first - window.fromUs) / 4_000_000) * count));
        },
      ),
    );
  });

  it("have of a segment that was not read the part that lies within", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6_000_000 }),
        fc.integer({ min: 1, max: 6_000_000 }),
        fc.integer({ min: 1, max: 300 }),
        (startUs, length, count) => {
          const endUs = startUs + length;
          const bins = new Float32Array(count);
          addSpread(bins, window, { startUs, endUs }, 1_000);
          const inside = Math.max(0, Math.min(endUs, window.toUs) - Math.max(startUs, window.fromUs));
          expect(Math.abs(sum(bins) - (1_000 * inside) / length)).toBeLessThan(1);
        },
      ),
    );
  });

  it("are drawn from 0 to 1, a single key visible beside a flood", () => {
    const bins = scaled(Float32Array.from([0, 1, 1_000_000]));
    expect([bins[0], bins[2]]).toEqual([0, 1]);
    expect(bins[1]).toBeGreaterThan(0.14);
    expect([...scaled(new Float32Array(3))]).toEqual([0, 0, 0]);
  });

  it("cost what lies within the window: segments beside it are not looked at", () => {
    const segments = Array.from({ length: 1_000 }, (_, n) => ({
      n,
      startUs: n * 1_000_000,
      endUs: n * 1_000_000 + 900_000,
    }));
    const asked: number[] = [];
    binned(
      segments as never,
      (n) => void asked.push(n) as undefined,
      { fromUs: 500_000_000, toUs: 503_000_000 },
      100,
      () => 1,
    );
    expect(asked).toEqual([500, 501, 502]);
  });
});

const event = (t: number, type: EventsLine["type"], facts: Record<string, unknown> = {}) =>
  eventLine({ t, s: 1, type, facts } as EventsLine, factOf);
const lanesOf = (lines: (LaneLine | null)[]) => marksOf(lines.filter((line) => line !== null));

describe("marks", () => {
  it("are spans where something lasted, one for each who escorted", () => {
    const lanes = lanesOf([
      event(1, "escort-begin", { by: "petra" }),
      event(2, "escort-begin", { by: "otto" }),
      event(3, "freeze", { by: "petra" }),
      event(4, "freeze", { by: "otto" }),
      event(5, "escort-end", { by: "petra" }),
      event(6, "unfreeze", {}),
      event(7, "freeze", {}),
    ]);
    expect(lanes.escort.map(({ atUs, endUs }) => [atUs, endUs])).toEqual([
      [1, 5],
      [2, Number.POSITIVE_INFINITY],
    ]);
    expect(lanes.freezes.map(({ atUs, endUs }) => [atUs, endUs])).toEqual([
      [3, 6],
      [7, Number.POSITIVE_INFINITY],
    ]);
  });

  it("of a transfer last from the opening to the close, and say what went through", () => {
    const file = (line: Partial<FilesLine>) =>
      fileLine({ t: 0, s: 0, ch: 2, id: 1, ...line } as FilesLine, (bytes) => `${bytes} B`);
    const lanes = lanesOf([
      file({ t: 5, op: "open", path: "/a", handle: "01", status: "ok" }),
      file({ t: 6, op: "opendir", path: "/", status: "ok" }),
      file({ t: 7, op: "open", path: "/b", handle: "02", status: "ok" }),
      file({ t: 8, op: "close", path: "/a", handle: "01", direction: "inbound", bytes: 9, status: "ok" }),
      file({ t: 9, op: "remove", path: "/c", status: "no_such_file" }),
    ]);
    expect(lanes.files).toEqual([
      { atUs: 5, endUs: 8, tone: "plain", title: "Uploaded /a", detail: "9 B" },
      { atUs: 7, tone: "plain", title: "Opened /b", detail: "" },
      { atUs: 9, tone: "warn", title: "Removed /c", detail: "no such file" },
    ]);
  });

  it("of a note stand at the moment that it is about", () => {
    expect(lanesOf([event(9_000, "note", { by: "petra", text: "here", atUs: 4_000 })]).notes[0]?.atUs).toBe(4_000);
  });

  it("reach into a window that they began before", () => {
    const marks = lanesOf([
      event(1, "freeze"),
      event(50, "unfreeze"),
      event(60, "freeze"),
      event(70, "unfreeze"),
    ]).freezes;
    expect(marksWithin(marks, { fromUs: 20, toUs: 30 }).map(({ atUs }) => atUs)).toEqual([1]);
    expect(marksWithin(marks, { fromUs: 51, toUs: 65 }).map(({ atUs }) => atUs)).toEqual([60]);
  });
});

describe("typed lines", () => {
  const input = (k: InputLine["k"], more: Partial<InputLine>): InputLine => ({ t: 1, s: 1, ch: 0, k, ...more });
  const keys = (text: string) => [...text].map((d) => input("text", { d }));
  const enter = input("key", { name: "Enter", d: "\r", t: 9 });

  it("stand where they were entered, without what was rubbed out", () => {
    const lines = [...keys("lss"), input("key", { name: "Backspace" }), ...keys(" -l"), enter];
    expect(typedLines(lines, new Map())).toEqual([{ atUs: 9, tone: "plain", title: "ls -l", detail: "" }]);
  });

  it("have nothing of a secret, and nothing of what was given up", () => {
    const secret = input("secret", { d: "hunter2", sealed: "hunter2" });
    const titles = typedLines([secret, enter, ...keys("rm -rf /"), input("key", { name: "Ctrl+C" }), enter], new Map());
    expect(titles.map(({ title }) => title)).toEqual(["[secret]"]);
  });

  it("go on from one segment to the next", () => {
    const open = new Map();
    expect(typedLines(keys("sta"), open)).toEqual([]);
    expect(typedLines([...keys("tus"), enter], open).map(({ title }) => title)).toEqual(["status"]);
  });

  it("of a screen are typed with keysyms", () => {
    const down = (name: string, d?: string) => input("vkey", { name, down: true, ...(d === undefined ? {} : { d }) });
    const lines = [down("h", "h"), input("vkey", { name: "h", down: false, d: "h" }), down("i", "i"), down("Return")];
    expect(typedLines(lines, new Map()).map(({ title }) => title)).toEqual(["hi"]);
  });
});

describe("what the timeline reads", () => {
  const made = () => {
    const key = makeSigningKey();
    const builder = new RecordingBuilder(
      { person: "v", target: "plc", startedAt: "2026-11-20T06:00:00.000Z", seed: 9 },
      key,
    );
    for (let second = 0; second < 3_600; second += 4) builder.input({ t: second * 1e6, ch: 0, k: "text", d: "x" });
    builder.event({ t: 5, type: "freeze", facts: {} });
    builder.event({ t: 3_599e6, type: "unfreeze", facts: {} });
    const source = memorySource(builder.finish());
    const loader = new SegmentLoader(source, new Integrity(source.index.get()));
    const player = new Player(source, loader);
    return { source, loader, player };
  };

  it("is all of the events, and of what was typed the window alone, where it is not too long", async () => {
    const { source, loader, player } = made();
    player.open(null, 0, 0);
    const reader = new LaneReader(player, loader);
    await new Promise<void>((resolve) => {
      const end = reader.state.subscribe(({ complete }) => {
        if (!complete) return;
        end();
        resolve();
      });
    });
    expect(reader.state.get().marks.freezes).toMatchObject([{ atUs: 5, endUs: 3_599e6 }]);
    const tracks = () => new Set(source.asked.map((n) => source.index.get().segments[n]!.track));
    expect([...tracks()]).toEqual(["events"]);
    const inputs = player.timeline.get().segments("input").length;
    expect(inputs).toBeGreaterThan(MAX_INPUT_SEGMENTS);
    const before = source.asked.length;
    reader.want({ fromUs: 0, toUs: 3_600e6 }, ["input"]);
    expect(source.asked.length).toBe(before);
    const loaded = new Set<number>();
    const there = new Promise<void>((resolve) => {
      loader.onLoaded((n) => {
        loaded.add(n);
        if (loaded.size === 2) resolve();
      });
    });
    reader.want({ fromUs: 100e6, toUs: 130e6 }, ["input"]);
    await there;
    for (const n of loaded) {
      const { startUs, endUs } = source.index.get().segments[n]!;
      expect(endUs >= 100e6 && startUs < 130e6).toBe(true);
    }
    reader.dispose();
  });
});

describe("imported events", () => {
  const settings = ImportSettings.parse({ format: "csv", mapping: { at: "time", text: ["text"] }, offsetMs: 2_500 });
  const source: Import = {
    id: "i1",
    caseId: "CASE-2026-0001",
    session: null,
    name: "alarms.csv",
    settings,
    bytes: 1,
    sha256: "",
    events: 1,
    firstAt: null,
    lastAt: null,
    lanes: [],
    addedBy: "engineer",
    addedAt: "",
    removed: null,
  };
  const event = (second: number, lane: string, more: Partial<ImportedEvent> = {}): ImportedEvent => ({
    at: new Date(second * 1_000).toISOString(),
    atUs: second * 1_000_000,
    lane,
    text: `at ${second}`,
    of: "i1",
    ...more,
  });

  it("are one lane for each name, each with the clock's offset, alarms red", () => {
    const events = [event(1, "Alarms", { severity: "alarm" }), event(2, "Historian"), event(3, "Alarms")];
    const { lanes } = importedLanes({ imports: [source], events, more: false });
    expect(lanes.map(({ name }) => name)).toEqual(["Alarms", "Historian"]);
    expect(lanes[0]).toMatchObject({
      clocks: ["alarms.csv: clock +2.5 s"],
      marks: [
        { atUs: 1_000_000, tone: "bad", title: "at 1", detail: "alarm · alarms.csv: clock +2.5 s" },
        { atUs: 3_000_000, tone: "plain" },
      ],
    });
    expect([clockWords(0), clockWords(-1_000)]).toEqual(["clock as it was", "clock −1 s"]);
  });

  it("of many names share the last lane, none is lost", () => {
    const events = Array.from({ length: 30 }, (_, i) => event(30 - i, `lane ${i}`));
    const { lanes } = importedLanes({ imports: [source], events, more: false });
    expect(lanes).toHaveLength(MAX_IMPORTED_LANES);
    expect(lanes.reduce((sum, { marks }) => sum + marks.length, 0)).toBe(30);
    const shared = lanes.at(-1)!.marks.map(({ atUs }) => atUs);
    expect(shared).toEqual([...shared].sort((a, b) => a - b));
    expect(lanes.at(-1)!.marks[0]!.detail).toContain("lane ");
  });

  it("of recordings beside each other are told once, and twice where the file says so", () => {
    const twice = [event(100, "Alarms"), event(100, "Alarms")];
    const told = [
      { imports: [source], events: [...twice, event(101, "Alarms")], more: false },
      { imports: [source], events: [...twice, event(102, "Alarms", { atUs: 0 })], more: true },
    ];
    const { lanes, more } = importedOfAll(told, 90_000);
    expect(lanes[0]!.marks.map(({ atUs }) => atUs / 1e6)).toEqual([10, 10, 11, 12]);
    expect(more).toBe(true);
  });

  it("in crowds are counted, and the worst of a bin is known", () => {
    const marks = Array.from({ length: 1_000 }, (_, i): LaneMark => {
      return { atUs: 1_000_000 + i * 4_000, tone: i === 990 ? "bad" : "plain", title: "", detail: "" };
    });
    const { bins, worst } = binnedMarks(marks, window, 10);
    expect([...bins]).toEqual(Array(10).fill(100));
    expect([...worst]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
  });
});
