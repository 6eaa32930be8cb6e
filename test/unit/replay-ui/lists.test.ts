import { describe, expect, it, vi } from "vitest";
import { eventRows } from "../../../replay-ui/lists/event-rows.ts";
import { fileRows } from "../../../replay-ui/lists/file-rows.ts";
import { keyRows } from "../../../replay-ui/lists/key-rows.ts";
import { TrackRows } from "../../../replay-ui/lists/track-rows.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Timeline } from "../../../replay-ui/player/timeline.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { NoticeType } from "../../../shared/events/session-event.ts";
import type { EventsLine, FilesLine, InputLine } from "../../../shared/events/stored.ts";
import { memorySource } from "../../support/memory-source.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { tamper } from "../../support/replay-fixtures.ts";

const SECOND = 1_000_000;
const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };
const alone = { before: undefined, after: undefined };

function typed(text: string, startUs = 0, stepUs = 100_000): InputLine[] {
  return [...text].map((character, i) => {
    const at = { t: startUs + i * stepUs, s: i, ch: 0 };
    return character === "\r"
      ? { ...at, k: "key" as const, name: "Enter", d: "\r" }
      : { ...at, k: "text" as const, d: character };
  });
}

const shown = (lines: InputLine[], neighbours = {}) =>
  keyRows({ kind: "input", lines }, { ...alone, ...neighbours }).map((row) =>
    row.items.map((item) => item.label.replaceAll("\u00a0", " ")).join(""),
  );

describe("keystrokes as rows", () => {
  it("puts a line of typing into one row, ended by Enter", () => {
    expect(shown(typed("ls -la\rpwd\r"))).toEqual(["ls -la⏎", "pwd⏎"]);
  });

  it("keeps the time of each keystroke", () => {
    const [row] = keyRows({ kind: "input", lines: typed("ls", SECOND) }, alone);
    expect(row!.items.map((item) => item.atUs)).toEqual([SECOND, SECOND + 100_000]);
  });

  it("starts a row after a pause, on another channel, and for data", () => {
    const lines: InputLine[] = [
      { t: 0, s: 0, ch: 0, k: "text", d: "a" },
      { t: 4 * SECOND, s: 1, ch: 0, k: "text", d: "b" },
      { t: 4.1 * SECOND, s: 2, ch: 1, k: "text", d: "c" },
      { t: 4.2 * SECOND, s: 3, ch: 1, k: "data", d: "AAAA", enc: "base64" },
      { t: 4.3 * SECOND, s: 4, ch: 1, k: "text", d: "d" },
    ];
    expect(shown(lines)).toEqual(["a", "b", "c", "3 bytes to standard input", "d"]);
  });

  it("breaks a long line between words, and a long word where it must", () => {
    const command = "calibrate --tag FT-110 --zero 4.002 --span 19.998 --comment done";
    const rows = shown(typed(`${command}\r`));
    expect(rows.join("")).toBe(`${command}⏎`);
    expect(rows.slice(0, -1).every((row) => row.endsWith(" "))).toBe(true);
    const word = "x".repeat(100);
    expect(shown(typed(word)).join("")).toBe(word);
  });

  it("never shows what was sealed", () => {
    const lines: InputLine[] = [
      {
        t: 0,
        s: 0,
        ch: 0,
        k: "secret",
        reason: "prompt-not-echoed",
        sealed: "YWdlLWVuY3J5cHRpb24=",
        d: "hunter2",
      },
    ];
    const rows = keyRows({ kind: "input", lines }, alone);
    expect(JSON.stringify(rows)).not.toContain("hunter2");
    expect(JSON.stringify(rows)).not.toContain("YWdl");
    expect(rows[0]!.items[0]).toMatchObject({ kind: "secret", label: "password" });
  });

  it("shows a row that a segment's end cut in two whole, in one place", () => {
    const first = typed("pwd\rcalib", 0);
    const second = typed("rate\rls\r", 1.2 * SECOND);
    const [a, b] = [
      { kind: "input" as const, lines: first },
      { kind: "input" as const, lines: second },
    ];
    expect(shown(first)).toEqual(["pwd⏎", "calib"]);
    expect(shown(first, { after: b })).toEqual(["pwd⏎"]);
    expect(shown(second, { before: a })).toEqual(["calibrate⏎", "ls⏎"]);
  });

  it("shows every keystroke exactly once, however typing is cut into segments", () => {
    const all = typed("status\rcalibrate --tag FT-110 --zero 4.002 --span 19.998 --comment 'in place'\rls\rexit\r");
    for (let size = 1; size < 30; size++) {
      const parts: InputLine[][] = [];
      for (let i = 0; i < all.length; i += size) parts.push(all.slice(i, i + size));
      const decoded = parts.map((lines) => ({ kind: "input" as const, lines }));
      const times = decoded.flatMap((part, i) =>
        keyRows(part, { before: decoded[i - 1], after: decoded[i + 1] }).flatMap((row) =>
          row.items.map((item) => item.atUs),
        ),
      );
      expect(times, `cut every ${size}`).toEqual(all.map((line) => line.t));
    }
  });
});

