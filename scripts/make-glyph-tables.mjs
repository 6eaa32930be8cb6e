// Rasterises the glyph tables that the demo HMI and the video export draw with, from Debian's fonts-dejavu-core:
//   node scripts/make-glyph-tables.mjs
// DejaVu fonts 2.37 are free to use, change and pass on (Bitstream Vera licence, changes in the public domain).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import sharp from "sharp";
import { root } from "./steps.mjs";

const fonts = "/usr/share/fonts/truetype/dejavu";
const ranges = (...pairs) => pairs.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));

const ascii = ranges([0x20, 0x7e]);
const latin = [...ascii, ...ranges([0xa0, 0x17f])];
const letters = [...latin, ...ranges([0x370, 0x3ff], [0x400, 0x45f])];
// Box drawing and block elements (U+2500 to U+259F) are drawn, not taken from a font: they must meet at the cells' edges.
const signs = ranges(
  [0x2010, 0x205e],
  [0x2070, 0x209c],
  [0x20a0, 0x20bf],
  [0x2100, 0x214f],
  [0x2150, 0x21ff],
  [0x2200, 0x22ff],
  [0x2300, 0x23ff],
  [0x25a0, 0x25ff],
  [0x2600, 0x26ff],
  [0x2700, 0x27bf],
  [0x2190, 0x21ff],
  [0xfffd, 0xfffd],
);
const screen = [
  ...ascii,
  ...ranges([0xa0, 0xff]),
  ...[0x2013, 0x2026, 0x2190, 0x2191, 0x2192, 0x2193, 0x25b2, 0x25bc, 0x25b6, 0x25cf, 0x25a0, 0x2713, 0x26a0, 0x0394],
];

const tables = [
  {
    file: "recorder/export/video/glyphs-mono.ts",
    faces: {
      monoRegular: { font: "DejaVuSansMono", family: "DejaVu Sans Mono", px: 15, codes: [...letters, ...signs] },
      monoBold: { font: "DejaVuSansMono-Bold", family: "DejaVu Sans Mono", bold: true, px: 15, codes: letters },
    },
  },
  {
    file: "recorder/cli/demo/hmi/glyphs-hmi.ts",
    faces: {
      small: { font: "DejaVuSans", family: "DejaVu Sans", px: 12, codes: screen },
      label: { font: "DejaVuSans-Bold", family: "DejaVu Sans", bold: true, px: 12, codes: screen },
      title: { font: "DejaVuSans-Bold", family: "DejaVu Sans", bold: true, px: 17, codes: screen },
      reading: { font: "DejaVuSansMono-Bold", family: "DejaVu Sans Mono", bold: true, px: 16, codes: screen },
      large: { font: "DejaVuSansMono-Bold", family: "DejaVu Sans Mono", bold: true, px: 24, codes: ascii },
    },
  },
];

for (const { file, faces } of tables) {
  let text = `// Written by scripts/make-glyph-tables.mjs from DejaVu fonts 2.37 (Bitstream Vera licence, changes in the public domain).\n// The format is that of recorder/export/video/glyph-table.ts.\n`;
  for (const [name, face] of Object.entries(faces)) {
    const { size, ascent, lineHeight, bytes } = await rasterise(face);
    const lines = deflateRawSync(bytes, { level: 9 })
      .toString("base64")
      .match(/.{1,110}/g);
    text += `\nexport const ${name} = {\n  size: ${size},\n  ascent: ${ascent},\n  lineHeight: ${lineHeight},\n  packed: [\n${lines.map((line) => `    "${line}",`).join("\n")}\n  ].join(""),\n};\n`;
  }
  writeFileSync(join(root, file), text);
}

