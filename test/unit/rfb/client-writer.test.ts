// What a target is sent has the fields that were read, and none of the bytes that nobody reads.
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ClientMessage } from "../../../recorder/rfb/client-messages.ts";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { type WritableMessage, writeClientMessage } from "../../../recorder/rfb/client-writer.ts";
import { extendedClipboardText } from "../../../recorder/rfb/extended-clipboard.ts";
import { writePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { bytes, rgb565, u16, u32 } from "./rfb-writer.ts";

function parse(data: Buffer): ClientMessage {
  const [message, ...more] = new ClientParser().push(data);
  if (message === undefined || more.length > 0) throw new Error("not one message");
  return message;
}

const rewritten = (data: Buffer): Buffer => writeClientMessage(parse(data) as WritableMessage);

const format = writePixelFormat(rgb565);
const screen = bytes(u32(1), u16(0), u16(0), u16(8), u16(9), u32(0));

test.each<[string, Buffer, Buffer]>([
  [
    "SetPixelFormat",
    bytes(0, 4, 4, 4, format.subarray(0, 13), 4, 4, 4),
    bytes(0, 0, 0, 0, format.subarray(0, 13), 0, 0, 0),
  ],
  ["SetEncodings", bytes(2, 9, u16(2), u32(7), u32(-223)), bytes(2, 0, u16(2), u32(7), u32(-223))],
  [
    "FramebufferUpdateRequest",
    bytes(3, 9, u16(1), u16(2), u16(3), u16(4)),
    bytes(3, 1, u16(1), u16(2), u16(3), u16(4)),
  ],
  ["KeyEvent", bytes(4, 0x53, 4, 1, u32(0xff0d)), bytes(4, 1, 0, 0, u32(0xff0d))],
  ["QEMU's key", bytes(255, 0, u16(0x401), u32(0x61), u32(30)), bytes(255, 0, u16(1), u32(0x61), u32(30))],
  ["PointerEvent", bytes(5, 0x85, u16(10), u16(20)), bytes(5, 0x85, u16(10), u16(20))],
  ["ClientCutText", bytes(6, 4, 1, 0, u32(2), 0xe9, 0x21), bytes(6, 0, 0, 0, u32(2), 0xe9, 0x21)],
  ["Fence", bytes(248, 4, 1, 0, u32(0xc0ffee05), 2, 9, 8), bytes(248, 0, 0, 0, u32(0x80000005), 2, 9, 8)],
  [
    "EnableContinuousUpdates",
    bytes(150, 4, u16(0), u16(0), u16(8), u16(9)),
    bytes(150, 1, u16(0), u16(0), u16(8), u16(9)),
  ],
  ["SetDesktopSize", bytes(251, 4, u16(8), u16(9), 1, 4, screen), bytes(251, 0, u16(8), u16(9), 1, 0, screen)],
  ["xvp", bytes(250, 4, 1, 2), bytes(250, 0, 1, 2)],
])("%s has nothing in its padding", (_, sent, wanted) => {
  expect(rewritten(sent).toString("hex")).toBe(wanted.toString("hex"));
  const { raw: _sent, ...fields } = parse(sent);
  expect(parse(rewritten(sent)).type).toBe(fields.type);
});

describe("an extended clipboard message", () => {
  const extended = (flags: number, payload: Buffer): Buffer =>
    bytes(6, 4, 4, 4, u32(-(4 + payload.length)), u32(flags), payload);
  const zlib = (text: Buffer): Buffer => deflateSync(bytes(u32(text.length), text));

  test("that provides has its text, and nothing behind it", () => {
    const written = parse(rewritten(extended(0x1000_0001, bytes(zlib(bytes("ä\r\nb\0")), "hidden"))));
    if (written.type !== "cut-text-extended") throw new Error(written.type);
    expect(written.clipboard.payload.includes("hidden")).toBe(false);
    expect(written.clipboard.flags).toBe(0x1000_0001);
    expect(extendedClipboardText(written.clipboard)).toBe("ä\nb");
  });

  test("has one action: a text that comes with capabilities is none", () => {
    const sent = extended(0x1100_0001, zlib(bytes("unseen\0")));
    const written = parse(rewritten(sent));
    expect(written).toMatchObject({ clipboard: { action: "caps" } });
    expect(written.raw).toHaveLength(16);
  });

  test.each([
    ["capabilities", 0x1f00_0003, bytes(u32(1000), u32(20), "more"), bytes(u32(0x1f00_0003), u32(1000), u32(20))],
    ["capabilities cut short", 0x1f00_0003, bytes(u32(1000)), bytes(u32(0x1f00_0003), u32(1000), u32(0))],
    ["a request", 0x02c0_ff01, bytes("hidden"), bytes(u32(0x0200_0001))],
    ["a peek", 0x0400_0001, bytes("hidden"), bytes(u32(0x0400_0000))],
    ["a notice", 0x0800_0001, bytes("hidden"), bytes(u32(0x0800_0001))],
    ["nothing", 0x00c0_0001, bytes("hidden"), bytes(u32(0x0000_0001))],
  ])("of %s has what belongs to it", (_, flags, payload, wanted) => {
    expect(rewritten(extended(flags, payload)).subarray(8).toString("hex")).toBe(wanted.toString("hex"));
  });
});
