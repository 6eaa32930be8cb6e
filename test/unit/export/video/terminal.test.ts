// Terminals as pixels. The golden picture is made anew with CONDUIT_WRITE_GOLDEN=1 and then looked at.
import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { expect, test } from "vitest";
import {
  CellPainter,
  cellHeight,
  cellWidth,
  foreground,
  terminalColours,
} from "../../../../recorder/export/video/cell-painter.ts";
import { pixel } from "../../../../recorder/export/video/glyph-table.ts";
import { TerminalScreen } from "../../../../recorder/export/video/terminal-screen.ts";

async function painted(text: string, cols = 20, rows = 4) {
  const screen = new TerminalScreen(cols, rows, terminalColours);
  const painter = new CellPainter(cols, rows);
  await screen.write(text);
  return { screen, painter, rects: painter.paint(screen) };
}

const golden = new URL("./terminal.png", import.meta.url);
const everything = [
  "plain \x1b[1mbold\x1b[0m \x1b[3mitalic\x1b[0m \x1b[4munder\x1b[0m \x1b[7minverse\x1b[0m \x1b[9mstrike\x1b[0m \x1b[2mdim\x1b[0m \x1b[53mover\x1b[0m\x1b[8mhidden\x1b[0m",
  ...[30, 90, 40, 100].map((base) => Array.from({ length: 8 }, (_, i) => `\x1b[${base + i}m ${i} \x1b[0m`).join("")),
  "\x1b[1m\x1b[31mbold red\x1b[0m \x1b[38;5;208m256\x1b[0m \x1b[48;5;236m grey \x1b[0m \x1b[38;2;80;200;255mtrue\x1b[0m",
  "Grüße, Żółć, Ελλάδα, Привет → ∑ √ ≤ € é e\u0301",
  "┌─┬─┐ ╔═╦═╗ ┏━┳━┓ ╭─╮ ╒╕ ╓╖ ╱╲╳ ┄┈",
  "├─┼─┤ ╠═╬═╣ ┣━╋━┫ │ │ ╞╡ ╟╢ ┡┩ ╪ ╫",
  "└─┴─┘ ╚═╩═╝ ┗━┻━┛ ╰─╯ ╘╛ ╙╜",
  "▁▂▃▄▅▆▇█ ▉▊▋▌▍▎▏ ▐▀▔▕ ░▒▓ ▖▗▘▙▚▛▜▝▞▟ ⠁⠿⣿",
  "漢字 😀 \ufffd",
].join("\r\n");

test("a terminal looks as it did", async () => {
  const { painter } = await painted(everything, 60, 13);
  const { width, height, data } = painter.pixels;
  const raw = { raw: { width, height, channels: 4 as const } };
  if (process.env["CONDUIT_WRITE_GOLDEN"] === "1")
    await writeFile(
      golden,
      await sharp(Buffer.from(data.buffer), raw).removeAlpha().png({ compressionLevel: 9 }).toBuffer(),
    );
  const wanted = await sharp(await readFile(golden))
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([wanted.info.width, wanted.info.height]).toEqual([width, height]);
  expect(Buffer.from(data.buffer).equals(wanted.data)).toBe(true);
});

test("only what changed is painted again", async () => {
  const { screen, painter, rects } = await painted("one\r\ntwo\x1b[?25l");
  expect(rects).toEqual([{ x: 0, y: 0, width: 20 * cellWidth, height: 4 * cellHeight }]);
  expect(painter.paint(screen)).toEqual([]);
  await screen.write("\x1b[2;2HX");
  expect(painter.paint(screen)).toEqual([{ x: cellWidth, y: cellHeight, width: cellWidth, height: cellHeight }]);
});

test("the cursor is a filled cell, and is gone while it is hidden", async () => {
  const { screen, painter } = await painted("a");
  const middle = 9 * 20 * cellWidth + cellWidth + 4;
  expect(painter.pixels.data[middle]).toBe(pixel(foreground));
  await screen.write("\x1b[?25l");
  expect(painter.paint(screen)).toEqual([{ x: cellWidth, y: 0, width: cellWidth, height: cellHeight }]);
  expect(painter.pixels.data[middle]).not.toBe(pixel(foreground));
});

test("a wide character that is overwritten leaves nothing behind", async () => {
  const { screen, painter } = await painted("漢\x1b[?25l");
  await screen.write("\x1b[1;1Hab");
  painter.paint(screen);
  const fresh = await painted("ab\x1b[?25l");
  expect(painter.pixels.data).toEqual(fresh.painter.pixels.data);
});

test("incremental painting ends at the same picture as painting at once", async () => {
  const { screen, painter } = await painted("", 60, 13);
  for (const line of everything.split("\r\n")) {
    await screen.write(`${line}\r\n`);
    painter.paint(screen);
  }
  const once = await painted(`${everything}\r\n`, 60, 13);
  expect(painter.pixels.data).toEqual(once.painter.pixels.data);
});

test("a resize makes a picture of the new size", async () => {
  const { screen, painter } = await painted("wide", 20, 4);
  screen.resize(30, 6);
  expect(painter.paint(screen)).toEqual([{ x: 0, y: 0, width: 30 * cellWidth, height: 6 * cellHeight }]);
  expect(painter.pixels.width).toBe(30 * cellWidth);
});

test("sequences that ask for the world are bounded", async () => {
  const { screen } = await painted(`${"x\x1b[2147483647b".repeat(2000)}${"\x1b[999999999S".repeat(2000)}done`, 200, 50);
  expect(screen.cols).toBe(200);
  screen.resize(1e9, 1e9);
  expect(screen.cols * screen.rows).toBeLessThanOrEqual(500_000);
});