async function rasterise({ font, family, bold = false, px, codes }) {
  const metrics = readMetrics(readFileSync(join(fonts, `${font}.ttf`)));
  const there = [...new Set(codes)].filter((code) => metrics.glyph(code) !== 0).sort((a, b) => a - b);
  const scale = px / metrics.unitsPerEm;
  const ascent = Math.ceil(metrics.ascender * scale);
  const lineHeight = ascent + Math.ceil(-metrics.descender * scale);
  const cell = px * 3;
  const columns = 32;
  const records = [];
  for (let from = 0; from < there.length; from += columns * 16) {
    const part = there.slice(from, from + columns * 16);
    const height = Math.ceil(part.length / columns) * cell;
    const texts = part.map((code, i) => {
      const x = (i % columns) * cell + px;
      const y = Math.floor(i / columns) * cell + px + ascent;
      return `<text x="${x}" y="${y}">&#${code};</text>`;
    });
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${columns * cell}" height="${height}"><g xml:space="preserve" fill="#fff" font-family="${family}" font-weight="${bold ? "bold" : "normal"}" font-size="${px}px">${texts.join("")}</g></svg>`;
    const { data, info } = await sharp(Buffer.from(svg)).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    part.forEach((code, i) => {
      const left = (i % columns) * cell;
      const top = Math.floor(i / columns) * cell;
      const at = (x, y) => data[((top + y) * info.width + left + x) * 4 + 3];
      records.push(pack(code, Math.round(metrics.advance(code) * scale), at, cell, px));
    });
  }
  return { size: px, ascent, lineHeight, bytes: Buffer.concat(records) };
}

/** code u24, advance u8, left i8, top i8, width u8, height u8, then 4 bits of coverage a pixel, row by row. */
function pack(code, advance, at, cell, origin) {
  let [x0, y0, x1, y1] = [cell, cell, 0, 0];
  for (let y = 0; y < cell; y++)
    for (let x = 0; x < cell; x++)
      if (at(x, y) >= 9)
        [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
  const width = Math.max(0, x1 - x0);
  const height = Math.max(0, y1 - y0);
  const record = Buffer.alloc(8 + Math.ceil((width * height) / 2));
  record.writeUIntBE(code, 0, 3);
  record[3] = advance;
  record.writeInt8(width === 0 ? 0 : x0 - origin, 4);
  record.writeInt8(width === 0 ? 0 : y0 - origin, 5);
  record[6] = width;
  record[7] = height;
  for (let i = 0; i < width * height; i++) {
    const level = Math.round(at(x0 + (i % width), y0 + Math.floor(i / width)) / 17);
    record[8 + (i >> 1)] |= i % 2 === 0 ? level << 4 : level;
  }
  return record;
}

/** Of a TrueType file: which code points it has, and how far each advances (OpenType 1.9: cmap format 12 or 4, hmtx). */
function readMetrics(file) {
  const table = (tag) => {
    for (let i = 0; i < file.readUInt16BE(4); i++) {
      const at = 12 + i * 16;
      if (file.toString("latin1", at, at + 4) === tag) return file.subarray(file.readUInt32BE(at + 8));
    }
    throw new Error(`no table ${tag}`);
  };
  const [head, hhea, hmtx, cmap] = ["head", "hhea", "hmtx", "cmap"].map(table);
  const glyphs = readCmap(cmap);
  const longMetrics = hhea.readUInt16BE(34);
  const glyph = (code) => glyphs.get(code) ?? 0;
  return {
    unitsPerEm: head.readUInt16BE(18),
    ascender: hhea.readInt16BE(4),
    descender: hhea.readInt16BE(6),
    glyph,
    advance: (code) => hmtx.readUInt16BE(Math.min(glyph(code), longMetrics - 1) * 4),
  };
}

function readCmap(cmap) {
  const glyphs = new Map();
  for (let i = 0; i < cmap.readUInt16BE(2); i++) {
    const sub = cmap.subarray(cmap.readUInt32BE(4 + i * 8 + 4));
    if (sub.readUInt16BE(0) !== 12) continue;
    for (let group = 0; group < sub.readUInt32BE(12); group++) {
      const at = 16 + group * 12;
      const start = sub.readUInt32BE(at);
      for (let code = start; code <= sub.readUInt32BE(at + 4); code++)
        glyphs.set(code, sub.readUInt32BE(at + 8) + code - start);
    }
  }
  if (glyphs.size === 0) throw new Error("the font has no cmap of format 12");
  return glyphs;
}
