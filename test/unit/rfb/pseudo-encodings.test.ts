// Everything of a target that draws no pixels: sizes, cursors, names, LEDs, clipboard, and messages that only pass.
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import type { DesktopSize, ServerMessage } from "../../../recorder/rfb/server-framer.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { bytes, rect, rgb565, rgbx, Screen, u16, u32, update } from "./rfb-writer.ts";

const red = bytes(255, 0, 0, 0);
const screens = (width: number, height: number): Buffer =>
  bytes(1, 0, 0, 0, u32(7), u16(0), u16(0), u16(width), u16(height), u32(0));

function both(data: Buffer, width = 4, height = 4, format = rgbx): Screen {
  const bytewise = new Screen(width, height, format).push(data, 1);
  const whole = new Screen(width, height, format).push(data);
  expect(bytewise.heard.filter((word) => !word.startsWith("changed"))).toEqual(
    whole.heard.filter((word) => !word.startsWith("changed")),
  );
  return whole;
}

describe("size", () => {
  test("pixels are kept where the old and the new screen overlap", () => {
    const fill = rect(0, 0, 4, 4, encoding.rre, bytes(u32(0), red));
    const screen = both(update(fill, rect(0, 0, 6, 2, encoding.desktopSize)));
    expect([screen.decoder.framebuffer.width, screen.decoder.framebuffer.height]).toEqual([6, 2]);
    expect(screen.row(1)).toEqual(["ff0000", "ff0000", "ff0000", "ff0000", "000000", "000000"]);
    expect(screen.heard).toContain("resized 6×2");
  });

  test("rectangles are measured against the new size", () => {
    const wider = update(rect(0, 0, 6, 4, encoding.desktopSize), rect(5, 0, 1, 1, encoding.raw, red));
    expect(both(wider).at(5, 0)).toBe("ff0000");
  });

  test("ExtendedDesktopSize changes the size only when it says so", () => {
    const desktops: DesktopSize[] = [];
    const framer = new ServerFramer(rgbx, { width: 4, height: 4 }, { desktop: (size) => desktops.push(size) });
    const refused = update(rect(1, 3, 9, 9, encoding.extendedDesktopSize, screens(9, 9)));
    const done = update(rect(1, 0, 8, 6, encoding.extendedDesktopSize, screens(8, 6)));
    framer.push(refused);
    expect([framer.width, framer.height]).toEqual([4, 4]);
    framer.push(done);
    expect([framer.width, framer.height]).toEqual([8, 6]);
    expect(desktops.map(({ reason, status }) => [reason, status])).toEqual([
      [1, 3],
      [1, 0],
    ]);
    expect(desktops[1]!.screens).toEqual([{ id: 7, x: 0, y: 0, width: 8, height: 6, flags: 0 }]);
    expect(both(bytes(refused, done)).heard.filter((word) => word.startsWith("resized"))).toEqual(["resized 8×6"]);
  });
});

describe("cursor", () => {
  test("Cursor: pixels of the screen's format under a mask", () => {
    const body = bytes(0x00, 0xf8, 0x1f, 0x00, 0b01000000);
    const screen = both(update(rect(1, 0, 2, 1, encoding.cursor, body)), 4, 4, rgb565);
    expect(screen.heard[0]).toBe("cursor 2×1 hot 1,0");
    expect([...screen.shape!.rgba]).toEqual([0, 0, 0, 0, 0, 0, 255, 255]);
  });

  test("XCursor: two colours, bitmap and mask", () => {
    const body = bytes(1, 2, 3, 4, 5, 6, 0b10000000, 0b11000000);
    const screen = both(update(rect(0, 0, 3, 1, encoding.xCursor, body)));
    expect([...screen.shape!.rgba]).toEqual([1, 2, 3, 255, 4, 5, 6, 255, 0, 0, 0, 0]);
  });

  test("CursorWithAlpha has its alpha multiplied in", () => {
    const body = bytes(u32(encoding.raw), 64, 32, 0, 128, 9, 8, 7, 255);
    const screen = both(update(rect(0, 0, 2, 1, encoding.cursorWithAlpha, body)));
    expect([...screen.shape!.rgba]).toEqual([128, 64, 0, 128, 9, 8, 7, 255]);
  });

  test("VMware's cursor with alpha, and with masks", () => {
    const alpha = update(rect(0, 0, 1, 1, encoding.vmwareCursor, bytes(1, 0, 1, 2, 3, 4)));
    expect([...both(alpha).shape!.rgba]).toEqual([1, 2, 3, 4]);
    const [white, black] = [bytes(255, 255, 255, 0), bytes(0, 0, 0, 0)];
    const masks = bytes(0, 0, black, white, white, red, black, white);
    const screen = both(update(rect(0, 0, 3, 1, encoding.vmwareCursor, masks)));
    expect([...screen.shape!.rgba]).toEqual([255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 255]);
  });

  test("a cursor without pixels is none", () => {
    expect(both(update(rect(0, 0, 0, 0, encoding.cursor))).shape).toBeNull();
    expect(both(update(rect(0, 0, 0, 0, encoding.xCursor))).shape).toBeNull();
  });
});

