// What of a channel's input is a line that somebody has to agree to, at a terminal and without one.
import { describe, expect, it } from "vitest";
import { ConfirmLines } from "../../../recorder/session/confirm-lines.ts";
import { ConfirmStream } from "../../../recorder/session/confirm-stream.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { ConfirmRules } from "../../../shared/policy/confirm.ts";
import { Policy, Target } from "../../../shared/policy/policy.ts";

const policy = Policy.parse({
  version: 1,
  confirm: [
    { id: "flash", when: { command: "flash\\s+write" } },
    { id: "wipe", when: { command: "^wipe$" } },
  ],
});
const target = Target.parse({
  ...{ name: "plc", conduit: "reactor", protocol: "ssh", host: "h" },
  ...{ account: "a", secret: "s" },
});
const rules = new ConfirmRules(compilePolicy(policy, []), { name: "vera", roles: ["vendor"] }, target);

type Wait = ConstructorParameters<typeof ConfirmLines>[1];

function waiting() {
  const told: string[] = [];
  const wait: Wait = (command, { id }) => {
    told.push(`${id}: ${command}`);
    return { sentence: "", answer: new Promise<never>(() => {}), cancel: () => {} };
  };
  return { told, wait };
}

/** What is asked of this input, where all of it is agreed to. */
function asked(input: string): string[] {
  const { told, wait } = waiting();
  const lines = new ConfirmLines(rules, wait);
  const bytes = Buffer.from(input);
  for (let at = 0; at < bytes.length; at++) {
    at += lines.typed(bytes.subarray(at));
    if (at >= bytes.length) break;
    lines.ask();
    lines.ended(true);
  }
  return told;
}

/** The same without a terminal, where it comes in pieces of this size. */
function askedOfStream(input: string, size: number, isAll: boolean): string[] {
  const { told, wait } = waiting();
  const stream = new ConfirmStream(rules, wait);
  const bytes = Buffer.from(input);
  let held = Buffer.alloc(0);
  let passed = Buffer.alloc(0);
  for (let at = 0; at < bytes.length || held.length > 0; at += size) {
    held = Buffer.concat([held, bytes.subarray(at, at + size)]);
    for (;;) {
      const { passes, asks } = stream.look(held, isAll || at + size >= bytes.length);
      const waits = asks?.waits ?? 0;
      passed = Buffer.concat([passed, held.subarray(0, passes + waits)]);
      held = held.subarray(passes + waits);
      if (asks === null) break;
      asks.ask();
      asks.agreed();
    }
  }
  expect(passed.equals(bytes)).toBe(true);
  return told;
}

const inputs = [
  ["a line", "ls\nflash write 1\nls\n", ["flash: flash write 1"]],
  ["the last one without its end", "ls\nflash write 1", ["flash: flash write 1"]],
  ["lines that end with both", "ls\r\nwipe\r\nflash write\r\n", ["wipe: wipe", "flash: flash write"]],
  ["keys that edit nothing here", "flash write #\u0015\n", ["flash: flash write #\u0015"]],
  ["a sequence that does not end", ":\u001b[\nflash write\n", ["flash: flash write"]],
  ["a line that goes on", "fla\\\nsh \\\nwrite 2\n", ["flash: flash write 2"]],
  ["zero bytes between", "fla\0sh write\n", ["flash: flash write"]],
] as const;

describe.each([
  ["at once", Number.POSITIVE_INFINITY],
  ["byte by byte", 1],
])("without a terminal, %s", (_how, size) => {
  const of = (input: string) => askedOfStream(input, size, false);

  it.each(inputs)("%s", (_what, input, told) => expect(of(input)).toEqual(told));

  it("wherever it stands in a long line", () => {
    for (const before of [4080, 4086, 4090, 4095, 9000]) {
      expect(of(`${":".padEnd(before)};flash write\n`), String(before)).toHaveLength(1);
      expect(of(`flash write ${"x".repeat(before)}\nls\n`), String(before)).toHaveLength(1);
    }
  });

  it.each(inputs)("%s, also where the rest of a line comes late", (_what, input, told) =>
    expect(askedOfStream(input, 5, true)).toHaveLength(told.length),
  );

  it("and nothing else", () => expect(of("flash\\\\\nls\nwipe it\nread\nwrite\n")).toEqual([]));
});

