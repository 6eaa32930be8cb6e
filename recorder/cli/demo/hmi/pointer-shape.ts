// The mouse pointer as the demo HMI sends it (the Cursor pseudo-encoding, RFC 6143 §7.8.1): pixels, then a bit mask.
import { pixel } from "../../../export/video/glyph-table.ts";
import type { PixelWriter } from "./encode.ts";

/** X is dark, o light. */
export const arrowRows = [
  "X...........",
  "XX..........",
  "XoX.........",
  "XooX........",
  "XoooX.......",
  "XooooX......",
  "XoooooX.....",
  "XooooooX....",
  "XoooooooX...",
  "XooooooooX..",
  "XoooooXXXXX.",
  "XooXooX.....",
  "XoX.XooX....",
  "XX..XooX....",
  "X....XooX...",
  ".....XooX...",
  "......XX....",
];

const width = arrowRows[0]?.length ?? 0;

export const arrow = {
  width,
  height: arrowRows.length,
  bytes(writer: PixelWriter): Buffer {
    const colours = Buffer.alloc(width * arrowRows.length * writer.format.bytesPerPixel);
    const rowBytes = Math.ceil(width / 8);
    const mask = Buffer.alloc(rowBytes * arrowRows.length);
    let at = 0;
    arrowRows.forEach((row, y) => {
      [...row].forEach((mark, x) => {
        at = writer.put(colours, at, pixel(mark === "o" ? 0xffffff : 0));
        const byte = y * rowBytes + (x >> 3);
        if (mark !== ".") mask[byte] = (mask[byte] ?? 0) | (0x80 >> (x & 7));
      });
    });
    return Buffer.concat([colours, mask]);
  },
};
