// QEMU's extended key message says a key twice, as keysym and as scan code, and a target may act on either.
import { expect, test } from "vitest";
import { VncInput } from "../../../recorder/record/input/vnc-tracker.ts";
import type { LineTrack } from "../../../recorder/record/segments/line-track.ts";

const codes = { r: 0x13, enter: 0x1c, left: 0xcb, keypad7: 0x47 };
const syms = { l: 0x6c, enter: 0xff0d, left: 0xff51, home: 0xff95 };

function qemuKey(sym: number, code: number): Buffer {
  const message = Buffer.alloc(12);
  message[0] = 255;
  message.writeUInt16BE(1, 2);
  message.writeUInt32BE(sym, 4);
  message.writeUInt32BE(code, 8);
  return message;
}

function recorded(maskKeys: boolean, sym: number, code: number): object | undefined {
  const lines: object[] = [];
  const track = { add: (_at: object, line: object) => lines.push(line) } as unknown as LineTrack;
  const input = new VncInput(track, 0, maskKeys, { pressed: () => {} });
  input.input({ us: 0, seq: 0, recordNo: 0 }, qemuKey(sym, code));
  return lines[0];
}

test("a key is recorded with what the target may act on", () => {
  expect(recorded(false, syms.l, codes.r)).toMatchObject({ name: "l", sym: syms.l, code: codes.r, d: "l" });
  expect(recorded(true, syms.left, codes.left)).toMatchObject({ name: "Left", sym: syms.left, code: codes.left });
});

test.each([
  ["a letter", syms.l, codes.r],
  ["a letter that says it is Return", syms.enter, codes.r],
  ["Return that says it is a letter", syms.l, codes.enter],
  ["a key of the keypad", syms.home, codes.keypad7],
  ["a code that nobody knows", syms.enter, 0],
])("%s is masked whole", (_what, sym, code) => {
  const line = recorded(true, sym, code);
  expect(line).toMatchObject({ k: "vkey", name: "•" });
  expect(Object.keys(line ?? {})).not.toContain("sym");
  expect(Object.keys(line ?? {})).not.toContain("code");
});
