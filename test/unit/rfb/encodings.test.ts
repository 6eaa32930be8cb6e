// Each encoding by hand-made rectangles, in particular those that no captured stream has: TRLE, TightPNG, gradients,
// JPEG in grey, odd pixel formats. Everything is fed whole and byte by byte, to the decoder and to the framer.
import sharp, { type PngOptions } from "sharp";
import { describe, expect, test } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import type { PixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import {
  bgr233,
  bgrx,
  bytes,
  compact,
  Deflater,
  indexed,
  rect,
  rgb565,
  rgbx,
  Screen,
  u16,
  u32,
  update,
} from "./rfb-writer.ts";

const red = bytes(255, 0, 0, 0);
const green = bytes(0, 255, 0, 0);
const blue = bytes(0, 0, 255, 0);
const red3 = red.subarray(0, 3);
const green3 = green.subarray(0, 3);
const blue3 = blue.subarray(0, 3);

/** The same picture whole and byte by byte. */
function show(width: number, height: number, data: Buffer, format: PixelFormat = rgbx): Screen {
  const whole = new Screen(width, height, format).push(data);
  const bytewise = new Screen(width, height, format).push(data, 1);
  expect(bytewise.decoder.framebuffer.pixels).toEqual(whole.decoder.framebuffer.pixels);
  expect([whole, bytewise].map(({ decoder, framer }) => [decoder.atBoundary, framer.atBoundary])).toEqual([
    [true, true],
    [true, true],
  ]);
  return whole;
}

describe("pixel formats", () => {
  test.each<[string, PixelFormat, Buffer, string]>([
    ["RGBX", rgbx, bytes(1, 2, 3, 0), "010203"],
    ["BGRX", bgrx, bytes(3, 2, 1, 0), "010203"],
    ["XRGB big-endian", { ...bgrx, bigEndian: true }, bytes(0, 1, 2, 3), "010203"],
    ["RGB565", rgb565, bytes(0x00, 0xf8), "ff0000"],
    ["RGB565, green alone", rgb565, bytes(0xe0, 0x07), "00ff00"],
    ["RGB565, half of red", rgb565, bytes(0x00, 0x80), "840000"],
    ["RGB565 big-endian", { ...rgb565, bigEndian: true }, bytes(0x00, 0x1f), "0000ff"],
    ["BGR233", bgr233, bytes(0x07), "ff0000"],
    ["BGR233, blue", bgr233, bytes(0xc0), "0000ff"],
    [
      "30 bits of 32",
      { ...rgbx, depth: 30, redMax: 1023, greenMax: 1023, blueMax: 1023, redShift: 20, greenShift: 10, blueShift: 0 },
      bytes(0xff, 0x03, 0x00, 0x00),
      "0000ff",
    ],
  ])("%s", (_, format, pixel, colour) => {
    expect(show(1, 1, update(rect(0, 0, 1, 1, encoding.raw, pixel)), format).at(0, 0)).toBe(colour);
  });

  test.each([24, 32])("CPIXEL has three bytes where the fourth holds no colour, with depth %i too", (depth) => {
    for (const [format, pixel] of [
      [{ ...rgbx, depth }, bytes(1, 2, 3)],
      [{ ...rgbx, depth, redShift: 8, greenShift: 16, blueShift: 24 }, bytes(1, 2, 3)],
      [{ ...bgrx, depth, bigEndian: true }, bytes(1, 2, 3)],
    ] as const) {
      const screen = show(1, 1, update(rect(0, 0, 1, 1, encoding.trle, bytes(1, pixel))), format);
      expect(screen.at(0, 0)).toBe("010203");
    }
  });

  test("a colour map, also when it comes between updates", () => {
    const map = bytes(1, 0, u16(5), u16(2), u16(0xffff), u16(0), u16(0), u16(0), u16(0x8080), u16(0));
    const screen = show(2, 1, bytes(map, update(rect(0, 0, 2, 1, encoding.raw, bytes(5, 6)))), indexed);
    expect(screen.row(0)).toEqual(["ff0000", "008000"]);
  });

  test("the format changes between two messages", () => {
    const screen = new Screen(1, 1, rgbx).push(update(rect(0, 0, 1, 1, encoding.raw, red)));
    screen.decoder.setFormat(rgb565);
    screen.framer.format = rgb565;
    screen.push(update(rect(0, 0, 1, 1, encoding.raw, bytes(0x1f, 0))));
    expect(screen.at(0, 0)).toBe("0000ff");
  });

  test("the format cannot change within a message", () => {
    const screen = new Screen(1, 1).push(bytes(0, 0));
    expect(() => screen.decoder.setFormat(rgb565)).toThrow("within a message");
    expect(() => screen.decoder.checkpoint()).toThrow("within a message");
  });
});

describe("plain encodings", () => {
  test("CopyRect within itself, announced as a copy", () => {
    const line = rect(0, 0, 3, 1, encoding.raw, bytes(red, green, blue));
    const screen = show(4, 1, update(line, rect(1, 0, 3, 1, encoding.copyRect, bytes(u16(0), u16(0)))));
    expect(screen.row(0)).toEqual(["ff0000", "ff0000", "00ff00", "0000ff"]);
    expect(screen.heard).toEqual(["changed 0,0 3×1", "copied 0,0 to 1,0 3×1", "updated"]);
  });

  test("CopyRect downwards within itself", () => {
    const column = rect(0, 0, 1, 3, encoding.raw, bytes(red, green, blue));
    const screen = show(1, 4, update(column, rect(0, 1, 1, 3, encoding.copyRect, bytes(u16(0), u16(0)))));
    expect([0, 1, 2, 3].map((y) => screen.at(0, y))).toEqual(["ff0000", "ff0000", "00ff00", "0000ff"]);
  });

  test("RRE and CoRRE", () => {
    const rre = rect(0, 0, 2, 2, encoding.rre, bytes(u32(1), red, green, u16(1), u16(1), u16(1), u16(1)));
    const coRre = rect(2, 0, 2, 2, encoding.coRre, bytes(u32(1), blue, red, 0, 1, 2, 1));
    const screen = show(4, 2, update(rre, coRre));
    expect(screen.row(0)).toEqual(["ff0000", "ff0000", "0000ff", "0000ff"]);
    expect(screen.row(1)).toEqual(["ff0000", "00ff00", "ff0000", "ff0000"]);
  });

  test("Hextile: raw, background kept from the tile before, coloured parts", () => {
    const tiles = bytes(
      2 | 4 | 8,
      blue,
      red,
      1,
      0x00,
      0x0f,
      8 | 16,
      1,
      green,
      0x10,
      0x00,
      1,
      ...Array<Buffer>(16).fill(red),
    );
    const screen = show(33, 16, update(rect(0, 0, 33, 16, encoding.hextile, tiles)));
    expect([0, 1, 16, 17, 18, 32].map((x) => screen.at(x, 0))).toEqual([
      "ff0000",
      "0000ff",
      "0000ff",
      "00ff00",
      "0000ff",
      "ff0000",
    ]);
  });

  test("Zlib goes on from one rectangle to the next", async () => {
    const deflater = new Deflater();
    const first = await deflater.next(bytes(red, green));
    const second = await deflater.next(bytes(red, green));
    const zlibRect = (y: number, data: Buffer) => rect(0, y, 2, 1, encoding.zlib, bytes(u32(data.length), data));
    const screen = show(2, 2, update(zlibRect(0, first), zlibRect(1, second)));
    expect([screen.row(0), screen.row(1)]).toEqual([
      ["ff0000", "00ff00"],
      ["ff0000", "00ff00"],
    ]);
  });

  test("a rectangle without area is allowed in each encoding", async () => {
    const none = await new Deflater().next(Buffer.alloc(0));
    const rects = [
      rect(0, 0, 0, 1, encoding.raw),
      rect(0, 0, 0, 0, encoding.rre, bytes(u32(0), red)),
      rect(0, 0, 1, 0, encoding.hextile),
      rect(0, 0, 0, 0, encoding.zlib, bytes(u32(none.length), none)),
      rect(0, 0, 0, 0, encoding.zrle, bytes(u32(0))),
      rect(0, 0, 0, 0, encoding.trle),
      rect(0, 0, 0, 1, encoding.tight, bytes(0)),
    ];
    expect(show(1, 1, update(...rects)).heard).toEqual(["updated"]);
  });
});

describe("Tight", () => {
  const tightRect = (width: number, height: number, body: Uint8Array, number: number = encoding.tight) =>
    update(rect(0, 0, width, height, number, body));

  test("fill", () => {
    expect(show(2, 1, tightRect(2, 1, bytes(0x80, red3))).row(0)).toEqual(["ff0000", "ff0000"]);
  });

  test("two colours in bits, so few that they are not compressed", () => {
    const screen = show(3, 2, tightRect(3, 2, bytes(0x40, 1, 1, red3, green3, 0b01000000, 0b10100000)));
    expect([screen.row(0), screen.row(1)]).toEqual([
      ["ff0000", "00ff00", "ff0000"],
      ["00ff00", "ff0000", "00ff00"],
    ]);
  });

  test("a palette, through the third stream", async () => {
    const indices = Buffer.from(Array.from({ length: 32 }, (_, at) => at % 3));
    const data = await new Deflater().next(indices);
    const body = bytes(0x60, 1, 2, red3, green3, blue3, compact(data.length), data);
    expect(
      show(16, 2, tightRect(16, 2, body))
        .row(0)
        .slice(0, 4),
    ).toEqual(["ff0000", "00ff00", "0000ff", "ff0000"]);
  });

  test("copied pixels, the stream begun anew by the control byte", async () => {
    const pixels = bytes(...Array<Buffer>(8).fill(green3));
    const [first, second] = [await new Deflater().next(pixels), await new Deflater().next(pixels)];
    const body = (control: number, data: Buffer) => tightRect(8, 1, bytes(control, compact(data.length), data));
    expect(show(8, 1, bytes(body(0, first), body(1, second))).at(7, 0)).toBe("00ff00");
  });

  test.each([
    ["three bytes a pixel", rgbx, 3],
    ["16 bits", rgb565, 2],
    ["16 bits big-endian", { ...rgb565, bigEndian: true }, 2],
  ])("a gradient, %s", async (_, format, size) => {
    const [width, height] = [9, 5];
    const max = [format.redMax, format.greenMax, format.blueMax];
    const shift = [format.redShift, format.greenShift, format.blueShift];
    const value = (x: number, y: number, channel: number): number =>
      x < 0 || y < 0 ? 0 : (x * 37 * (channel + 1) + y * y * 11) & max[channel]!;
    const data = Buffer.alloc(width * height * size);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        let word = 0;
        for (let channel = 0; channel < 3; channel += 1) {
          const sum = value(x - 1, y, channel) + value(x, y - 1, channel) - value(x - 1, y - 1, channel);
          const difference = (value(x, y, channel) - Math.max(0, Math.min(max[channel]!, sum))) & max[channel]!;
          if (size === 3) data[3 * (y * width + x) + channel] = difference;
          else word |= difference << shift[channel]!;
        }
        if (size === 2 && format.bigEndian) data.writeUInt16BE(word, 2 * (y * width + x));
        else if (size === 2) data.writeUInt16LE(word, 2 * (y * width + x));
      }
    }
    const packed = await new Deflater().next(data);
    const screen = show(
      width,
      height,
      tightRect(width, height, bytes(0x40, 2, compact(packed.length), packed)),
      format,
    );
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const wanted = [0, 1, 2].map((channel) => Math.round((value(x, y, channel) * 255) / max[channel]!));
        expect(screen.at(x, y)).toBe(Buffer.from(wanted).toString("hex"));
      }
    }
  });

  const noise = Buffer.from(Array.from({ length: 3 * 20 * 12 }, (_, at) => (at * at * 31 + at * 7) & 255));
  const picture = () => sharp(noise, { raw: { width: 20, height: 12, channels: 3 } });
  const hex = (data: Buffer, at: number): string => data.subarray(3 * at, 3 * at + 3).toString("hex");

  test.each([
    ["of colours", () => picture()],
    ["of greys", () => picture().toColourspace("b-w")],
    ["progressive", () => picture()],
  ])("JPEG %s, announced as lossy", async (kind, make) => {
    const jpeg = await make()
      .jpeg({ progressive: kind === "progressive", quality: 90 })
      .toBuffer();
    const screen = show(20, 12, tightRect(20, 12, bytes(0x90, compact(jpeg.length), jpeg)));
    const decoded = await sharp(jpeg).toColourspace("srgb").raw().toBuffer();
    for (const at of [0, 19, 77, 239]) {
      const shown = Buffer.from(screen.at(at % 20, Math.floor(at / 20)), "hex");
      // Another build of the same library: it may round otherwise.
      for (let channel = 0; channel < 3; channel += 1) {
        expect(Math.abs(shown[channel]! - decoded[3 * at + channel]!)).toBeLessThanOrEqual(3);
      }
    }
    expect(screen.heard).toEqual(["changed 0,0 20×12", "jpeg 0,0 20×12", "updated"]);
  });

  test.each<[string, PngOptions, boolean]>([
    ["true colour", { compressionLevel: 9, adaptiveFiltering: true }, false],
    ["with alpha", { adaptiveFiltering: true }, true],
    ["a palette", { palette: true, colours: 16, dither: 0 }, false],
    ["a palette of four", { palette: true, colours: 4, dither: 0 }, false],
  ])("TightPNG, %s", async (_, options, alpha) => {
    const png = await (alpha ? picture().ensureAlpha() : picture()).png(options).toBuffer();
    const screen = show(20, 12, tightRect(20, 12, bytes(0xa0, compact(png.length), png), encoding.tightPng));
    const decoded = await sharp(png).removeAlpha().toColourspace("srgb").raw().toBuffer();
    for (let at = 0; at < 240; at += 1) expect(screen.at(at % 20, Math.floor(at / 20))).toBe(hex(decoded, at));
  });

  test("TightPNG in grey of one bit", async () => {
    const png = await sharp(Buffer.from([0, 255, 255, 0]), { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const screen = show(4, 1, tightRect(4, 1, bytes(0xa0, compact(png.length), png), encoding.tightPng));
    expect(screen.row(0)).toEqual(["000000", "ffffff", "ffffff", "000000"]);
  });
});

