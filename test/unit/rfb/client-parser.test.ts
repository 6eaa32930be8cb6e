// The viewer's messages, also those that no captured stream has, and lengths meant to hurt.
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ClientMessage } from "../../../recorder/rfb/client-messages.ts";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { extendedClipboardText } from "../../../recorder/rfb/extended-clipboard.ts";
import { writePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { bytes, rgb565, rgbx, u16, u32 } from "./rfb-writer.ts";

function parse(data: Buffer, pieceBytes = data.length): ClientMessage[] {
  const parser = new ClientParser({ maxCutTextBytes: 100 });
  const messages: ClientMessage[] = [];
  for (let at = 0; at < data.length; at += pieceBytes) {
    const piece = Buffer.from(data.subarray(at, at + pieceBytes));
    messages.push(...parser.push(piece));
    piece.fill(0xee);
  }
  expect(parser.atBoundary).toBe(true);
  return messages;
}

const messages: [string, Buffer, object][] = [
  ["SetPixelFormat", bytes(0, 0, 0, 0, writePixelFormat(rgb565)), { type: "set-pixel-format", format: rgb565 }],
  ["SetEncodings", bytes(2, 0, u16(2), u32(7), u32(-223)), { type: "set-encodings", encodings: [7, -223] }],
  [
    "FramebufferUpdateRequest",
    bytes(3, 1, u16(1), u16(2), u16(3), u16(4)),
    { type: "update-request", incremental: true, x: 1, y: 2, width: 3, height: 4 },
  ],
  ["KeyEvent", bytes(4, 1, 0, 0, u32(0xff0d)), { type: "key", down: true, sym: 0xff0d }],
  ["QEMU's key", bytes(255, 0, u16(0), u32(0x61), u32(30)), { type: "qemu-key", down: false, sym: 0x61, keycode: 30 }],
  ["QEMU's audio off", bytes(255, 1, u16(1)), { type: "qemu-audio", operation: 1 }],
  ["QEMU's audio format", bytes(255, 1, u16(2), 0, 1, u32(44100)), { type: "qemu-audio", operation: 2 }],
  ["PointerEvent", bytes(5, 5, u16(10), u16(20)), { type: "pointer", x: 10, y: 20, buttons: 5 }],
  ["ClientCutText", bytes(6, 0, 0, 0, u32(2), 0xe9, 0x21), { type: "cut-text", text: "é!" }],
  ["ClientCutText, empty", bytes(6, 0, 0, 0, u32(0)), { type: "cut-text", text: "" }],
  ["Fence", bytes(248, 0, 0, 0, u32(1), 2, 9, 8), { type: "fence", flags: 1, payload: Buffer.from([9, 8]) }],
  [
    "EnableContinuousUpdates",
    bytes(150, 1, u16(0), u16(0), u16(8), u16(9)),
    { type: "continuous-updates", enable: true, x: 0, y: 0, width: 8, height: 9 },
  ],
  [
    "SetDesktopSize",
    bytes(251, 0, u16(8), u16(9), 1, 0, u32(1), u16(0), u16(0), u16(8), u16(9), u32(0)),
    {
      type: "set-desktop-size",
      width: 8,
      height: 9,
      screens: [{ id: 1, x: 0, y: 0, width: 8, height: 9, flags: 0 }],
    },
  ],
  ["xvp", bytes(250, 0, 1, 2), { type: "xvp", version: 1, code: 2 }],
];

describe("each message", () => {
  test.each(messages)("%s, whole and byte by byte", (_, data, wanted) => {
    expect(parse(data)).toEqual([{ ...wanted, raw: data }]);
    expect(parse(data, 1)).toEqual([{ ...wanted, raw: data }]);
  });

  test("all of them in one piece and in pieces of five", () => {
    const all = bytes(...messages.map(([, data]) => data));
    expect(parse(all).map(({ type }) => type)).toEqual(messages.map(([, , wanted]) => (wanted as ClientMessage).type));
    expect(parse(all, 5)).toEqual(parse(all));
  });

  test("a pointer message has six bytes, whatever its eighth button says", () => {
    const data = bytes(5, 0x81, u16(10), u16(20), 5, 1, u16(1), u16(2));
    expect(parse(data, 1)).toMatchObject([{ buttons: 0x81 }, { buttons: 1 }]);
  });
});

describe("clipboard", () => {
  const extended = (flags: number, payload: Buffer): Buffer =>
    bytes(6, 0, 0, 0, u32(-(4 + payload.length)), u32(flags), payload);
  const provided = (text: Buffer, size = text.length): Buffer => deflateSync(bytes(u32(size), text));

  function textOf(data: Buffer, maxBytes?: number): string | undefined {
    const [message] = parse(data, 3);
    if (message?.type !== "cut-text-extended") throw new Error(`not extended: ${message?.type}`);
    return extendedClipboardText(message.clipboard, maxBytes);
  }

  test.each([
    ["caps", 0x1f000001, "caps"],
    ["request", 0x02000001, "request"],
    ["peek", 0x04000000, "peek"],
    ["notify", 0x08000001, "notify"],
    ["nothing", 0x00000001, "none"],
  ])("%s has no text", (_, flags, action) => {
    const data = extended(flags, u32(0));
    expect(parse(data)).toMatchObject([{ clipboard: { action, flags: flags >>> 0 } }]);
    expect(textOf(data)).toBeUndefined();
  });

  test("provide has text in UTF-8 with any line end", () => {
    expect(textOf(extended(0x10000001, provided(bytes("ä\r\nb\0"))))).toBe("ä\nb");
    expect(textOf(extended(0x10000002, provided(bytes("{\\rtf}"))))).toBeUndefined();
  });

  test("a text that inflates to too much, or to less than it says, is refused", () => {
    const bomb = extended(0x10000001, deflateSync(Buffer.alloc(9000)).subarray(0, 90));
    expect(() => textOf(bomb, 1000)).toThrow(expect.objectContaining({ code: "PROTOCOL_LIMIT" }));
    expect(() => textOf(extended(0x10000001, provided(bytes("ab"), 2000)), 1000)).toThrow(
      expect.objectContaining({ code: "PROTOCOL_LIMIT" }),
    );
    expect(() => textOf(extended(0x10000001, provided(bytes("ab"), 5)))).toThrow(
      expect.objectContaining({ code: "PROTOCOL_MALFORMED" }),
    );
    expect(() => textOf(extended(0x10000001, bytes("no zlib")))).toThrow(
      expect.objectContaining({ code: "PROTOCOL_MALFORMED" }),
    );
  });

  test.each([1, 50, 1000])("what is too long is skipped and said, in pieces of %i", (pieceBytes) => {
    const data = bytes(6, 0, 0, 0, u32(101), Buffer.alloc(101, 65), 6, 0, 0, 0, u32(-104), Buffer.alloc(104, 65));
    expect(parse(bytes(data, 250, 0, 1, 2), pieceBytes).map(({ type, raw }) => [type, raw.length])).toEqual([
      ["cut-text-oversize", 8],
      ["cut-text-oversize", 8],
      ["xvp", 4],
    ]);
  });
});

test.each<[string, Buffer, string, number]>([
  ["UltraVNC", bytes(7, 1, 0, 0, u32(0), u32(300), Buffer.alloc(300)), "ultravnc", 300],
  ["TightVNC's list", bytes(130, 0, u16(4), "/etc"), "tightvnc", 4],
  ["TightVNC's download", bytes(131, 0, u16(4), u32(0), "/etc"), "tightvnc", 8],
  ["TightVNC's data", bytes(133, 0, u16(9), u16(3), "abc"), "tightvnc", 3],
  ["TightVNC's end of data", bytes(133, 0, u16(0), u16(0), u32(0)), "tightvnc", 4],
])("file transfer of %s is told, without its content", (_, data, family, length) => {
  for (const pieceBytes of [1, data.length]) {
    expect(parse(bytes(data, 250, 0, 1, 2), pieceBytes)).toMatchObject([
      { type: "file-transfer", family, bytes: length },
      { type: "xvp" },
    ]);
  }
});

describe("hostile messages", () => {
  test.each<[string, Buffer, string, string]>([
    ["an unknown type", bytes(99), "PROTOCOL_UNKNOWN_MESSAGE", "99"],
    ["an unknown QEMU subtype", bytes(255, 9, 0, 0), "PROTOCOL_UNKNOWN_MESSAGE", "9"],
    ["too many encodings", bytes(2, 0, u16(60_000)), "PROTOCOL_LIMIT", "60000"],
    ["a clipboard of 2 GiB", bytes(6, 0, 0, 0, u32(0x7fffffff)), "PROTOCOL_LIMIT", "2147483647"],
    ["an extended clipboard of −2 GiB", bytes(6, 0, 0, 0, u32(0x80000000)), "PROTOCOL_LIMIT", "2147483648"],
    ["an extended clipboard without flags", bytes(6, 0, 0, 0, u32(-3)), "PROTOCOL_MALFORMED", "3 bytes"],
    ["a file of 4 GiB", bytes(7, 0, 0, 0, u32(0), u32(0xffffffff)), "PROTOCOL_LIMIT", "4294967295"],
    ["a fence of 65 bytes", bytes(248, 0, 0, 0, u32(0), 65), "PROTOCOL_MALFORMED", "65"],
    [
      "24 bits a pixel",
      bytes(0, 0, 0, 0, writePixelFormat({ ...rgbx, bitsPerPixel: 24 as 32 })),
      "PROTOCOL_MALFORMED",
      "24 bits",
    ],
    [
      "a channel outside of the pixel",
      bytes(0, 0, 0, 0, writePixelFormat({ ...rgbx, redShift: 30 })),
      "PROTOCOL_MALFORMED",
      "red",
    ],
  ])("%s", (_, data, code, named) => {
    const parser = new ClientParser();
    parser.push(bytes(4, 1, 0, 0, u32(97)));
    const failure = expect.objectContaining({
      code,
      message: expect.stringContaining(named),
      details: expect.objectContaining({ offset: 8, direction: "inbound" }),
    });
    expect(() => parser.push(data)).toThrow(failure);
    expect(() => parser.push(bytes(2))).toThrow(failure);
  });
});
