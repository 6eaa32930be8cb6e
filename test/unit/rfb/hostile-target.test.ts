// Lengths and pictures a target might send to hurt: each ends in one clean error, of decoder and framer alike where the
// length shows it, of the decoder alone where only the content does.
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { Framebuffer } from "../../../recorder/rfb/framebuffer.ts";
import type { PixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { bytes, compact, indexed, rect, rgbx, Screen, u16, u32, update } from "./rfb-writer.ts";

const red = bytes(255, 0, 0, 0);
const red3 = red.subarray(0, 3);

function error(code: string, named: string) {
  return expect.objectContaining({
    code,
    message: expect.stringContaining(named),
    details: expect.objectContaining({ offset: expect.any(Number), direction: "outbound" }),
  });
}

function decoding(data: Buffer, format: PixelFormat = rgbx): () => void {
  return () => new Screen(16, 16, format).decoder.push(data);
}

describe("refused by decoder and framer", () => {
  const wide = (number: number, body: Uint8Array = Buffer.alloc(64)) => update(rect(10, 0, 7, 1, number, body));
  test.each<[string, Buffer, string, string]>([
    ...[encoding.raw, encoding.copyRect, encoding.rre, encoding.coRre, encoding.hextile, encoding.zlib].map(
      (number): [string, Buffer, string, string] => [
        `encoding ${number} outside of the screen`,
        wide(number),
        "PROTOCOL_MALFORMED",
        "outside of the screen of 16×16",
      ],
    ),
    ...[encoding.tight, encoding.tightPng, encoding.trle, encoding.zrle].map(
      (number): [string, Buffer, string, string] => [
        `encoding ${number} outside of the screen`,
        wide(number),
        "PROTOCOL_MALFORMED",
        "outside of the screen of 16×16",
      ],
    ),
    [
      "CopyRect from outside",
      update(rect(0, 0, 8, 8, encoding.copyRect, bytes(u16(9), u16(0)))),
      "PROTOCOL_MALFORMED",
      "8×8 at 9,0: it is outside",
    ],
    [
      "more RRE parts than pixels",
      update(rect(0, 0, 2, 2, encoding.rre, bytes(u32(5), red))),
      "PROTOCOL_MALFORMED",
      "5 sub",
    ],
    ["ZRLE of 4 GiB", update(rect(0, 0, 16, 16, encoding.zrle, u32(0xffffffff))), "PROTOCOL_LIMIT", "4294967295"],
    ["Zlib of 4 GiB", update(rect(0, 0, 16, 16, encoding.zlib, u32(0xffffffff))), "PROTOCOL_LIMIT", "4294967295"],
    [
      "Tight that is longer than its pixels could be",
      update(rect(0, 0, 16, 16, encoding.tight, bytes(0, 0xff, 0xff, 0xff))),
      "PROTOCOL_LIMIT",
      "compressed bytes",
    ],
    [
      "an unknown kind of Tight",
      update(rect(0, 0, 1, 1, encoding.tight, bytes(0xf0))),
      "PROTOCOL_MALFORMED",
      "compression 15",
    ],
    ["an unknown filter", update(rect(0, 0, 1, 1, encoding.tight, bytes(0x40, 9))), "PROTOCOL_MALFORMED", "filter 9"],
    ["PNG in plain Tight", update(rect(0, 0, 1, 1, encoding.tight, bytes(0xa0, 1))), "PROTOCOL_MALFORMED", "TightPNG"],
    ["an unknown TRLE tile", update(rect(0, 0, 1, 1, encoding.trle, bytes(50))), "PROTOCOL_MALFORMED", "tile 50"],
    [
      "a TRLE palette that never was",
      update(rect(0, 0, 1, 1, encoding.trle, bytes(127))),
      "PROTOCOL_MALFORMED",
      "palette",
    ],
    [
      "an endless TRLE run",
      update(rect(0, 0, 16, 16, encoding.trle, bytes(128, red3, 255, 255))),
      "PROTOCOL_MALFORMED",
      "256 are left",
    ],
    ["a huge cursor", update(rect(0, 0, 60_000, 60_000, encoding.cursor)), "PROTOCOL_LIMIT", "512"],
    ["a huge XCursor", update(rect(0, 0, 1, 513, encoding.xCursor)), "PROTOCOL_LIMIT", "512"],
    ["a huge alpha cursor", update(rect(0, 0, 513, 1, encoding.cursorWithAlpha)), "PROTOCOL_LIMIT", "512"],
    [
      "an alpha cursor in Tight",
      update(rect(0, 0, 1, 1, encoding.cursorWithAlpha, u32(7))),
      "PROTOCOL_UNKNOWN_ENCODING",
      "7",
    ],
    [
      "an unknown VMware cursor",
      update(rect(0, 0, 1, 1, encoding.vmwareCursor, bytes(2, 0))),
      "PROTOCOL_MALFORMED",
      "kind 2",
    ],
    [
      "a name of 4 GiB",
      update(rect(0, 0, 0, 0, encoding.desktopName, u32(0xffffffff))),
      "PROTOCOL_LIMIT",
      "4294967295",
    ],
    [
      "a screen of 65535×65535",
      update(rect(0, 0, 65535, 65535, encoding.desktopSize)),
      "PROTOCOL_LIMIT",
      "65535×65535",
    ],
    [
      "the same by ExtendedDesktopSize",
      update(rect(0, 0, 65535, 65535, encoding.extendedDesktopSize, u32(0))),
      "PROTOCOL_LIMIT",
      "65535×65535",
    ],
    ["ZYWRLE", update(rect(0, 0, 1, 1, encoding.zywrle)), "PROTOCOL_UNKNOWN_ENCODING", "17"],
    ["H264", update(rect(0, 0, 1, 1, encoding.h264)), "PROTOCOL_UNKNOWN_ENCODING", "50"],
    ["an encoding nobody knows", update(rect(0, 0, 1, 1, -4711)), "PROTOCOL_UNKNOWN_ENCODING", "-4711"],
    ["a message nobody knows", bytes(77), "PROTOCOL_UNKNOWN_MESSAGE", "77"],
    ["a QEMU message nobody knows", bytes(255, 7, 0, 0), "PROTOCOL_UNKNOWN_MESSAGE", "subtype 7"],
    ["a clipboard of 2 GiB", bytes(3, 0, 0, 0, u32(0x7fffffff)), "PROTOCOL_LIMIT", "2147483647"],
    ["an extended clipboard of −2 GiB", bytes(3, 0, 0, 0, u32(0x80000000)), "PROTOCOL_LIMIT", "2147483648"],
    ["an extended clipboard without flags", bytes(3, 0, 0, 0, u32(-2)), "PROTOCOL_MALFORMED", "2 bytes"],
    ["sound of 4 GiB", bytes(255, 1, u16(2), u32(0xffffffff)), "PROTOCOL_LIMIT", "4294967295"],
    ["a fence of 65 bytes", bytes(248, 0, 0, 0, u32(0), 65), "PROTOCOL_MALFORMED", "65"],
  ])("%s", (_, data, code, named) => {
    const decoder = new Screen(16, 16).decoder;
    expect(() => decoder.push(data)).toThrow(error(code, named));
    expect(() => decoder.push(bytes(2))).toThrow(error(code, named));
    const framer = new ServerFramer(rgbx, { width: 16, height: 16 });
    expect(() => framer.push(data)).toThrow(error(code, named));
    expect(() => framer.push(bytes(2))).toThrow(error(code, named));
  });
});

describe("refused by the decoder, which looks inside", () => {
  const zrle = (data: Buffer) => update(rect(0, 0, 16, 16, encoding.zrle, bytes(u32(data.length), data)));
  const zlib = (data: Buffer) => update(rect(0, 0, 16, 16, encoding.zlib, bytes(u32(data.length), data)));
  const tight = (...body: (number | Uint8Array)[]) => update(rect(0, 0, 16, 16, encoding.tight, bytes(...body)));
  const packed = (data: Buffer) => bytes(compact(data.length), data);
  const bomb = deflateSync(Buffer.alloc(1_300_000));

  test.each<[string, Buffer, string, string]>([
    ["a ZRLE bomb", zrle(bomb), "PROTOCOL_LIMIT", "more than its pixels"],
    ["a Zlib bomb", zlib(bomb), "PROTOCOL_LIMIT", "more than its pixels"],
    ["a Tight bomb", tight(0, packed(bomb)), "PROTOCOL_LIMIT", "more than its pixels"],
    ["ZRLE without a header", zrle(bytes("nonsense")), "PROTOCOL_MALFORMED", "not valid"],
    ["ZRLE that is not deflate", zrle(bytes(0x78, 0x9c, 0xff, 0xff, 0xff)), "PROTOCOL_MALFORMED", "not valid"],
    ["ZRLE that ends early", zrle(deflateSync(bytes(0, 1, 2))), "PROTOCOL_MALFORMED", "ends before"],
    ["ZRLE of no bytes", zrle(Buffer.alloc(0)), "PROTOCOL_MALFORMED", "ends before"],
    ["Zlib that ends early", zlib(deflateSync(bytes(0, 1, 2))), "PROTOCOL_MALFORMED", "ends before"],
    [
      "data after the end of its stream",
      zlib(bytes(deflateSync(Buffer.alloc(1024)), 1)),
      "PROTOCOL_MALFORMED",
      "after the end",
    ],
    ["an unknown ZRLE tile", zrle(deflateSync(bytes(50))), "PROTOCOL_MALFORMED", "tile 50"],
    ["a reused palette in ZRLE", zrle(deflateSync(bytes(127))), "PROTOCOL_MALFORMED", "palette"],
    ["a run beyond its tile", zrle(deflateSync(bytes(128, red3, 255, 1))), "PROTOCOL_MALFORMED", "256 are left"],
    [
      "a colour beyond the palette",
      zrle(deflateSync(bytes(3, red3, red3, red3, ...Array<number>(64).fill(0xff)))),
      "PROTOCOL_MALFORMED",
      "colour 3",
    ],
    [
      "a run of a colour beyond the palette",
      zrle(deflateSync(bytes(130, red3, red3, 9))),
      "PROTOCOL_MALFORMED",
      "colour 9",
    ],
    [
      "a colour beyond Tight's palette",
      tight(0x40, 1, 2, red3, red3, red3, packed(deflateSync(Buffer.alloc(256, 3)))),
      "PROTOCOL_MALFORMED",
      "colour 3",
    ],
    [
      "an RRE part outside",
      update(rect(0, 0, 4, 4, encoding.rre, bytes(u32(1), red, red, u16(3), u16(0), u16(2), u16(1)))),
      "PROTOCOL_MALFORMED",
      "2×1 at 3,0",
    ],
    [
      "RRE that draws the same again and again",
      update(
        rect(
          0,
          0,
          4,
          4,
          encoding.rre,
          bytes(u32(9), red, ...Array<Buffer>(9).fill(bytes(red, u16(0), u16(0), u16(4), u16(4)))),
        ),
      ),
      "PROTOCOL_LIMIT",
      "more than 4 times",
    ],
    [
      "a Hextile part outside",
      update(rect(0, 0, 4, 4, encoding.hextile, bytes(8, 1, 0x30, 0x10))),
      "PROTOCOL_MALFORMED",
      "2×1 at 3,0",
    ],
    ["a JPEG that is none", tight(0x90, packed(bytes("hello"))), "PROTOCOL_MALFORMED", "JPEG does not begin"],
    [
      "a clipboard that inflates to too much",
      bytes(3, 0, 0, 0, u32(-(4 + bomb.length)), u32(0x10000001), bomb),
      "PROTOCOL_LIMIT",
      "inflates to more than",
    ],
  ])("%s", (_, data, code, named) => {
    expect(decoding(data)).toThrow(error(code, named));
    const bytewise = new Screen(16, 16).decoder;
    const feed = () => {
      for (const byte of data) bytewise.push(Buffer.from([byte]));
    };
    expect(feed).toThrow(error(code, named));
  });

  test("a gradient of a colour map", () => {
    expect(decoding(tight(0x40, 2, packed(deflateSync(Buffer.alloc(256)))), indexed)).toThrow(
      error("PROTOCOL_MALFORMED", "map"),
    );
  });

  test("a colour map beyond its 256 entries", () => {
    expect(decoding(bytes(1, 0, u16(255), u16(2), Buffer.alloc(12)), indexed)).toThrow(
      error("PROTOCOL_MALFORMED", "256"),
    );
  });

  const grey = (width: number, height: number) =>
    sharp(Buffer.alloc(width * height * 3, 7), { raw: { width, height, channels: 3 } });

  test("a JPEG of another size, cut off or scrambled; the next one is decoded all the same", async () => {
    const jpeg = await grey(16, 16).jpeg().toBuffer();
    expect(decoding(tight(0x90, packed(await grey(64, 64).jpeg().toBuffer())))).toThrow(
      error("PROTOCOL_MALFORMED", "64×64"),
    );
    expect(decoding(tight(0x90, packed(jpeg.subarray(0, 100))))).toThrow(error("PROTOCOL_MALFORMED", "JPEG"));
    const scrambled = Buffer.from(jpeg);
    const huffman = jpeg.indexOf(Buffer.from([0xff, 0xc4]));
    scrambled.fill(0xff, huffman + 5, huffman + 20);
    expect(decoding(tight(0x90, packed(scrambled)))).toThrow(error("PROTOCOL_MALFORMED", "cannot be decoded"));
    expect(new Screen(16, 16).push(tight(0x90, packed(jpeg))).at(3, 3)).toBe("070707");
  });

  test("a JPEG of more scans than a picture needs", async () => {
    const jpeg = await grey(16, 16).jpeg({ progressive: true }).toBuffer();
    const scan = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0]);
    const many = bytes(jpeg.subarray(0, -2), ...Array<Buffer>(40).fill(scan), 0xff, 0xd9);
    expect(decoding(tight(0x90, packed(many)))).toThrow(error("PROTOCOL_LIMIT", "scans"));
  });

  test("a PNG of another size, with a bomb inside, or interlaced", async () => {
    const png = (data: Buffer) => update(rect(0, 0, 16, 16, encoding.tightPng, bytes(0xa0, packed(data))));
    expect(decoding(png(await grey(64, 64).png().toBuffer()))).toThrow(error("PROTOCOL_MALFORMED", "64×64"));
    expect(decoding(png(bytes("no png")))).toThrow(error("PROTOCOL_MALFORMED", "PNG"));
    const interlaced = await grey(16, 16).png({ progressive: true }).toBuffer();
    expect(decoding(png(interlaced))).toThrow(error("PROTOCOL_MALFORMED", "interlaced"));
    const plain = await grey(16, 16).png().toBuffer();
    const chunk = (kind: string, body: Buffer) => bytes(u32(body.length), kind, body, u32(0));
    expect(decoding(png(bytes(plain.subarray(0, 33), chunk("IDAT", bomb))))).toThrow(
      error("PROTOCOL_MALFORMED", "inflated"),
    );
  });
});

