// What a server itself says is on its screen, to compare recorded pixels with: X's window dump and QEMU's PPM.
import { runProcess } from "./process.ts";

export interface Truth {
  width: number;
  height: number;
  /** As the recorder's: A<<24 | B<<16 | G<<8 | R, with A = 255. */
  pixels: Uint32Array;
}

/** The root window of an X server, with all that is on it. */
export async function xTruth(display: string): Promise<Truth> {
  const { stdoutBytes } = await runProcess("xwd", ["-root", "-silent", "-display", display]);
  return readXwd(stdoutBytes);
}

/** XWD version 7, a picture in ZPixmap of one layer: true colour, or through the colours that the file names. */
function readXwd(dump: Buffer): Truth {
  const header = (index: number): number => dump.readUInt32BE(index * 4);
  const [headerBytes, width, height, lsbFirst, bits] = [header(0), header(4), header(5), header(7) === 0, header(11)];
  const [lineBytes, visual, colours] = [header(12), header(13), header(19)];
  const masks = [header(14), header(15), header(16)];
  const palette = new Map<number, number>();
  for (let at = headerBytes, n = 0; n < colours; n++, at += 12) {
    const [red, green, blue] = [4, 6, 8].map((offset) => dump.readUInt16BE(at + offset) >> 8) as [
      number,
      number,
      number,
    ];
    palette.set(dump.readUInt32BE(at), colour(red, green, blue));
  }
  const trueColour = visual === 4 || visual === 5;
  const bytes = bits / 8;
  const pixels = new Uint32Array(width * height);
  for (let y = 0, start = headerBytes + colours * 12; y < height; y++, start += lineBytes) {
    for (let x = 0; x < width; x++) {
      const at = start + x * bytes;
      const value = lsbFirst ? dump.readUIntLE(at, bytes) : dump.readUIntBE(at, bytes);
      pixels[y * width + x] = trueColour
        ? colour(...(masks.map((mask) => channel(value, mask)) as [number, number, number]))
        : (palette.get(value) ?? 0);
    }
  }
  return { width, height, pixels };
}

function channel(value: number, mask: number): number {
  const shift = Math.log2(mask & -mask);
  const most = mask >>> shift;
  return Math.round((((value & mask) >>> shift) * 255) / most);
}

const colour = (red: number, green: number, blue: number): number =>
  (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;

export function cropped(from: Truth, part: { x: number; y: number; width: number; height: number }): Truth {
  const { x, y, width, height } = part;
  const pixels = new Uint32Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * from.width + x;
    pixels.set(from.pixels.subarray(start, start + width), row * width);
  }
  return { width, height, pixels };
}

/** PPM as QEMU writes it: P6, 255 a channel. */
export function readPpm(file: Buffer): Truth {
  const head = /^P6\s(\d+) (\d+)\s255\s/.exec(file.toString("latin1", 0, 40));
  if (head === null) throw new Error("not a PPM file as QEMU writes it");
  const [width, height] = [Number(head[1]), Number(head[2])];
  const pixels = new Uint32Array(width * height);
  for (let i = 0, at = head[0].length; i < pixels.length; i++, at += 3) {
    pixels[i] = colour(file[at] ?? 0, file[at + 1] ?? 0, file[at + 2] ?? 0);
  }
  return { width, height, pixels };
}