test("pointer, name, LEDs, bell and clipboard are heard", () => {
  const text = bytes("h\u00e9llo\r\n\0");
  const packed = deflateSync(bytes(u32(text.length), text));
  const data = bytes(
    update(
      rect(3, 2, 0, 0, encoding.pointerPos),
      rect(0, 0, 0, 0, encoding.desktopName, bytes(u32(4), "Öl!")),
      rect(0, 0, 0, 0, encoding.qemuLed, bytes(5)),
      rect(0, 0, 0, 0, encoding.vmwareLed, u32(2)),
      rect(1, 0, 0, 0, encoding.libvncKeyboardLed),
    ),
    bytes(2),
    bytes(3, 0, 0, 0, u32(2), 0xe9, 0x21),
    bytes(3, 0, 0, 0, u32(-(4 + packed.length)), u32(0x10000001), packed),
    bytes(3, 0, 0, 0, u32(-8), u32(0x08000001), u32(0)),
  );
  expect(both(data).heard).toEqual([
    "pointer 3,2",
    "name Öl!",
    "led 5",
    "led 2",
    "led 1",
    "updated",
    "bell",
    "clipboard é!",
    "clipboard héllo\n",
  ]);
});

test("marks of what a target supports are no pixels", () => {
  const marks = [encoding.qemuKey, encoding.qemuAudio, encoding.qemuPointerMotion, encoding.extendedMouse];
  const identity = rect(0, 0, 3, 0, encoding.libvncServerIdentity, bytes("abc"));
  const screen = both(update(...marks.map((number) => rect(0, 0, 4, 4, number)), identity));
  expect(screen.heard).toEqual(["updated"]);
  expect(screen.decoder.atBoundary).toBe(true);
});

test("LastRect ends an update whose number of rectangles was not known", () => {
  const data = bytes(0, 0, u16(0xffff), rect(0, 0, 1, 1, encoding.raw, red), rect(0, 0, 0, 0, encoding.lastRect), 2);
  expect(both(data).heard).toEqual(["changed 0,0 1×1", "updated", "bell"]);
});

describe("messages the bridge decides on", () => {
  const fence = bytes(248, 0, 0, 0, u32(0x80000001), 3, "abc");
  const cut = bytes(3, 0, 0, 0, u32(5), "hello");
  const xvp = bytes(250, 0, 1, 1);
  const audio = bytes(255, 1, u16(2), u32(2), 1, 2);
  const data = bytes(update(rect(0, 0, 1, 1, encoding.raw, red)), fence, cut, 2, 150, xvp, audio);

  test.each([1, 3, 7, 1000])("are given whole, in pieces of %i", (pieceBytes) => {
    const framer = new ServerFramer(rgbx, { width: 4, height: 4 });
    const messages: ServerMessage[] = [];
    const raws: Buffer[] = [];
    for (let at = 0; at < data.length; at += pieceBytes) {
      for (const piece of framer.push(data.subarray(at, at + pieceBytes))) {
        if (piece.kind === "message") messages.push(piece.message);
        raws.push(Buffer.from(piece.kind === "message" ? piece.raw : piece.bytes));
      }
    }
    expect(Buffer.concat(raws).equals(data)).toBe(true);
    expect(messages).toEqual([
      { type: "fence", flags: 0x80000001, payload: Buffer.from("abc") },
      { type: "cut-text", text: "hello" },
      { type: "bell" },
      { type: "end-of-continuous-updates" },
      { type: "xvp", version: 1, code: 1 },
    ]);
  });

  test.each([1, 5, 1000])("an oversize clipboard is dropped, in pieces of %i", (pieceBytes) => {
    const limits = { maxCutTextBytes: 10 };
    const long = bytes(2, bytes(3, 0, 0, 0, u32(11), "hello world"), 2);
    const framer = new ServerFramer(rgbx, { width: 4, height: 4 }, {}, limits);
    const pieces = [];
    for (let at = 0; at < long.length; at += pieceBytes)
      pieces.push(...framer.push(long.subarray(at, at + pieceBytes)));
    expect(pieces.map((piece) => (piece.kind === "message" ? piece.message : piece.bytes.toString()))).toEqual([
      { type: "bell" },
      { type: "cut-text-oversize", bytes: 11 },
      { type: "bell" },
    ]);
    expect(new Screen(4, 4, rgbx, limits).push(long, pieceBytes).heard).toEqual(["bell", "bell"]);
  });
});

test("the framer's format applies from the next message on", () => {
  const framer = new ServerFramer(rgbx, { width: 2, height: 1 });
  const message = update(rect(0, 0, 2, 1, encoding.raw, bytes(red, red)));
  framer.push(message.subarray(0, 18));
  framer.format = rgb565;
  framer.push(message.subarray(18));
  expect(framer.atBoundary).toBe(true);
  framer.push(update(rect(0, 0, 2, 1, encoding.raw, bytes(1, 2, 3, 4))));
  expect(framer.atBoundary).toBe(true);
});
