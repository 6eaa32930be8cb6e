import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PlainText } from "../../../recorder/export/plain-text.ts";

function plain(...chunks: string[]): string {
  const text = new PlainText();
  return chunks.map((chunk) => text.write(chunk)).join("") + text.end();
}

describe("terminal output as text", () => {
  it.each([
    ["colours and titles", "\x1b]0;title\x07\x1b[1;32mgreen\x1b[0m\r\n", "green\n"],
    ["a title that ends with ST", "\x1b]2;t\x1b\\x\n", "x\n"],
    ["a backspace and its correction", "lx\b \bs\r\n", "ls\n"],
    ["a progress line drawn over itself", "10%\r50%\r100%\r\n", "100%\n"],
    ["a shorter line over a longer one", "long line\rshort\x1b[K\r\n", "short\n"],
    ["a cursor moved by the line editor", "abc\x1b[2DX\r\n", "aXc\n"],
    ["characters deleted and inserted", "abcd\x1b[4D\x1b[2P\x1b[1@x\r\n", "xcd\n"],
    ["a column", "\x1b[5Gx\n", "    x\n"],
    ["character sets", "\x1b(0\x1b(Bx\n", "x\n"],
    ["bell, NUL and DEL", "a\x07\0\x7fb\n", "ab\n"],
    ["tabs", "a\tb\n", "a\tb\n"],
    ["wide and combining characters", "ä\u{1f600}e\u0301\n", "ä\u{1f600}e\u0301\n"],
    ["no newline at the end", "$ ", "$\n"],
    ["a sequence that never ends", "x\x1b[31", "x\n"],
    ["nothing", "", ""],
  ])("has %s", (_what, output, expected) => {
    expect(plain(output)).toBe(expected);
    expect(plain(...output)).toBe(expected);
  });

  it("is the same however the output was cut, and never has a control character", () => {
    const piece = fc.oneof(
      fc.constantFrom("\x1b", "[", "]", "0;", "31m", "\b", "\r", "\n", "\x07", "K", "5C", "\x9b", "P", "\\"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const whole = plain(pieces.join(""));
        expect(plain(...pieces)).toBe(whole);
        expect(whole).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
      }),
    );
  });

  it("stays small whatever the column that a sequence asks for", () => {
    expect(plain("\x1b[999999999Gx".repeat(3)).length).toBeLessThan(5000);
  });
});
