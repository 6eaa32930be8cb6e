// Segments of version 2: bytes after the line that says how many they are.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors.ts";
import { InputLine } from "../../../shared/events/stored.ts";
import { hasBytes, parseJsonSegment, parseTerminalSegment } from "../../../shared/segment/parse.ts";

const conduit = (version: number, track: string) => ({
  version,
  session: "01a2076b-47e8-7841-aca4-96889bb971a9",
  track,
  index: 0,
  startUs: 0,
  firstSeq: 0,
});
const join = (...parts: (string | Uint8Array)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
const terminal = (version: number, ...rest: (string | Uint8Array)[]) =>
  join(
    `${JSON.stringify({ version: 2, width: 80, height: 24, conduit: conduit(version, "terminal-0") })}\n`,
    '[0.000000, "o", "\\u001bc"]\n',
    ...rest,
  );
const input = (version: number, ...rest: (string | Uint8Array)[]) =>
  join(`${JSON.stringify({ conduit: conduit(version, "input") })}\n`, ...rest);

/** Line feeds, quotes, and what looks like a line are bytes like any other. */
const binary = Buffer.concat([Buffer.from('\n[1, "o", "x"]\n\xff', "latin1"), randomBytes(70_000)]);
const text = "é日本🙂\n".repeat(900);

describe("a terminal's segment with bytes", () => {
  const segment = terminal(
    2,
    '[0.100000, "o", "before"]\n',
    `[0.200000, "ob", ${binary.length}]\n`,
    binary,
    "\n",
    `[0.300000, "eb", ${Buffer.byteLength(text)}]\n`,
    text,
    "\n",
    '[0.400000, "ob", 0]\n\n',
    '[0.500000, "ob", "/w=="]\n',
    '[0.600000, "x", "0"]\n',
  );

  it("gives text as text, other bytes as they are and in base64, in the order of the lines", () => {
    const { events } = parseTerminalSegment(segment);
    expect(events.map(({ atUs, code }) => [atUs, code])).toEqual([
      [100_000, "o"],
      [200_000, "ob"],
      [300_000, "e"],
      [400_000, "o"],
      [500_000, "ob"],
      [600_000, "x"],
    ]);
    expect(Buffer.from(events[1]?.bytes ?? []).equals(binary)).toBe(true);
    expect(events[1]?.data).toBe(binary.toString("base64"));
    expect(events[2]?.data).toBe(text);
    expect([events[3]?.data, events[4]?.data]).toEqual(["", "/w=="]);
    expect([hasBytes(segment), hasBytes(terminal(1))]).toEqual([true, false]);
  });

  it.each([
    ["more bytes than there are", '[0.1, "ob", 9]\n', "12345678\n"],
    ["no line feed after them", '[0.1, "ob", 3]\n', "1234567\n"],
    ["a number below zero", '[0.1, "ob", -1]\n', "\n"],
    ["half a byte", '[0.1, "ob", 1.5]\n', "12\n"],
    ["a number that no memory has", '[0.1, "ob", 1e300]\n', "12\n"],
    ["bytes of a code that has none", '[0.1, "o", 2]\n', "12\n"],
    ["an end in the middle", '[0.1, "ob", 2]', ""],
  ])("refuses %s", (_what, ...rest) => {
    expect(() => parseTerminalSegment(terminal(2, ...rest))).toThrow(AppError);
    expect(() => parseTerminalSegment(terminal(2, ...rest))).toThrow(/^line \d+ of the segment/);
  });

  it("knows no bytes in version 1", () => {
    expect(() => parseTerminalSegment(terminal(1, '[0.1, "ob", 2]\n', "12\n"))).toThrow(/is not \[time, code, data\]/);
  });
});

describe("an input segment with bytes", () => {
  it("gives the lines that the same bytes have without them", () => {
    const { lines } = parseJsonSegment(
      input(
        2,
        '{"t":1,"s":0,"ch":0,"k":"text","d":"x"}\n',
        `{"t":2,"s":1,"ch":1,"k":"data","bytes":${binary.length}}\n`,
        binary,
        `\n{"t":3,"s":2,"ch":1,"k":"data","bytes":${Buffer.byteLength(text)}}\n`,
        text,
        "\n",
      ),
      InputLine,
    );
    expect(lines).toEqual([
      { t: 1, s: 0, ch: 0, k: "text", d: "x" },
      { t: 2, s: 1, ch: 1, k: "data", enc: "base64", d: binary.toString("base64") },
      { t: 3, s: 2, ch: 1, k: "data", d: text },
    ]);
  });

  it("knows no bytes in version 1, and none of other kinds", () => {
    const line = (k: string) => [`{"t":2,"s":1,"ch":1,"k":"${k}","bytes":2}\n`, "12\n"];
    expect(() => parseJsonSegment(input(1, ...line("data")), InputLine)).toThrow(AppError);
    expect(() => parseJsonSegment(input(2, ...line("text")), InputLine)).toThrow(AppError);
  });
});
