// Segments that are still being written: what comes in any split is what the whole segment says.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputLine } from "../../../shared/events/stored.ts";
import { encodeRecord, screenCode, screenHeaderLine } from "../../../shared/screen/format.ts";
import { GrowingScreen } from "../../../shared/screen/growing.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { GrowingLines, GrowingTerminal } from "../../../shared/segment/growing.ts";
import { parseJsonSegment, parseTerminalSegment } from "../../../shared/segment/parse.ts";

const conduit = (version: 1 | 2, track: string) => ({
  version,
  session: "01a2076b-47e8-7841-aca4-96889bb971a9",
  track,
  index: 3,
  startUs: 1_000_000,
  firstSeq: 17,
});
const line = (value: unknown) => `${JSON.stringify(value)}\n`;
const joined = (parts: (string | Uint8Array)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as string))));

/** The bytes in pieces, cut where `cuts` says. */
function* split(whole: Uint8Array, cuts: number[]): Generator<Uint8Array> {
  const at = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].toSorted((a, b) => a - b);
  let from = 0;
  for (const to of [...at, whole.length]) {
    yield whole.subarray(from, to);
    from = to;
  }
}
const cuts = fc.array(fc.nat(), { maxLength: 40 });
const text = fc.string({ unit: "grapheme", maxLength: 60 });
const bytes = fc.uint8Array({ maxLength: 300 });

describe("a segment that grows", () => {
  it("of a terminal", () => {
    const row = fc.oneof(
      text.map((data) => [line([1.5, "o", data])]),
      bytes.map((data) => [line([2, "ob", data.length]), data, "\n"]),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(1 as const, 2 as const),
        fc.array(row, { maxLength: 20 }),
        cuts,
        (version, rows, at) => {
          const whole = joined([
            line({ version: 2, width: 100, height: 30, conduit: conduit(version, "terminal-0") }),
            line([1, "o", "\u001bc"]),
            ...rows.filter((parts) => version === 2 || parts.length === 1).flat(),
          ]);
          const growing = new GrowingTerminal();
          for (const piece of split(whole, at)) growing.push(piece);
          const { header, cols, rows: lines, keyframe, events } = growing;
          // A getter makes base64 of bytes: it is called for both.
          const plain = (list: typeof events) => list.map(({ atUs, code, data }) => [atUs, code, data]);
          const read = parseTerminalSegment(whole);
          expect({ header, cols, rows: lines, keyframe, events: plain(events) }).toEqual({
            ...read,
            events: plain(read.events),
          });
        },
      ),
    );
  });

  it("of typed text", () => {
    const row = fc.oneof(
      text.map((d) => [line({ t: 1, s: 1, ch: 0, k: "data", d })]),
      bytes.map((data) => [line({ t: 2, s: 2, ch: 0, k: "data", bytes: data.length }), data, "\n"]),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), cuts, (rows, at) => {
        const whole = joined([line({ conduit: conduit(2, "input") }), ...rows.flat()]);
        const growing = new GrowingLines(InputLine);
        for (const piece of split(whole, at)) growing.push(piece);
        expect({ header: growing.header, lines: growing.lines }).toEqual(parseJsonSegment(whole, InputLine));
      }),
    );
  });

  it("of a screen", () => {
    const record = fc.record({
      delta: fc.nat({ max: 3_000_000 }),
      code: fc.constantFrom(screenCode.draw, screenCode.pointer),
      payload: fc.uint8Array({ maxLength: 400 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), cuts, (records, at) => {
        const whole = joined([
          screenHeaderLine(conduit(1, "screen-0"), 640, 480),
          encodeRecord(0, { code: screenCode.keyframe, payload: new Uint8Array(200) }),
          ...records.map(({ delta, code, payload }) => encodeRecord(delta, { code, payload })),
        ]);
        const growing = new GrowingScreen();
        for (const piece of split(whole, at)) growing.push(piece);
        const reader = new ScreenReader(whole);
        const expected = [];
        for (let next = reader.next(); next !== null; next = reader.next()) expected.push(next);
        expect(growing.records).toEqual(expected);
        expect([growing.header, growing.width, growing.height]).toEqual([reader.header, 640, 480]);
      }),
    );
  });

  it("gives a line when its line feed is there, and not before", () => {
    const growing = new GrowingTerminal();
    growing.push(joined([line({ version: 2, width: 80, height: 24, conduit: conduit(1, "terminal-0") })]));
    expect([growing.cols, growing.keyframe]).toEqual([80, null]);
    growing.push(joined([line([1, "o", "\u001bc"]), '[1.000001, "o", "a"]']));
    expect([growing.keyframe, growing.events]).toEqual(["\u001bc", []]);
    growing.push(joined(["\n"]));
    expect(growing.events).toEqual([{ atUs: 1_000_001, code: "o", data: "a" }]);
  });

  it("says of what is no segment that it is none", () => {
    expect(() => new GrowingTerminal().push(joined(["nothing\n"]))).toThrow("line 1 of the segment is not JSON");
    const events = new GrowingTerminal();
    events.push(joined([line({ version: 2, width: 80, height: 24, conduit: conduit(1, "terminal-0") })]));
    expect(() => events.push(joined(["[1]\n"]))).toThrow("line 2 of the segment is not [time, code, data]");
    expect(() => new GrowingScreen().push(new Uint8Array(70_000).fill(65))).toThrow(/screen segment/);
  });
});
