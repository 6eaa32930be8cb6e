// Finding in a whole session, the text of a moment, and several recordings on one clock.
import { describe, expect, it } from "vitest";
import { formatClock, formatZone, fromLocalField, toLocalField, zone } from "../../../replay-ui/format.ts";
import { type FindProgress, findAll, MAX_HITS, OutputText } from "../../../replay-ui/player/find.ts";
import { plainLines, scrollbackAt } from "../../../replay-ui/player/scrollback.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Timeline } from "../../../replay-ui/player/timeline.ts";
import { covered, momentAt } from "../../../replay-ui/player/together.ts";
import { screenText } from "../../../replay-ui/renderers/found.ts";
import { lensView } from "../../../replay-ui/renderers/lens-view.ts";
import { scrolled } from "../../../replay-ui/renderers/loupe.ts";
import { parseRoute } from "../../../replay-ui/router.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { adjacentHit } from "../../../replay-ui/views/recording/find-panel.tsx";
import { isZone, zoneOffsetMinutes } from "../../../replay-ui/zone.ts";
import { memorySource } from "../../support/memory-source.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const ESC = "\u001b";
const facts = { person: "v", target: "plc", startedAt: "2026-11-20T06:00:00.000Z", seed: 9 };

async function recordingOf(write: (builder: RecordingBuilder) => Promise<unknown>) {
  const builder = new RecordingBuilder(facts, makeSigningKey());
  builder.channel(0, { request: "shell", pty: true });
  await write(builder);
  const source = memorySource(builder.finish());
  const loader = new SegmentLoader(source, new Integrity(source.index.get()));
  return { source, loader, timeline: new Timeline(source.index.get()) };
}

async function found(recording: Awaited<ReturnType<typeof recordingOf>>, query: string): Promise<FindProgress> {
  let last: FindProgress | null = null;
  await findAll(recording.loader, recording.timeline, query, new AbortController().signal, (next) => {
    last = next;
  });
  return last!;
}

describe("output as text", () => {
  it("has no control sequences, even of several parts, and knows when each part came", () => {
    const output = new OutputText();
    output.add(10, `${ESC}[1`);
    output.add(20, ";32mva");
    output.add(30, `lve${ESC}[0m\r\n`);
    output.add(40, "open");
    output.finish();
    expect(output.text).toBe("valve\nopen");
    expect([0, 1, 2, 6].map((place) => output.atUs(place))).toEqual([20, 20, 30, 40]);
  });
});

