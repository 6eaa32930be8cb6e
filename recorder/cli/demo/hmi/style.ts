// The demo HMI's colours and typefaces.
import { Face } from "../../../export/video/glyph-table.ts";
import * as glyphs from "./glyphs-hmi.ts";

export const small = new Face(glyphs.small);
export const label = new Face(glyphs.label);
export const title = new Face(glyphs.title);
export const reading = new Face(glyphs.reading);
export const large = new Face(glyphs.large);

export const colours = {
  ground: 0x161b21,
  groundLow: 0x12161b,
  panel: 0x20272f,
  panelHead: 0x2a333d,
  border: 0x36414d,
  grid: 0x2b343e,
  text: 0xdfe6ec,
  quiet: 0x8d9aa7,
  steel: 0x8b96a2,
  pipe: 0x5a6673,
  feed: 0x3f8fd2,
  reactor: 0xc98a2b,
  product: 0x53a66f,
  coolant: 0x3cb3c4,
  on: 0x3fb56b,
  off: 0x59636e,
  alarm: 0xe0483e,
  warning: 0xe3a52c,
  field: 0x0f1317,
  focus: 0x4aa3f0,
  black: 0x0b0e12,
  white: 0xffffff,
} as const;