/** Tiles of each kind for TRLE (16) and ZRLE (64); pixels are CPIXELs of three bytes. */
const runs = bytes(128, red3, 2, green3, 0);
const packed = bytes(3, red3, green3, blue3, 0b00_01_10_00);
const paletteRuns = bytes(128 + 2, red3, blue3, 0x81, 2, 0);

describe("TRLE and ZRLE", () => {
  test.each([
    ["raw", bytes(0, red3, green3, blue3, red3), ["ff0000", "00ff00", "0000ff", "ff0000"]],
    ["solid", bytes(1, green3), ["00ff00", "00ff00", "00ff00", "00ff00"]],
    ["packed", packed, ["ff0000", "00ff00", "0000ff", "ff0000"]],
    ["two colours", bytes(2, red3, green3, 0b01010000), ["ff0000", "00ff00", "ff0000", "00ff00"]],
    ["runs", runs, ["ff0000", "ff0000", "ff0000", "00ff00"]],
    ["runs of a palette", paletteRuns, ["0000ff", "0000ff", "0000ff", "ff0000"]],
  ])("%s", async (_, tile, wanted) => {
    expect(show(4, 1, update(rect(0, 0, 4, 1, encoding.trle, tile))).row(0)).toEqual(wanted);
    const data = await new Deflater().next(tile);
    expect(show(4, 1, update(rect(0, 0, 4, 1, encoding.zrle, bytes(u32(data.length), data)))).row(0)).toEqual(wanted);
  });

  test("a run over many rows and over 255", async () => {
    const tile = bytes(128, red3, 255, 44, green3, 99);
    const data = await new Deflater().next(tile);
    const screen = show(20, 20, update(rect(0, 0, 20, 20, encoding.zrle, bytes(u32(data.length), data))));
    expect([screen.at(0, 0), screen.at(19, 14), screen.at(0, 15), screen.at(19, 19)]).toEqual([
      "ff0000",
      "ff0000",
      "00ff00",
      "00ff00",
    ]);
  });

  test("TRLE uses the palette of the tile before", () => {
    const first = bytes(2, red3, blue3, ...Array<number>(32).fill(0));
    const again = bytes(127, ...Array<number>(16).fill(0x80));
    const screen = show(17, 16, update(rect(0, 0, 17, 16, encoding.trle, bytes(first, again))));
    expect([screen.at(0, 0), screen.at(16, 0)]).toEqual(["ff0000", "0000ff"]);
    const runsAgain = bytes(129, 0x81, 14, 0);
    const other = show(17, 16, update(rect(0, 0, 17, 16, encoding.trle, bytes(first, runsAgain))));
    expect([other.at(16, 0), other.at(16, 15)]).toEqual(["0000ff", "ff0000"]);
  });

  test("a stream that begins anew with a header of its own goes on", async () => {
    const [first, second] = [await new Deflater().next(bytes(1, red3)), await new Deflater().next(bytes(1, blue3))];
    const zrle = (data: Buffer) => update(rect(0, 0, 4, 1, encoding.zrle, bytes(u32(data.length), data)));
    expect(show(4, 1, bytes(zrle(first), zrle(second))).at(0, 0)).toBe("0000ff");
  });

  test.each<[string, PixelFormat, Buffer]>([
    ["BGRX", bgrx, bytes(3, 2, 1)],
    ["big-endian, low bytes", { ...bgrx, bigEndian: true }, bytes(1, 2, 3)],
    ["high bytes", { ...rgbx, redShift: 8, greenShift: 16, blueShift: 24 }, bytes(1, 2, 3)],
    [
      "high bytes, big-endian",
      { ...rgbx, redShift: 24, greenShift: 16, blueShift: 8, bigEndian: true },
      bytes(1, 2, 3),
    ],
  ])("CPIXEL of %s", (_, format, pixel) => {
    expect(show(1, 1, update(rect(0, 0, 1, 1, encoding.trle, bytes(1, pixel))), format).at(0, 0)).toBe("010203");
  });
});