describe("finding", () => {
  it("is in output, typed lines, files and events, in order of time, without regard to capitals", async () => {
    const recording = await recordingOf(async (builder) => {
      builder.event({ t: 5, type: "note", facts: { by: "petra", text: "the valve again" } });
      for (const [i, d] of [..."cat Valve.txt"].entries()) builder.input({ t: 1_000 + i, ch: 0, k: "text", d });
      builder.input({ t: 2_000, ch: 0, k: "key", name: "Enter", d: "\r" });
      await builder.output(0, 3_000, `the ${ESC}[1mvalve${ESC}[0m is open\r\n`);
      builder.file({ t: 4_000, ch: 1, op: "remove", id: 1, path: "/valve.txt", status: "ok" });
      builder.input({ t: 5_000, ch: 0, k: "secret", reason: "prompt-not-echoed" });
    });
    const { hits, done, unread } = await found(recording, "VALVE");
    expect([done, unread]).toEqual([true, 0]);
    expect(hits.map(({ kind, atUs }) => [kind, atUs])).toEqual([
      ["event", 5],
      ["typed", 2_000],
      ["output", 3_000],
      ["file", 4_000],
    ]);
    for (const { text, from, to } of hits) expect(text.slice(from, to).toLowerCase()).toBe("valve");
    expect((await found(recording, "nowhere")).hits).toEqual([]);
  });

  it("is found where it goes on from one segment to the next, once", async () => {
    const recording = await recordingOf(async (builder) => {
      await builder.output(0, 1_000_000, "pump pu");
      await builder.output(0, 40_000_000, "mp end pump");
    });
    expect(recording.timeline.segments("terminal-0").length).toBeGreaterThan(1);
    expect((await found(recording, "pump")).hits.map(({ atUs }) => atUs)).toEqual([1e6, 40e6, 40e6]);
  });

  it("lists no more than it may, and says so", async () => {
    const recording = await recordingOf((builder) => builder.output(0, 1_000, "x ".repeat(MAX_HITS + 5)));
    const { hits, full } = await found(recording, "x");
    expect([hits.length, full]).toEqual([MAX_HITS, true]);
  });

  it("goes past what cannot be read, and counts it", async () => {
    const recording = await recordingOf((builder) => builder.output(0, 1_000, "here"));
    for (const { n, track } of recording.source.index.get().segments) {
      if (track === "terminal-0") recording.source.unreachable.add(n);
    }
    expect(await found(recording, "here")).toMatchObject({ hits: [], unread: 1, done: true });
  });

  it("stops when it is told to", async () => {
    const recording = await recordingOf((builder) => builder.output(0, 1_000, "here"));
    const abort = new AbortController();
    abort.abort();
    await findAll(recording.loader, recording.timeline, "here", abort.signal, () => expect.unreachable());
    expect(recording.source.asked).toEqual([]);
  });

  it("steps to the next and the one before", () => {
    const hits = [{ atUs: 10 }, { atUs: 20 }];
    expect([adjacentHit(hits, 10, 1), adjacentHit(hits, 10, -1), adjacentHit(hits, 15, -1)]).toEqual([
      hits[1],
      undefined,
      hits[0],
    ]);
  });
});

describe("what is found on the screen", () => {
  const row = (...parts: [column: number, text: string][]) =>
    parts.map(([column, text]) => ({ column, text, node: text }));

  it("reads rows with their gaps, and a full one goes on in the next", () => {
    const { text, pieces } = screenText(
      [row([0, "a"], [3, "pump"]), row([0, "0123456789"]), row([0, "ab"]), [], row([0, "日"], [2, "本"], [5, "x"])],
      10,
    );
    expect(text).toBe("a  pump\n0123456789ab\n\n日本 x\n");
    expect(pieces.map(({ at, node }) => text.slice(at, at + node.length))).toEqual(pieces.map(({ node }) => node));
  });
});

describe("the magnifier", () => {
  const screen = { width: 1280, height: 800 };
  const size = { width: 360, height: 220 };
  const view = (x: number, y: number, shownScale: number, ratio: number) =>
    lensView({
      x,
      y,
      screen,
      shownScale,
      size,
      ratio,
      seen: { x: 0, y: 0, width: 1280 * shownScale, height: 800 * shownScale },
    });

  it("has each recorded pixel as a whole number of the display's, twice as large as it is shown at least", () => {
    for (const shownScale of [0.3, 0.7, 1, 2.1]) {
      for (const ratio of [1, 1.5, 2, 3]) {
        const { scale, from } = view(640, 400, shownScale, ratio);
        expect(Number.isInteger(scale)).toBe(true);
        expect(scale).toBeGreaterThanOrEqual(2 * shownScale * ratio);
        expect([from.x, from.y, from.width, from.height].every(Number.isInteger)).toBe(true);
      }
    }
  });

  it("stays within the screen, and within what is seen of it", () => {
    for (const [x, y] of [
      [0, 0],
      [1279, 799],
      [1279, 0],
    ] as const) {
      const { from, scale, left, top } = view(x, y, 0.7, 1);
      expect(x >= from.x && x < from.x + from.width && y >= from.y && y < from.y + from.height).toBe(true);
      expect(from.x + from.width).toBeLessThanOrEqual(screen.width);
      expect(left >= 0 && top >= 0 && left + from.width * scale <= 1280 * 0.7 + 1e-6).toBe(true);
      expect(top + from.height * scale).toBeLessThanOrEqual(800 * 0.7 + 1e-6);
    }
  });
});

