import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { compilePatterns, matchesWhole, type PatternScanner, patternFault } from "../../../shared/policy/patterns.ts";
import { Policy } from "../../../shared/policy/policy.ts";

const who = { name: "ada", roles: ["vendor"] as const };
const what = { name: "plc-1", conduit: "cell", tags: ["pump"] };
function scanner(...matches: string[]): PatternScanner {
  const patterns = matches.map((match, i) => ({ id: `p${i}`, in: "input", match, action: "alert" }));
  const made = compilePatterns(compilePolicy(Policy.parse({ version: 1, patterns }))).for(who, what).input;
  if (made === null) throw new Error("there is no pattern");
  return made();
}
const ends = (of: PatternScanner, pieces: readonly string[]) =>
  [...pieces.flatMap((piece) => of.feed(piece)), ...of.end()].map(({ id, end }) => `${id}@${end}`);

describe("matches", () => {
  it.each([
    ["erase\\s+flash", "x erase  flash; erase flash", [14, 27]],
    ["\\brm\\b", "rm -rf; term rm", [2, 15]],
    ["^reboot$", "reboot\nreboot now\nreboot", [6, 24]],
    ["^reboot$", "reboot\r\nreboot\r", [6, 14]],
    ["(?i)stop", "STOP sToP", [4, 9]],
    ["(a|ab)c", "abc ac", [3, 6]],
    ["x.y", "x\ny x😀y", [9 - 1]],
    ["ü\\p{Greek}", "üα üb", [2]],
    ["[^a-z]{3}", "abc123def4567", [6, 12]],
    ["a+", "aaa", [1, 2, 3]],
    ["\\Afirst", "first first", [5]],
    ["last\\z", "last last", [9]],
  ])("%s in %j end at %j", (pattern, text, at) => {
    expect(ends(scanner(pattern), [text])).toEqual(at.map((end) => `p0@${end}`));
  });

  it("are complete with the very character that completes them, where nothing more has to be seen", () => {
    const one = scanner("erase flash");
    expect(one.feed("erase flas")).toEqual([]);
    expect(one.feed("h")).toMatchObject([{ id: "p0", action: "alert", end: 11 }]);
  });

  it("take linear time where others blow up", () => {
    const text = "x".repeat(20_000);
    expect(ends(scanner("(x+x+)+y", "(x*)*z", "(x|x|x)*q"), [text])).toEqual([]);
  });

  it("keep their memory bounded on a pattern of very many states", () => {
    const one = scanner("(a|b)*a(a|b){14}c");
    let text = "";
    for (let i = 0; i < 30_000; i++) text += (i * 2654435761) % 7 < 3 ? "a" : "b";
    expect(one.feed(text)).toEqual([]);
    expect(one.feed(`a${"b".repeat(14)}c`)).toHaveLength(1);
  });
});

const atoms = fc.constantFrom(
  "a",
  "b",
  "[ab]",
  "\\b",
  "^",
  "$",
  "a+",
  "b*a",
  "(a|ba)",
  ".",
  "b?a",
  "a{2}",
  "\\n",
  "😀",
  "[^a]",
);
const pattern = fc.array(atoms, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));
const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "\r", "😀"), maxLength: 24 });

it("any split gives the same matches, each once", () => {
  let found = 0;
  fc.assert(
    fc.property(pattern, pattern, text, fc.array(fc.nat(24), { maxLength: 8 }), (one, other, whole, cuts) => {
      const expected = ends(scanner(one, other), [whole]);
      const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
      const pieces = at.slice(1).map((end, i) => whole.slice(at[i], end));
      expect(ends(scanner(one, other), pieces)).toEqual(expected);
      expect(ends(scanner(one, other), whole.split(""))).toEqual(expected);
      expect(new Set(expected).size).toBe(expected.length);
      found += expected.length;
    }),
    { numRuns: 400 },
  );
  expect(found).toBeGreaterThan(100);
});

it("finds the earliest end of any match, as trying each beginning and end would", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 12 });
  const plain = fc.array(fc.constantFrom("a", "b", "[ab]", "a+", "b*a", "(a|ba)", ".", "b?a", "a{2}"), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      plain.map((parts) => parts.join("")),
      letters,
      (match, whole) => {
        fc.pre(patternFault(match) === null);
        const expression = new RegExp(`^(?:${match})$`);
        const expected: string[] = [];
        for (let from = 0, end = 1; end <= whole.length; end++) {
          const hit = Array.from({ length: end - from }, (_, i) => whole.slice(from + i, end)).some((part) =>
            expression.test(part),
          );
          if (!hit) continue;
          expected.push(`p0@${end}`);
          from = end;
        }
        expect(ends(scanner(match), [whole])).toEqual(expected);
      },
    ),
    { numRuns: 400 },
  );
});

it("hold for the people and targets that they name", () => {
  const policy = Policy.parse({
    version: 1,
    groups: { oem: ["ada"] },
    patterns: [
      { id: "mine", in: "input", match: "x", action: "freeze", people: ["group:oem"], message: "Call." },
      { id: "theirs", in: "input", match: "x", action: "freeze", people: ["eve"] },
      { id: "pumps", in: "output", match: "x", action: "terminate", targets: ["tag:pump"] },
      { id: "fans", in: "output", match: "x", action: "terminate", targets: ["tag:fan"] },
    ],
  });
  const { input, output } = compilePatterns(compilePolicy(policy)).for(who, what);
  expect(input?.().feed("x")).toEqual([{ id: "mine", action: "freeze", message: "Call.", end: 1 }]);
  expect(output?.().feed("x")).toMatchObject([{ id: "pumps" }]);
  const none = compilePatterns(compilePolicy(policy)).for({ name: "bob", roles: [] }, { ...what, tags: [] });
  expect(none).toEqual({ input: null, output: null });
});

it("says what is wrong with a pattern", () => {
  expect(patternFault("erase\\s+flash")).toBeNull();
  expect(patternFault("((")).toContain("missing closing )");
  expect(patternFault("(?=a)")).toContain("(?=");
  expect(patternFault("(a)\\1")).not.toBeNull();
  expect(patternFault("a*")).toContain("matches where there is nothing");
  expect(matchesWhole("CHG-[0-9]{6}", "CHG-123456")).toBe(true);
  expect(matchesWhole("CHG-[0-9]{6}", "CHG-1234567")).toBe(false);
  expect(matchesWhole("((", "((")).toBe(false);
});