describe("files as rows", () => {
  const open = { t: 1, s: 0, ch: 2, op: "open" as const, id: 4, path: "/a.prg", flags: ["write", "creat"] };
  const running = {
    t: 3,
    s: 2,
    ch: 2,
    op: "write" as const,
    id: 0,
    path: "/a.prg",
    handle: "01",
    direction: "inbound" as const,
    bytes: 20,
    partial: true,
  };
  const close = {
    t: 4,
    s: 3,
    ch: 2,
    op: "close" as const,
    id: 6,
    path: "/a.prg",
    handle: "01",
    direction: "inbound" as const,
    bytes: 48_917,
    sha256: "ab".repeat(32),
    sequential: true,
  };
  const whole: FilesLine[] = [
    open,
    { ...open, t: 2, s: 1, handle: "01", status: "ok" },
    running,
    close,
    { t: 5, s: 4, ch: 2, op: "close", id: 6, path: "/a.prg", handle: "01", status: "ok" },
    { t: 6, s: 5, ch: 2, op: "remove", id: 7, path: "/b", status: "no_such_file" },
    { t: 7, s: 6, ch: 2, op: "rename", id: 8, path: "/a", newPath: "/b" },
  ];
  const files = (lines: FilesLine[]) => ({ kind: "files" as const, lines });

  it("makes one row of a request, its answer and its running totals", () => {
    const rows = fileRows(files(whole), alone);
    expect(rows.map((row) => row.title)).toEqual(["Opened /a.prg", "Uploaded /a.prg", "Removed /b", "Renamed /a"]);
    expect(rows[0]!.detail).toBe("to write, made if it is not there");
    expect(rows[1]).toMatchObject({
      atUs: 4,
      direction: "inbound",
      tone: "plain",
      detail: "49 kB · SHA-256 abababababab…",
    });
    expect(rows[2]).toMatchObject({ tone: "warn", detail: "no such file" });
    expect(rows[3]!.detail).toBe("no answer · to /b");
  });

  it("makes the same rows wherever a segment ends", () => {
    const expected = fileRows(files(whole), alone);
    for (let cut = 1; cut < whole.length; cut++) {
      const [first, second] = [files(whole.slice(0, cut)), files(whole.slice(cut))];
      const rows = [
        ...fileRows(first, { before: undefined, after: second }),
        ...fileRows(second, { before: first, after: undefined }),
      ];
      expect(rows, `cut at ${cut}`).toEqual(expected);
    }
  });

  it("keeps a running total that a crash left the last", () => {
    const rows = fileRows(files([running]), alone);
    expect(rows[0]).toMatchObject({ title: "Uploaded /a.prg", detail: "so far · 20 B" });
  });

  it("tells a command's bytes from files, and leaves out streams without any", () => {
    const stream = (direction: "inbound" | "outbound", bytes: number): FilesLine => ({
      ...{ t: 9, s: 9, ch: 3, op: "stream", id: 0, sequential: true, sha256: "cd".repeat(32) },
      ...{ direction, bytes },
    });
    expect(fileRows(files([stream("inbound", 0), stream("outbound", 0)]), alone)).toEqual([]);
    const titles = fileRows(files([stream("inbound", 5), stream("outbound", 7)]), alone).map(({ title }) => title);
    expect(titles).toEqual(["Sent into the command", "Received from the command"]);
  });
});

