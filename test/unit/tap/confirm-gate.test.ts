// Lines that wait for somebody to agree, at the gate of one channel: what passes, what is dropped, and how a paste goes on.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConfirmLines } from "../../../recorder/session/confirm-lines.ts";
import { ConfirmStream } from "../../../recorder/session/confirm-stream.ts";
import { ConfirmGate } from "../../../recorder/tap/ssh/confirm-gate.ts";
import { ConfirmStreamGate } from "../../../recorder/tap/ssh/confirm-stream-gate.ts";
import type { TapSession } from "../../../recorder/tap/tap.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { ConfirmRules } from "../../../shared/policy/confirm.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const policy = Policy.parse({ version: 1, confirm: [{ id: "flash", when: { command: "flash\\s+write" } }] });
const target = Target.parse({
  ...{ name: "plc", conduit: "reactor", protocol: "ssh", host: "h" },
  ...{ account: "a", secret: "s" },
});
const rules = new ConfirmRules(compilePolicy(policy, []), { name: "vera", roles: ["vendor"] }, target);

function place() {
  const asked: { command: string; answer: (given: boolean) => Promise<void> }[] = [];
  const wait = (command: string) => {
    let settle = (_answer: { given: boolean; sentence: string }): void => {};
    const answer = new Promise<{ given: boolean; sentence: string }>((resolve) => {
      settle = resolve;
    });
    const say = async (given: boolean) => {
      settle({ given, sentence: "" });
      await vi.advanceTimersByTimeAsync(1);
    };
    asked.push({ command, answer: say });
    return { sentence: "", answer, cancel: () => {} };
  };
  const at = { passed: "", dropped: 0, cut: false };
  const tap = {
    pass: (bytes: Buffer) => {
      at.passed += bytes.toString("latin1");
    },
    dropped: (bytes: number) => {
      at.dropped += bytes;
    },
    tell: () => {},
    cut: () => {
      at.cut = true;
    },
    failed: (error: unknown) => {
      throw error;
    },
  };
  return { asked, wait, at, tap };
}

const takes = (gate: { take(data: Buffer): void }) => async (text: string) => {
  gate.take(Buffer.from(text, "latin1"));
  await vi.advanceTimersByTimeAsync(500);
};

function openTerminal() {
  const { asked, wait, at, tap } = place();
  const lines = new ConfirmLines(rules, wait);
  const gate = new ConfirmGate({
    ...tap,
    session: { frozen: false } as TapSession,
    lines,
    isTerminal: () => true,
    clear: (pasting, done) => {
      at.passed += pasting ? "<end of paste, clear>" : "<clear>";
      done();
    },
  });
  return { gate, at, asked, lines, type: takes(gate) };
}

function openStream(opens: () => Promise<void> | null = () => null) {
  const { asked, wait, at, tap } = place();
  const gate = new ConfirmStreamGate({ ...tap, stream: new ConfirmStream(rules, wait), opens });
  const end = () =>
    gate.end(() => {
      at.passed += "<end>";
    });
  return { gate, at, asked, end, send: takes(gate) };
}

describe("a paste of several lines", () => {
  const paste = "\u001b[200~echo a\rflash write\recho b\u001b[201~";

  it("is whole at the target once it is agreed to", async () => {
    const { at, asked, type } = openTerminal();
    await type(`${paste}dropped`);
    expect([at.passed, at.dropped]).toEqual([paste.slice(0, paste.indexOf("\recho b")), "dropped".length]);
    await type("dropped, too");
    await asked[0]?.answer(true);
    expect(at.passed).toBe(paste);
    expect(at.dropped).toBe("droppeddropped, too".length);
    await type("\r");
    await vi.advanceTimersByTimeAsync(2000);
    expect(at.passed).toBe(`${paste}\r`);
  });

  it("is at an end at the target when it is not, and nothing of its rest passes", async () => {
    const { at, asked, type } = openTerminal();
    await type(paste.slice(0, -3));
    await type("01~");
    await asked[0]?.answer(false);
    expect(at.passed).toBe("\u001b[200~echo a\rflash write<end of paste, clear>");
    await type("ls\r");
    expect(at.passed.endsWith(">ls\r")).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it("is at an end, too, when its person takes it back", async () => {
    const { at, type } = openTerminal();
    await type(paste.slice(0, -6));
    await type("\u0003");
    expect(at.passed.endsWith("flash write\u001b[201~\u0003")).toBe(true);
  });
});

describe("a line that was recalled", () => {
  it("is looked at when a slow target shows it, at two seconds at the latest", async () => {
    const { gate, at, asked, lines, type } = openTerminal();
    await type("\u001b[A\r");
    await vi.advanceTimersByTimeAsync(500);
    expect([at.passed, asked.length]).toEqual(["\u001b[A", 0]);
    lines.shown(Buffer.from("$ flash write"));
    gate.shown();
    await vi.advanceTimersByTimeAsync(200);
    expect([at.passed, asked.length]).toEqual(["\u001b[A", 1]);
    await asked[0]?.answer(true);
    await type("\u001b[A\r");
    expect(at.passed).toBe("\u001b[A\r\u001b[A");
    await vi.advanceTimersByTimeAsync(2000);
    expect(at.passed).toBe("\u001b[A\r\u001b[A\r");
  });
});

describe("a program without a terminal", () => {
  it("has nothing of a line that nobody agreed to, not even its beginning, and nothing behind it", async () => {
    const { at, asked, send, end } = openStream();
    await send("ls\nflash write 1\nls\n");
    end();
    expect(at.passed).toBe("ls\n");
    await asked[0]?.answer(false);
    expect(at).toEqual({ passed: "ls\n", dropped: "flash write 1\nls\n".length, cut: true });
  });

  it("has all of it in order where somebody agrees, also the last line that has no end", async () => {
    const { at, asked, send, end } = openStream();
    await send("flash write 1\nls\nflash write 2");
    end();
    expect(at.passed).toBe("");
    await asked[0]?.answer(true);
    expect(at.passed).toBe("flash write 1\nls\n");
    await asked[1]?.answer(true);
    expect(at).toEqual({ passed: "flash write 1\nls\nflash write 2<end>", dropped: 0, cut: false });
    expect(asked.map(({ command }) => command)).toEqual(["flash write 1", "flash write 2"]);
  });

  it("has the beginning of a line whose rest is late, as far as no rule names it", async () => {
    const { at, asked, send } = openStream();
    await send("flash wr");
    expect(at.passed).toBe("flash wr");
    await send("ite");
    expect([at.passed, asked.length]).toEqual(["flash wr", 1]);
  });

  it("has what came when its person has closed the channel, but what waits", async () => {
    const { gate, at } = openStream();
    gate.take(Buffer.from("ls"));
    gate.flush();
    gate.take(Buffer.from("\nflash write"));
    gate.flush();
    gate.stop();
    await vi.advanceTimersByTimeAsync(500);
    expect(at.passed).toBe("ls\n");
  });

  it("is asked about what was sent before the release after it", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { asked, send } = openStream(() => released);
    await send("flash write\n");
    expect(asked).toEqual([]);
    release();
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(1);
  });
});