test("a screen that is too large is refused at once", () => {
  expect(() => new ScreenDecoder({ width: 20_000, height: 10, format: rgbx }, new Screen(1, 1))).toThrow(
    expect.objectContaining({ code: "PROTOCOL_LIMIT" }),
  );
});

describe("checkpoints that are not", () => {
  const checkpoint = Buffer.from(new Screen(4, 4).decoder.checkpoint());
  const restore = (data: Buffer, size = 4) =>
    ScreenDecoder.restore(data, new Framebuffer(size, size), new Screen(1, 1));

  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["of another kind", bytes("PNG", checkpoint)],
    ["of a later version", bytes("RFBD", 2, checkpoint.subarray(5))],
    ["cut off", checkpoint.subarray(0, -1)],
    ["too long", bytes(checkpoint, 0)],
    ["with another head", Buffer.from(checkpoint.toString("latin1").replace('"width"', '"widht"'), "latin1")],
    ["with a head that is no JSON", Buffer.from(checkpoint.toString("latin1").replace("{", "["), "latin1")],
  ])("%s", (_, data) => {
    expect(() => restore(data)).toThrow(expect.objectContaining({ code: "INTEGRITY_FORMAT" }));
  });

  test("of a picture of another size", () => {
    expect(() => restore(checkpoint, 5)).toThrow(expect.objectContaining({ code: "INTEGRITY_FORMAT" }));
  });
});