describe("at a terminal", () => {
  it("a command of several lines is asked about at the one that completes it, until the shell drops it", () => {
    expect(asked("flash \\\rwrite\r")).toHaveLength(1);
    expect(asked("fla\\\rsh write\r")).toHaveLength(1);
    expect(asked("flash \\\\\rwrite\r")).toEqual([]);
    expect(asked("flash \\\r\u0003write\r")).toEqual([]);
  });

  it("is still asked about where its last line was not agreed to", () => {
    const lines = new ConfirmLines(rules, waiting().wait);
    expect(lines.typed(Buffer.from("flash \\\rwrite\r"))).toBe(13);
    lines.ended(false);
    expect(lines.typed(Buffer.from("write\r"))).toBe(5);
  });

  it("is told as the terminal shows it, and of a paste as it was pasted, which is shown at its end", () => {
    const { told, wait } = waiting();
    const lines = new ConfirmLines(rules, wait);
    lines.shown(Buffer.from("$ flash write 1"));
    lines.typed(Buffer.from("flash write 1\r"));
    lines.ask();
    lines.ended(true);
    lines.shown(Buffer.from("\r\n$ "));
    lines.typed(Buffer.from("\u001b[200~flash write 2\r"));
    lines.ask();
    expect(told).toEqual(["flash: $ flash write 1", "flash: flash write 2"]);
  });

  it("wherever it stands in a long line", () => {
    for (const before of [4080, 4086, 4090, 4095]) {
      expect(asked(`${":".padEnd(before)};flash write\rls\r`), String(before)).toHaveLength(1);
    }
  });

  it("with keys that recall or complete, sent while no program reads them, is asked about as one that cannot be seen", () => {
    const { told, wait } = waiting();
    const lines = new ConfirmLines(rules, wait);
    const sent = (keys: string, shown: string) => {
      expect(lines.typed(Buffer.from(`${keys}\r`))).toBe(keys.length);
      lines.shown(Buffer.from(shown));
      return lines.unseen;
    };
    expect(sent("\u001b[A\u001b[A", "sleep 2\r\n^[[A^[[A")).toBe(true);
    lines.ask();
    expect(told).toEqual(["flash: a line that cannot be seen, since a program does not read it yet: ^[[A^[[A"]);
    // The shell reads them, and shows what they recall.
    lines.shown(Buffer.from("\u001b[?2004h$ ls"));
    expect(lines.unseen).toBe(false);
    expect(lines.ask()).toBeNull();
    lines.ended(true);
    lines.shown(Buffer.from("\u001b[?2004l\r\n"));
    expect(sent("/tm\tx", "/tm\tx")).toBe(true);
    lines.ended(true);
    lines.shown(Buffer.from("\r\n\u001b[?2004h$ "));
    // An editor's own, and a caret that was typed.
    expect(sent("\u001b[A", "grep '^[a-z]' file")).toBe(false);
    expect(lines.ask()).toBeNull();
  });

  it("is forgotten whole where it was emptied on one row, and not where it was left for another", () => {
    const long = `flash write ${"x".repeat(60)}`;
    const typedAfter = (emptied: string) => {
      const lines = new ConfirmLines(rules, waiting().wait);
      lines.typed(Buffer.from(`${long}\r`));
      lines.shown(Buffer.from(`\u001b[?2004h$ ${long}`));
      lines.ended(false);
      lines.shown(Buffer.from(emptied));
      return lines.typed(Buffer.from("ls\r"));
    };
    const back = "\b".repeat(long.length);
    expect(typedAfter(`${back}\u001b[K`)).toBe(3);
    expect(typedAfter(`\u001b[A${back}\u001b[K`)).toBe(2);
  });

  it("tells whether a paste goes on, however its marks are cut", () => {
    const lines = new ConfirmLines(rules, waiting().wait);
    const states = [..."ls\u001b[200~echo \u001b[201~x\u001b[200~"].map((key) => {
      lines.typed(Buffer.from(key));
      return lines.pasting ? "p" : "-";
    });
    expect(states.join("")).toBe(`${"-".repeat(7)}${"p".repeat(11)}${"-".repeat(7)}p`.slice(0, states.length));
    lines.ended(false);
    expect(lines.typed(Buffer.from("x\u001b[201~"))).toBe(7);
    expect(lines.pasting).toBe(false);
  });
});
