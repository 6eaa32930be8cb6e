import { describe, expect, it } from "vitest";
import { type FoundPattern, PatternWatch } from "../../../recorder/session/pattern-watch.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { compilePatterns } from "../../../shared/policy/patterns.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";

const target = Target.parse({
  name: "plc",
  conduit: "c",
  protocol: "ssh",
  host: "h",
  account: "a",
  secret: "s",
});

interface Found extends FoundPattern {
  where: string;
  channel: number;
}

function watchFor(...patterns: { id: string; in: "input" | "output"; match: string }[]) {
  const policy = Policy.parse({ version: 1, patterns: patterns.map((one) => ({ action: "terminate", ...one })) });
  const scanners = compilePatterns(compilePolicy(policy)).for({ name: "ada", roles: ["vendor"] }, target);
  const found: Found[] = [];
  const watch = new PatternWatch(scanners, {
    found: (pattern, where, channel) => found.push({ ...pattern, where, channel }),
    nowMs: () => performance.now(),
  });
  return { watch, found, ids: () => found.map(({ id }) => id) };
}

const shell = { type: "channel-open", channel: 0, request: "shell", pty: { term: "x", cols: 80, rows: 24 } } as const;
const typed = (text: string) => ({ type: "input", channel: 0, data: Buffer.from(text) }) as const;
const shown = (text: string | Buffer) =>
  ({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(text) }) as const;

describe("patterns in what is typed", () => {
  it("are found with the key that completes them, however the keys came", () => {
    const { watch, ids } = watchFor({ id: "stop", in: "input", match: "stop all" });
    watch.seen(shell);
    for (const key of "stop al") watch.seen(typed(key));
    expect(ids()).toEqual([]);
    watch.seen(typed("l"));
    expect(ids()).toEqual(["stop"]);
  });

  it("are found in a line that was mended, at its Enter, and told once", () => {
    const { watch, ids } = watchFor({ id: "reload", in: "input", match: "^reload$" });
    watch.seen(shell);
    watch.seen(typed("relo\b\b\b\breload"));
    expect(ids()).toEqual([]);
    watch.seen(typed("\r"));
    expect(ids()).toEqual(["reload"]);
    watch.seen(typed("reload\r"));
    expect(ids()).toEqual(["reload", "reload"]);
  });

  it("are found in a command that is run without a terminal, and in its input", () => {
    const { watch, ids } = watchFor({ id: "wipe", in: "input", match: "rm -rf" });
    watch.seen({ type: "channel-open", channel: 3, request: "exec", command: "sudo rm -rf /" });
    expect(ids()).toEqual(["wipe"]);
    watch.seen({ type: "channel-open", channel: 4, request: "exec", command: "sh" });
    watch.seen({ type: "input", channel: 4, data: Buffer.from("rm -") });
    watch.seen({ type: "input", channel: 4, data: Buffer.from("rf /\n") });
    expect(ids()).toEqual(["wipe", "wipe"]);
  });

  it("are found in the keys of a screen, whose messages are no text", () => {
    const { watch, ids } = watchFor({ id: "stop", in: "input", match: "^stop$" });
    watch.seen({ type: "channel-open", channel: 0, request: "vnc" });
    watch.seen({ type: "input", channel: 0, data: Buffer.from("stop\n") });
    expect(ids()).toEqual([]);
    for (const key of ["s", "t", "o", "x", "\b", "p", "\n"]) watch.typed(0, key);
    expect(ids()).toEqual(["stop"]);
  });

  it("of one channel do not make a line with those of another", () => {
    const { watch, ids } = watchFor({ id: "stop", in: "input", match: "stop" });
    watch.seen(shell);
    watch.seen({ ...shell, channel: 1 });
    watch.seen(typed("st"));
    watch.seen({ ...typed("op"), channel: 1 });
    expect(ids()).toEqual([]);
  });
});

describe("patterns in what is shown", () => {
  it("are found across chunks, colours and characters of several bytes", async () => {
    const { watch, ids } = watchFor({ id: "alarm", in: "output", match: "STÖRUNG \\d+" });
    watch.seen(shell);
    const bytes = Buffer.from("x\u001b[31mSTÖR\u001b[0mUNG 4\r\n");
    for (const byte of bytes) watch.seen(shown(Buffer.from([byte])));
    await watch.finish();
    expect(ids()).toEqual(["alarm"]);
  });

  it("are not looked for where the bytes pass, and a flood holds the target back instead of being left out", async () => {
    const { watch, found } = watchFor({ id: "mark", in: "output", match: "MARK" });
    watch.seen(shell);
    const block = `${"x".repeat(65_000)}MARK`;
    let blocks = 0;
    while (!watch.behind) {
      watch.seen(shown(block));
      blocks++;
      expect(blocks).toBeLessThan(100);
    }
    expect(found).toEqual([]);
    await watch.drained();
    expect(watch.behind).toBe(false);
    await watch.finish();
    expect(found).toHaveLength(blocks);
  });

  it("keep nothing of a channel that is closed and looked through", async () => {
    let made = 0;
    const scanner = { feed: () => [] };
    const patterns = {
      input: null,
      output: () => {
        made++;
        return scanner;
      },
    };
    const watch = new PatternWatch(patterns, { found: () => undefined, nowMs: () => performance.now() });
    for (let n = 0; n < 2; n++) {
      watch.seen(shown("a"));
      watch.seen(shown("b"));
      watch.seen({ type: "channel-close", channel: 0 });
    }
    await watch.finish();
    expect(made).toBe(2);
  });

  it("does not let a flood of single bytes grow without bound", () => {
    const { watch } = watchFor({ id: "mark", in: "output", match: "MARK" });
    watch.seen(shell);
    let pieces = 0;
    while (!watch.behind) {
      watch.seen(shown("x"));
      pieces++;
    }
    expect(pieces).toBeLessThan(10_000);
  });
});
