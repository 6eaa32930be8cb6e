import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesGlob } from "../../../shared/policy/glob.ts";

describe("matchesGlob", () => {
  it.each([
    ["plc-*", "PLC-reactor-01", true],
    ["plc-?", "plc-1", true],
    ["plc-?", "plc-12", false],
    ["*", "", true],
    ["a*b*c", "aXXbYYc", true],
    ["a*b*c", "aXXbYY", false],
    ["", "a", false],
  ])("%s against %s is %s", (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  it("agrees with a regular expression on every pattern and text", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll("?", ".").replaceAll("*", ".*")}$`);
        expect(matchesGlob(pattern, text)).toBe(expression.test(text));
      }),
    );
  });

  it("takes linear time on a pattern made to blow up", () => {
    expect(matchesGlob(`${"*a".repeat(60)}*b`, "a".repeat(2000))).toBe(false);
  });
});
