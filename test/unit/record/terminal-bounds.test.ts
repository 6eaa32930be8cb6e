// What a peer writes may not cost the emulator more than it is allowed, whatever number stands in it: without a bound
// these tests do not end. Within the bound the picture is the same.
import { describe, expect, it } from "vitest";
import { TerminalFollower } from "../../../recorder/record/segments/terminal-follower.ts";
import { TerminalState } from "../../../recorder/record/segments/terminal-state.ts";

const huge = 2 ** 31 - 1;
const finals = Array.from({ length: 0x7f - 0x40 }, (_, i) => String.fromCharCode(0x40 + i));
const prefixes = ["", "?", ">", "=", "<"];
const intermediates = ["", " ", "!", '"', "#", "$", "'", "*", "+"];

function keyframe(output: string, cols = 80, rows = 24): string {
  const follower = new TerminalFollower(cols, rows);
  follower.write(output);
  return follower.keyframe();
}

describe("control sequences with the largest number", () => {
  it.each(prefixes)("end, with the prefix %j and any intermediate, for every final character", (prefix) => {
    for (const numbers of [`${huge}`, `${huge};${huge};${huge}`, `0;${huge}`, `${huge}:${huge}`]) {
      for (const middle of intermediates) {
        const all = finals.map((final) => `日x\x1b[${prefix}${numbers}${middle}${final}`).join("");
        expect(keyframe(`${all}\x18\x1bcend`)).toContain("end");
      }
    }
  });

  it.each(["S", "T", "L", "M", "I", "Z"])("do what the size of the screen does: %s", (final) => {
    const before = `${Array.from({ length: 24 }, (_, i) => `line ${i}`).join("\r\n")}\x1b[5;20H`;
    expect(keyframe(`${before}\x1b[${huge}${final}.`)).toBe(keyframe(`${before}\x1b[200${final}.`));
  });

  it("do so within a scrolling region, and after a wide character", () => {
    expect(keyframe(`\x1b[2;5r\x1b[3;1H1\r\n2\r\n3\x1b[${huge}S`)).toBe(
      keyframe("\x1b[2;5r\x1b[3;1H1\r\n2\r\n3\x1b[9S"),
    );
    expect(keyframe(`日\x1b[${huge}b`)).toContain("日".repeat(40));
    expect(keyframe(`\x1b[${huge};${huge}r\x1b[${huge};${huge}Hend`)).toContain("end");
  });

  it("leave the cursor of a repeated character where it would be", () => {
    expect(keyframe(`x\x1b[${80 * 24 * 2 + 7}b`)).toBe(keyframe(`x\x1b[${80 * 24 * 50 + 7}b`));
  });
});

describe("many costly sequences", () => {
  it.each([
    "\x1b[2147483647S",
    "x\x1b[2147483647b",
    "\x1b[2147483647Z",
    "\x1b[2J",
    "\x1bc",
    "\x1b#8",
    "\x1b[?1049h\x1b[?1049l",
  ])("%j on the largest screen", (sequence) => {
    expect(keyframe(`${sequence.repeat(500_000 / sequence.length)}\x1b[Hend`, 1000, 500)).toContain("end");
  });

  it("leave those out that the allowance does not reach, until the next keyframe", () => {
    const state = new TerminalState(1000, 500);
    state.write(`${"\x1b[2J".repeat(1000)}kept`);
    state.write("\x1b[2J");
    expect(state.cursorLine()).toBe("kept");
    state.reset(1000, 500);
    state.write("gone\x1b[2J");
    expect(state.cursorLine().trim()).toBe("");
    state.dispose();
  });

  it("may be resizes too, of which the last counts", () => {
    const follower = new TerminalFollower(80, 24);
    for (let i = 0; i < 20_000; i++) follower.resize(i % 2 === 0 ? 1000 : 1, i % 2 === 0 ? 500 : 1);
    follower.resize(30, 8);
    follower.write("\x1b[999;999Hx");
    expect(follower.keyframe()).toContain("\x1b[8;30H");
  });
});

describe("a keyframe", () => {
  it("holds of a cell, a title and a link no more than a viewer can use", () => {
    expect(keyframe(`a${"\u0301".repeat(3_000_000)}`).length).toBeLessThan(1000);
    expect(keyframe(`\x1b]2;${"t".repeat(3_000_000)}\x07`).length).toBeLessThan(4000);
    expect(keyframe(`\x1bP${"q".repeat(3_000_000)}\x1b\\\x1b_${"q".repeat(3_000_000)}\x1b\\`).length).toBeLessThan(
      1000,
    );
    const links = (uri: string) => `\x1b]8;;http://${uri}/\x07a\x1b]8;;\x07b`.repeat(900);
    expect(keyframe(links("l".repeat(200_000)).slice(0, 1_000_000)).length).toBeLessThan(100_000);
    expect(keyframe(links("l".repeat(1500))).length).toBeLessThan(200_000);
  });
});
