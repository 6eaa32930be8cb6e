// Makes the table of X11 keysym names that the input track names keys by, from Debian's x11proto-dev:
//   node scripts/make-keysym-table.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

const include = "/usr/include/X11";
const file = "recorder/rfb/keysym-table.ts";
const firstEvdevKey = 0x10081000;
const unicodeFrom = 0x01000000;
const unicodeTo = 0x0110ffff;

/** number → [name, code point or undefined]; of several names the first is X11's own choice. */
const table = new Map();
read("keysymdef.h", /^#define XK_(\w+)\s+0x([0-9a-fA-F]+)\s*(?:\/\*\s*\(?(?:U\+([0-9A-F]{4,6}))?)?/, "");
read("XF86keysym.h", /^#define XF86XK_(\w+)\s+(?:0x([0-9a-fA-F]+)|_EVDEVK\(0x([0-9a-fA-F]+)\))/, "XF86");

const entries = [...table]
  .sort(([one], [other]) => one - other)
  .map(([sym, [name, code]]) => `${sym.toString(16)} ${name}${code === undefined ? "" : ` ${code.toString(16)}`}`);
const lines = [];
for (const entry of entries) {
  const last = lines.at(-1);
  if (last === undefined || last.length + entry.length > 112) lines.push(entry);
  else lines[lines.length - 1] = `${last},${entry}`;
}
writeFileSync(
  join(root, file),
  `// Made by scripts/make-keysym-table.mjs from X11's keysymdef.h and XF86keysym.h. One entry a keysym: its number in
// hexadecimal, its name, and the code point it types where it types one.
export const keysymTable = \`
${lines.join("\n")}
\`;
`,
);
console.log(`${file}: ${entries.length} keysyms`);

function read(header, pattern, prefix) {
  for (const line of readFileSync(join(include, header), "utf8").split("\n")) {
    const found = pattern.exec(line);
    if (found === null) continue;
    const [, name, number, extra] = found;
    const evdev = header === "XF86keysym.h" && number === undefined;
    const sym = evdev ? firstEvdevKey + Number.parseInt(extra, 16) : Number.parseInt(number, 16);
    if (table.has(sym) || (sym >= unicodeFrom && sym <= unicodeTo) || /\bdeprecated\b/.test(line)) continue;
    table.set(sym, [
      `${prefix}${name}`,
      !evdev && extra !== undefined && prefix === "" ? Number.parseInt(extra, 16) : undefined,
    ]);
  }
}
