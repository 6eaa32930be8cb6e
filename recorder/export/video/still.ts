// Pixels as PNG: without loss, unless it is scaled.
import sharp from "sharp";
import type { Pixels } from "./glyph-table.ts";

export async function encodePng({ width, height, data }: Pixels, scaledWidth?: number): Promise<Uint8Array> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, width * height * 4);
  const image = sharp(bytes, { raw: { width, height, channels: 4 } }).removeAlpha();
  const scaled = scaledWidth === undefined ? image : image.resize({ width: scaledWidth });
  return scaled.png({ compressionLevel: 9 }).toBuffer();
}
