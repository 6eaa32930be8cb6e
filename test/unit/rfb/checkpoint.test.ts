// A decoder resumed from a checkpoint goes on exactly: zlib streams that reach back as far as deflate can, the cursor, the
// name, the colour map and the pixel format.
import { constants, createDeflate, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { Framebuffer } from "../../../recorder/rfb/framebuffer.ts";
import { InflateStream } from "../../../recorder/rfb/inflate-stream.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { bytes, compact, Deflater, indexed, rect, rgbx, Screen, u16, u32, update } from "./rfb-writer.ts";

const [width, height] = [64, 40];
const pixelBytes = 4 * width * height;

/** Content whose second half of each frame repeats what stood 30 KiB earlier: a stream that forgot it cannot go on. */
function frames(count: number): Buffer[] {
  let state = 1;
  const noise = Buffer.from(
    Array.from({ length: 30_000 }, () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state >>> 16;
    }),
  );
  const whole = Buffer.alloc(count * pixelBytes);
  for (let at = 0; at < whole.length; at += noise.length) noise.copy(whole, at);
  return Array.from({ length: count }, (_, index) => whole.subarray(index * pixelBytes, (index + 1) * pixelBytes));
}

function resumed(screen: Screen): Screen {
  const { decoder } = screen;
  const copy = new Framebuffer(decoder.framebuffer.width, decoder.framebuffer.height);
  copy.pixels.set(decoder.framebuffer.pixels);
  const next = new Screen(1, 1);
  return Object.assign(next, { decoder: ScreenDecoder.restore(decoder.checkpoint(), copy, next) });
}

describe("zlib streams", () => {
  test.each([
    ["Zlib", (data: Buffer) => update(rect(0, 0, width, height, encoding.zlib, bytes(u32(data.length), data)))],
    [
      "Tight",
      (data: Buffer) => update(rect(0, 0, width, height, encoding.tight, bytes(0x30, compact(data.length), data))),
    ],
  ])("%s goes on over a checkpoint after each rectangle", async (_, message) => {
    // A depth other than 24 keeps Tight's pixels at four bytes.
    const format = { ...rgbx, depth: 32 };
    const deflater = new Deflater();
    let screen = new Screen(width, height, format);
    let compressed = 0;
    const contents = frames(8);
    for (const content of contents) {
      const data = await deflater.next(content);
      compressed += data.length;
      screen.decoder.push(message(data));
      const shown = Buffer.from(screen.decoder.framebuffer.bytes);
      for (let at = 3; at < pixelBytes; at += 4) shown[at] = content[at]!;
      expect(shown.equals(content)).toBe(true);
      screen = resumed(screen);
    }
    // Only what repeats can make it this small: the test does reach back.
    expect(compressed).toBeLessThan(45_000);
  });

  test("a stream that ends amid a byte says that it cannot be resumed", async () => {
    const deflate = createDeflate();
    const parts: Buffer[] = [];
    deflate.on("data", (part: Buffer) => parts.push(part));
    const content = Buffer.alloc(pixelBytes, 0x5a);
    deflate.write(content);
    await new Promise<void>((done) => deflate.flush(constants.Z_PARTIAL_FLUSH, done));
    const data = Buffer.concat(parts);
    expect(inflateSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).length).toBe(pixelBytes);
    const screen = new Screen(width, height).push(
      update(rect(0, 0, width, height, encoding.zlib, bytes(u32(data.length), data))),
    );
    expect(screen.at(63, 39)).toBe("5a5a5a");
    expect(screen.decoder.resumable).toBe(false);
    expect(() => screen.decoder.checkpoint()).toThrow("amid a byte");
  });

  test("what is remembered is the last 32 KiB, however it came", async () => {
    const content = Buffer.concat(frames(12));
    const data = await new Deflater().next(content);
    for (const pieceBytes of [100, 5000, 40_000, 200_000]) {
      const stream = new InflateStream();
      const out = Buffer.alloc(pieceBytes);
      let total = 0;
      stream.feed(data, 0, data.length, true);
      for (let end = pieceBytes; end === pieceBytes; total += end) end = stream.read(out, 0, pieceBytes);
      expect(total).toBe(content.length);
      expect(Buffer.from(stream.state.history).equals(content.subarray(-32 * 1024))).toBe(true);
      expect(stream.resumable).toBe(true);
    }
  });

  test("a stream begun anew after a checkpoint does not know what was before", async () => {
    const format = { ...rgbx, depth: 32 };
    const tight = async (control: number, byte: number): Promise<Buffer> => {
      const data = await new Deflater().next(Buffer.alloc(16, byte));
      return update(rect(0, 0, 2, 2, encoding.tight, bytes(control, compact(data.length), data)));
    };
    const screen = resumed(new Screen(2, 2, format).push(await tight(0, 9)));
    screen.decoder.push(await tight(1, 7));
    expect(screen.at(1, 1)).toBe("070707");
    expect(resumed(resumed(screen)).at(1, 1)).toBe("070707");
  });
});

test("format, colour map, cursor and name are kept", () => {
  const screen = new Screen(4, 4, rgbx).push(
    update(
      rect(1, 0, 1, 1, encoding.cursor, bytes(9, 8, 7, 0, 0x80)),
      rect(0, 0, 0, 0, encoding.desktopName, bytes(u32(4), "HMI7")),
    ),
  );
  screen.decoder.setFormat(indexed);
  screen.decoder.push(bytes(1, 0, u16(3), u16(1), u16(0xffff), u16(0x8080), u16(0)));
  const next = resumed(screen);
  expect(next.decoder.format).toEqual(indexed);
  expect(next.decoder.name).toBe("HMI7");
  expect(next.decoder.cursor).toEqual({ hotX: 1, hotY: 0, width: 1, height: 1, rgba: Uint8Array.from([9, 8, 7, 255]) });
  next.decoder.push(update(rect(2, 2, 1, 1, encoding.raw, bytes(3))));
  expect(next.at(2, 2)).toBe("ff8000");
  expect(next.heard).toEqual(["changed 2,2 1×1", "updated"]);
});

test("a checkpoint is small: streams that were not used take nothing", () => {
  expect(new Screen(4, 4).decoder.checkpoint().length).toBeLessThan(2000);
});
