// scp's commands as they are read and written anew: a real shell must find in them what it found in the old ones, and
// nothing to run.
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scpCommandOf } from "../../../recorder/tap/ssh/held-files/scp-command.ts";

const read = (command: string) => scpCommandOf(command);

/** The words that a shell makes of it, patterns not expanded. */
function words(command: string): string[] {
  const script = `set -f; HOME=/home/x; for word in ${command}; do printf '%s\\0' "$word"; done`;
  return execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("scpCommandOf", () => {
  it.each([
    ["scp -t /tmp/a", "inbound", "scp -t /tmp/a"],
    ["scp -r -p -d -t -- -odd", "inbound", "scp -r -p -d -t -- -odd"],
    ["scp -v -rp -f a b", "outbound", "scp -v -r -p -f a b"],
    ["/usr/bin/scp -qf x", "outbound", "/usr/bin/scp -f x"],
    ["scp -f '/with space'", "outbound", "scp -f /with' space'"],
    ["scp -f /with\\ space", "outbound", "scp -f /with' 'space"],
    ['scp -f "it\'s"', "outbound", "scp -f it\\'s"],
    ["scp -f ~/x/*.tx?", "outbound", "scp -f ~/x/*.tx?"],
    ["scp -f '*'", "outbound", "scp -f '*'"],
    ["scp -t ''", "inbound", "scp -t ''"],
    ["scp -f '~'/x ~\\/x", "outbound", "scp -f '~'/x '~/'x"],
    ["scp -f ''~ ~''/x \"\"~/x", "outbound", "scp -f '~' '~'/x '~'/x"],
    ["scp -f [!a-c]x ['!'a]x [a\\-c]x", "outbound", "scp -f [!a-c]x ['!'a]x [a'-'c]x"],
  ])("reads %s", (command, direction, written) => {
    expect(read(command)).toEqual({ direction, command: written });
  });

  it.each(["scpx -t a", "ls scp -t", "scp", "scp a b:c", "echo scp -t x", "/tmp/a;scp -t x"])(
    "does not take %s for scp's other half",
    (command) => {
      expect(read(command)).toBeUndefined();
    },
  );

  it.each([
    "scp -t $(id)",
    "scp -t `id`",
    'scp -t "`id`"',
    'scp -t "$HOME"',
    "scp -t a; id",
    "scp -t a && id",
    "scp -t a | id",
    "scp -t a > b",
    "scp -t a\nid",
    "scp -t 'a\nb'",
    "scp -t {a,b}",
    "scp -t 'open",
    'scp -t "open',
    "scp -t a\\",
    "scp -t # a",
    "scp -t caf\ufffd",
    "scp -t",
    "scp -t a b",
    "scp -t -f a",
    "scp -S /bin/sh -t a",
    "scp -oProxyCommand=id -f a",
    "/home/vera/scp -t a",
    "./scp -t a",
    "~/scp -f a",
    "/usr/bin/../../tmp/scp -t a",
    "PATH=/tmp/scp -t a",
    "/usr/bi?/scp -t a",
  ])("refuses %s", (command) => {
    expect(read(command)).toBe("unreadable");
  });

  it("gives a shell the same words as before", () => {
    const piece = fc.constantFrom("a", "/", " ", "'", '"', "\\", "*", "~", "?", "[", "]", "#", "=", "é", "-", "!", "^");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const command = `scp -f ${pieces.join("")}`;
        const answer = read(command);
        if (answer === undefined || answer === "unreadable") return;
        const before = words(command);
        const options = before.indexOf("--");
        const paths = options >= 0 ? before.slice(options) : before.slice(before.indexOf("-f") + 1);
        expect(words(answer.command).slice(-paths.length)).toEqual(paths);
      }),
      { numRuns: 400 },
    );
  });
});
