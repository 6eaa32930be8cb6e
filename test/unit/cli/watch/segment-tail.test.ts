import { expect, test } from "vitest";
import { SegmentTail } from "../../../../recorder/cli/watch/segment-tail.ts";
import { jsonLine } from "../../../../recorder/cli/watch/watch-words.ts";
import { terminalBytes } from "../../../../shared/segment/parse.ts";

const header = {
  version: 2,
  width: 80,
  height: 24,
  conduit: { version: 2, session: "s", track: "terminal-0", index: 0, startUs: 0, firstSeq: 0 },
};
const whole = Buffer.concat([
  Buffer.from(`${JSON.stringify(header)}\n[0.000000,"o","größe"]\n[1.000000,"ob",3]\n`),
  Buffer.from([0x0a, 0xff, 0x00]),
  Buffer.from('\n[2.000000,"o","end"]\n'),
]);

test("rows are the same however a segment is cut into pieces", () => {
  const values = new SegmentTail(terminalBytes).take(0, whole);
  expect(values).toHaveLength(4);
  expect(values[2]?.bytes).toEqual(Buffer.from([0x0a, 0xff, 0x00]));
  for (const size of [1, 2, 3, 7, 50]) {
    const tail = new SegmentTail(terminalBytes);
    const rows = [];
    for (let at = 0; at < whole.length; at += size) rows.push(...tail.take(at, whole.subarray(at, at + size)));
    expect(rows.map(({ value, bytes }) => [value, bytes && [...bytes]])).toEqual(
      values.map(({ value, bytes }) => [value, bytes && [...bytes]]),
    );
    expect(tail.line).toBe(4);
  }
});

test("a hole is no content", () => {
  const tail = new SegmentTail(terminalBytes);
  tail.take(0, whole.subarray(0, 10));
  expect(() => tail.take(11, whole.subarray(11))).toThrow("has a hole");
});

test("a line of JSON holds no character that acts on a terminal, and reads back the same", () => {
  const value = { text: "a\x1b[31m\u009b1m\u202e\u{e0001}\u2028b\x7f" };
  expect(jsonLine(value)).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(jsonLine(value))).toEqual(value);
});
