import { expect, test } from "vitest";
import { ScreenLines } from "../../../recorder/search/screen-lines.ts";

const maxSavedCells = 1_000_000;
const cellsPerCharacter = 16;

function shown(output: string, cols = 4_096): string[] {
  const lines: string[] = [];
  const screen = new ScreenLines(cols, ({ text }) => lines.push(text));
  screen.write(output, 0);
  screen.end();
  return lines;
}

test("a gap that the cursor left is blank", () => {
  expect(shown("name\u001b[10Cvalue\r\n", 80)).toEqual([`name${" ".repeat(10)}value`]);
});

test.each([["\u001b[4095Cx\n"], ["x\u001b[G\u001b[4096@\u001b[4095Cx\n"]])(
  "what %j fills is bounded by its length",
  (attack) => {
    const times = 2_000;
    const cells = shown(attack.repeat(times)).reduce((sum, line) => sum + line.length, 0);
    expect(cells).toBeLessThan(maxSavedCells + attack.length * times * (cellsPerCharacter + 1));
  },
);

test("after too much of it, text is read on", () => {
  expect(shown(`${"\u001b[4095Cx\n".repeat(2_000)}valve opened\n`).at(-1)).toBe("valve opened");
});
