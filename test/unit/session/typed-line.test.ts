import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShownText } from "../../../recorder/session/shown-text.ts";
import { TypedLine } from "../../../recorder/session/typed-line.ts";

describe("the line that is typed", () => {
  const cases: [string, string, string][] = [
    ["as it is", "reload\r", "reload"],
    ["mended with backspace", "relaod\b\b\boad\r", "reload"],
    ["mended with delete (0x7f)", "rm -x\u007frf /\r", "rm -rf /"],
    ["begun anew with Ctrl+U", "nothing\u0015reload\r", "reload"],
    ["given up with Ctrl+C", "nothing\u0003reload\r", "reload"],
    ["a word deleted with Ctrl+W", "rm safe\u0017-rf /\r", "rm -rf /"],
    ["letters put in with the arrow keys", "rlod\u001b[D\u001b[D\u001b[De\u001b[C\u001b[Ca\r", "reload"],
    ["put in at the beginning with Home", "-rf /\u001b[Hrm \r", "rm -rf /"],
    ["cut with Ctrl+K", "reload-not\u001b[D\u001b[D\u001b[D\u001b[D\u000b\r", "reload"],
    ["the key Delete", "rexload\u0001\u001b[C\u001b[C\u001b[3~\r", "reload"],
    ["with the marks of a paste", "\u001b[200~reload\u001b[201~\r", "reload"],
  ];
  it.each(cases)("%s", (_what, keys, line) => {
    expect(new TypedLine().push(keys)).toEqual([line]);
  });

  it("is the same in any split", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab \b\r\u001b[DC3~OH\u0015\u0017") }), (text) => {
        const whole = new TypedLine();
        const split = new TypedLine();
        expect([...text].flatMap((character) => split.push(character))).toEqual(whole.push(text));
      }),
    );
  });

  it("gives out a line that does not end, and goes on", () => {
    const line = new TypedLine();
    const given = line.push("x".repeat(10_000));
    expect(given.map(({ length }) => length)).toEqual([4096, 4096]);
    expect(line.push("\r")).toEqual(["x".repeat(10_000 - 2 * 4096)]);
  });
});

describe("what output reads like", () => {
  const shown = (...chunks: string[]) => {
    const text = new ShownText();
    return chunks.map((chunk) => text.push(Buffer.from(chunk))).join("");
  };

  it("has no colours, titles and moves in it, wherever they are cut", () => {
    const coloured = "\u001b[1;31mE\u001b[0mRR\u001b]0;title\u0007OR\u001b(B!\r\n";
    expect(shown(coloured)).toBe("ERROR!\n");
    for (let at = 1; at < coloured.length; at++) {
      expect(shown(coloured.slice(0, at), coloured.slice(at))).toBe("ERROR!\n");
    }
  });

  it("puts a character together whose bytes come apart", () => {
    const bytes = Buffer.from("Störung");
    const text = new ShownText();
    expect(text.push(bytes.subarray(0, 3)) + text.push(bytes.subarray(3))).toBe("Störung");
  });

  it("is not hidden behind a title that never ends", () => {
    expect(shown(`\u001b]0;${"x".repeat(5000)}reload`)).toContain("reload");
  });
});