describe("few bytes that draw many pixels", () => {
  const side = 256;
  const screenPixels = side * side;
  const fresh = () => new Screen(side, side, rgbx, { maxDrawnPixels: 4 * screenPixels }).decoder;
  const copy = rect(0, 1, side, side - 1, encoding.copyRect, bytes(u16(0), u16(0)));
  const backdrop = rect(0, 0, side, side, encoding.rre, bytes(u32(0), red));
  const fill = rect(0, 0, side, side, encoding.tight, bytes(0x80, red3));
  const resize = (size: number) => rect(0, 0, size, size, encoding.desktopSize);
  const many = (one: Buffer, count: number) => Array<Buffer>(count).fill(one);

  test.each<[string, Buffer[]]>([
    ["CopyRect", many(copy, 6)],
    ["RRE", many(backdrop, 6)],
    ["Tight's fill", many(fill, 6)],
    [
      "RRE's parts",
      many(rect(0, 0, side, side, encoding.rre, bytes(u32(1), red, red, u32(0), u16(side), u16(side))), 3),
    ],
    ["new sizes", [resize(100), resize(128), resize(100), resize(128)]],
  ])("%s, in one update or in many", (_, rects) => {
    const limit = error("PROTOCOL_LIMIT", "again and again");
    expect(() => fresh().push(update(...rects))).toThrow(limit);
    expect(() => fresh().push(bytes(...rects.map((one) => update(one))))).toThrow(limit);
  });

  test("time and bytes allow more", () => {
    const decoder = fresh();
    for (let second = 0; second < 5; second += 1) {
      decoder.push(update(...many(copy, 4)));
      decoder.passed(1_000_000);
    }
    const raw = update(rect(0, 0, side, side, encoding.raw, Buffer.alloc(4 * screenPixels)));
    for (let index = 0; index < 20; index += 1) decoder.push(raw);
    expect(() => decoder.push(update(...many(copy, 6)))).toThrow(error("PROTOCOL_LIMIT", "CopyRect"));
  });
});