describe("the text of a terminal", () => {
  it("has each line in its last form", () => {
    expect(plainLines(`10 %\r100 %\r\nabc\b\bX\r\nlong line\rok${ESC}[K\r\n${ESC}]0;title\u0007end`)).toEqual([
      "100 %",
      "aXc",
      "ok",
      "end",
    ]);
  });

  it("leaves out programs that draw the whole screen", () => {
    expect(plainLines(`$ vi\r\n${ESC}[?1049h~\r\n~${ESC}[?1049l$ `)).toEqual(["$ vi", "$"]);
  });

  it("is that up to the moment, with what scrolled off", async () => {
    const recording = await recordingOf(async (builder) => {
      for (let i = 0; i < 100; i++) await builder.output(0, i * 1_000_000, `line ${i}\r\n`);
    });
    const { text, cut } = await scrollbackAt(recording.loader, recording.timeline, "terminal-0", 60_500_000);
    const lines = text.trimEnd().split("\n");
    expect([lines[0], lines.at(-1), lines.length, cut]).toEqual(["line 0", "line 60", 61, false]);
  });
});

describe("several recordings on one clock", () => {
  const a = { startedMs: 1_000_000, durationUs: 60_000_000 };
  const b = { startedMs: 1_030_000, durationUs: 90_000_000 };

  it("reach from the first beginning to the last end", () => {
    expect(covered([b, a])).toEqual({ fromMs: 1_000_000, toMs: 1_120_000 });
  });

  it("stand still before they begin and after they end", () => {
    expect(momentAt(1_010_000, a)).toEqual({ atUs: 10_000_000, state: "during" });
    expect(momentAt(1_010_000, b)).toEqual({ atUs: 0, state: "before" });
    expect(momentAt(1_070_000, a)).toEqual({ atUs: 60_000_000, state: "after" });
  });

  it("are named by an address, each once and no more than fit", () => {
    expect(parseRoute("/compare", "?sessions=a,b,a,c,d,e&t=2026-11-20T06:00:00Z")).toEqual({
      view: "compare",
      sessions: ["a", "b", "c", "d"],
      at: "2026-11-20T06:00:00Z",
    });
    expect(parseRoute("/compare", "?t=soon")).toEqual({ view: "compare", sessions: [], at: null });
  });
});

describe("a screen that follows the pointer", () => {
  it("is scrolled no further than it must", () => {
    expect([scrolled(100, 200, 200), scrolled(100, 200, 110), scrolled(100, 200, 290), scrolled(0, 200, 10)]).toEqual([
      100, 70, 130, 0,
    ]);
  });
});

describe("the time zone", () => {
  it("is the chosen one, with its summer time, in everything that is written", () => {
    const before = zone.get();
    try {
      zone.set("Europe/Vienna");
      const [winter, summer] = [Date.UTC(2026, 0, 15, 12), Date.UTC(2026, 6, 15, 12)];
      expect([formatClock(winter), formatClock(summer)]).toEqual(["13:00:00", "14:00:00"]);
      expect([formatZone(winter), formatZone(summer)]).toEqual(["UTC+1", "UTC+2"]);
      for (const ms of [winter, summer]) expect(fromLocalField(toLocalField(ms))).toBe(new Date(ms).toISOString());
      zone.set("UTC");
      expect(formatClock(winter)).toBe("12:00:00");
    } finally {
      zone.set(before);
    }
  });

  it("knows halves of hours, and no zone that is none", () => {
    expect(zoneOffsetMinutes(Date.UTC(2026, 0, 1), "Asia/Kolkata")).toBe(330);
    expect([isZone("Europe/Vienna"), isZone("Mars/Olympus"), isZone("UTC")]).toEqual([true, false, true]);
  });
});