describe("events as sentences", () => {
  const say = (type: EventsLine["type"], facts: Record<string, unknown>, ch?: number) =>
    eventRows({ kind: "events", lines: [{ t: 1, s: 0, type, facts, ...(ch === undefined ? {} : { ch }) }] })[0]!;

  it("says what matters, and keeps the rest for the tooltip", () => {
    expect(say("auth", { side: "target", account: "service", method: "public-key", kex: "x25519" })).toMatchObject({
      title: "Connected to the target",
      detail: "as service · by public key",
      all: "side target · account service · method public-key · kex x25519",
    });
    expect(say("channel-open", { request: "shell", pty: { term: "xterm", cols: 100, rows: 30 } }, 4)).toMatchObject({
      title: "Shell opened",
      detail: "channel 4 · xterm · 100 × 30",
    });
    expect(say("exit", { status: 3 }).title).toBe("Exit status 3");
    expect(say("exit", { signal: "KILL" })).toMatchObject({ title: "Ended by signal KILL", tone: "warn" });
    expect(say("session-close", { reason: "client-closed" }).detail).toBe("client closed");
  });

  it("marks refusals, gaps and terminations", () => {
    expect(say("decision", { effect: "deny", reason: "no-rule", rule: "default" })).toMatchObject({
      tone: "bad",
      detail: "rule default · No rule of the policy allows it.",
    });
    expect(say("gap", { fromUs: 0, toUs: 40 * SECOND, reason: "recorder-crash" })).toMatchObject({
      tone: "bad",
      detail: "40 s · recorder crash",
    });
    expect(say("terminate", { by: "escort" }).tone).toBe("bad");
  });

  it("has words for every type there is", () => {
    for (const type of NoticeType.options) expect(say(type, {}).title, type).not.toBe("");
  });
});

describe("the rows of a long track", () => {
  async function open(count: number) {
    const builder = new RecordingBuilder(facts, makeSigningKey());
    for (let i = 0; i < count; i++) builder.event({ t: i * SECOND, type: "health", facts: { number: i } });
    const recording = builder.finish();
    const source = memorySource(recording);
    const loader = new SegmentLoader(source, new Integrity(recording.index));
    const rows = new TrackRows(loader, new Timeline(recording.index), "events", eventRows);
    loader.onLoaded(() => rows.refresh());
    loader.releaseBackground();
    return { recording, source, loader, rows };
  }

  it("has its length before anything is loaded, and loads only what is looked at", async () => {
    const { rows, source } = await open(1_000);
    expect(rows.length).toBe(1_000);
    expect(source.asked).toEqual([]);
    expect(rows.at(555)).toEqual({ state: "loading" });
    await vi.waitFor(() =>
      expect(rows.at(555)).toMatchObject({ state: "row", row: { atUs: 555 * SECOND, detail: "number 555" } }),
    );
    // The row's segment and its two neighbours.
    await vi.waitFor(() => expect(source.asked).toHaveLength(3));
    expect(rows.at(555).state).toBe("row");
    expect(source.asked).toHaveLength(3);
  });

  it("reads ahead the way somebody scrolls, and no farther", async () => {
    const { rows, source, recording } = await open(1_000);
    const segments = recording.index.segments.filter(({ track }) => track === "events").map(({ n }) => n);
    const asked = () => segments.flatMap((n, position) => (source.asked.includes(n) ? [position] : []));
    const lookAt = (place: number, positions: number[]) =>
      vi.waitFor(() => {
        expect(rows.at(place).state).toBe("row");
        expect(asked()).toEqual(positions);
      });
    await lookAt(505, [49, 50, 51]);
    await lookAt(525, [49, 50, 51, 52, 53, 54, 55]);
    await lookAt(485, [45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55]);
    // Nothing is fetched twice, however often the same rows are drawn.
    expect(source.asked).toHaveLength(11);
  });

  it("finds the row of a moment", async () => {
    const { rows, loader, recording } = await open(100);
    for (const segment of recording.index.segments) await loader.load(segment.n);
    expect(rows.placeAt(0)).toBe(0);
    expect(rows.placeAt(41.5 * SECOND)).toBe(41);
    expect(rows.placeAt(1_000 * SECOND)).toBe(99);
    expect(new TrackRows(loader, new Timeline(recording.index), "files", fileRows).placeAt(5)).toBe(-1);
  });

  it("keeps a row's place within its segment while others are counted, and learns from those how many there are", async () => {
    const { rows, loader, recording } = await open(1_000);
    const guessed = new TrackRows(loader, new Timeline(recording.index), "events", eventRows, 1 / 2);
    expect(guessed.length).toBe(500);
    const anchor = guessed.anchorOf(300);
    expect(guessed.placeOf(anchor!)).toBe(300);
    await loader.load(recording.index.segments.find(({ track }) => track === "events")!.n);
    expect(guessed.at(0).state).toBe("row");
    expect(guessed.length).toBe(rows.length);
    expect(guessed.placeOf(anchor!)).toBe(600);
    expect(guessed.placeOf(guessed.anchorOf(777)!)).toBe(777);
  });

  it("puts one row in place of a segment that fails its check", async () => {
    const { rows, loader, recording } = await open(100);
    const n = tamper(recording, "events", 3);
    await loader.load(n).catch(() => {});
    expect(rows.length).toBe(91);
    expect(rows.at(30)).toMatchObject({ state: "bad" });
  });
});
