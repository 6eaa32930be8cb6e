import { expect, test } from "vitest";
import { ChannelLines, type Found } from "../../../recorder/search/channel-lines.ts";
import type { InputLine } from "../../../shared/events/stored.ts";

/** Somebody at a terminal: what is shown and what is typed, a tenth of a second apart. */
class Terminal {
  readonly found: Found[] = [];
  readonly lines: ChannelLines;
  t = 0;

  constructor(cols = 80) {
    this.lines = new ChannelLines("terminal-0", cols, true, (found) => this.found.push(found));
  }

  shows(text: string): this {
    this.t += 100_000;
    this.lines.output(text, this.t);
    return this;
  }

  input(line: Partial<InputLine> & Pick<InputLine, "k">): this {
    this.t += 100_000;
    this.lines.input({ t: this.t, s: 0, ch: 0, ...line });
    return this;
  }

  /** Characters, each shown as it is typed. */
  types(text: string): this {
    for (const character of text) this.input({ k: "text", d: character }).shows(character);
    return this;
  }

  key(name: string, d: string): this {
    return this.input({ k: "key", name, d });
  }

  enter(): this {
    return this.key("Enter", "\r").shows("\r\n");
  }

  get(kind: Found["kind"]): string[] {
    return this.end()
      .found.filter((one) => one.kind === kind)
      .map(({ text }) => text);
  }

  #isEnded = false;
  end(): this {
    if (!this.#isEnded) this.lines.end();
    this.#isEnded = true;
    return this;
  }
}

const up = "\u001b[A";

test.each([
  ["$ "],
  ["[erika@scada ~]$ "],
  ["\u001b]0;erika@scada: ~\u0007\u001b[01;32merika@scada\u001b[00m:\u001b[01;34m~\u001b[00m$ "],
  ["root@plc:/etc# "],
  ["PLC-7> "],
  ["Router(config)#"],
  ["┌──(erika㉿host)-[~]\r\n└─$ "],
  ["❯ "],
  [">>> "],
  ["\u001b[?2004h$ "],
])("a command behind the prompt %j, with its time and when the prompt came back", (prompt) => {
  const terminal = new Terminal().shows(prompt).types("show status");
  const atUs = terminal.t + 100_000;
  terminal.enter().shows("all well\r\n").shows(prompt);
  const endUs = terminal.t;
  terminal.types("exit").enter().end();
  expect(terminal.found.filter(({ kind }) => kind === "command")).toMatchObject([
    { text: "show status", atUs, endUs, track: "terminal-0" },
    { text: "exit" },
  ]);
  expect(terminal.get("typed")).toEqual([]);
  expect(terminal.get("output")).toContain("all well");
  expect(terminal.get("output").join()).not.toContain("show status");
});

test("a recalled command, which nobody typed, and one that was completed", () => {
  const terminal = new Terminal().shows("$ ").types("reboot --now").enter().shows("$ ");
  terminal.key("Up", up).shows("reboot --now").enter().shows("$ ");
  terminal.types("cat rec").key("Tab", "\t").shows("ipes.csv ").enter().shows("$ ");
  expect(terminal.get("command")).toEqual(["reboot --now", "reboot --now", "cat recipes.csv"]);
  expect(terminal.get("typed")).toEqual([]);
});

test("candidates of a completion, and the line drawn again below them", () => {
  const terminal = new Terminal().shows("$ ").types("ls /v").key("Tab", "\t").shows("\u0007");
  terminal.key("Tab", "\t").shows("\r\nvalves/  vents/\r\n$ ls /v").types("alves").enter().shows("$ ");
  expect(terminal.get("command")).toEqual(["ls /valves"]);
  expect(terminal.get("output")).toEqual(["valves/  vents/"]);
});

test("a slip that was mended, and a line longer than the terminal is wide", () => {
  const terminal = new Terminal(20).shows("$ ").types("sett").key("Backspace", "\u007f").shows("\b\u001b[K");
  let column = "$ set".length;
  for (const character of " setpoint 42.5 at reactor 1") {
    terminal.input({ k: "text", d: character }).shows(character);
    // A line editor writes a blank and returns where the last column was reached.
    if (++column % 20 === 0) terminal.shows(" \r");
  }
  terminal.enter().shows("$ ");
  expect(terminal.get("command")).toEqual(["set setpoint 42.5 at reactor 1"]);
});

test("a command of several lines is one, with the prompts of its parts left out", () => {
  const terminal = new Terminal().shows("$ ").types("for v in 1 2; do").enter().shows("> ").types("open $v").enter();
  terminal.shows("> ").types("done").enter().shows("opened 1\r\nopened 2\r\n$ ").types("date").enter();
  expect(terminal.get("command")).toEqual(["for v in 1 2; do\nopen $v\ndone", "date"]);
});

test("a pasted block that the line editor draws again from its first row on when it is entered", () => {
  const terminal = new Terminal().shows("plc-7> ").key("PasteStart", "\u001b[200~");
  terminal.input({ k: "paste", d: "stop pump\rdrain tank" }).key("PasteEnd", "\u001b[201~");
  terminal.shows("\u001b[7mstop pump\r\ndrain tank\u001b[27m").key("Enter", "\r");
  terminal.shows("\u001b[A\r\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[Cstop pump\r\ndrain tank\r\n");
  terminal.shows("stopped\r\nplc-7> ");
  expect(terminal.get("command")).toEqual(["stop pump\ndrain tank"]);
  expect(terminal.get("output")).toContain("stopped");
});

test("a pasted block: marked it is one command, unmarked a command a line", () => {
  const marked = new Terminal().shows("$ ").key("PasteStart", "\u001b[200~");
  marked.input({ k: "paste", d: "stop pump\rdrain tank" }).key("PasteEnd", "\u001b[201~");
  marked.shows("\u001b[7mstop pump\u001b[27m\r\n\u001b[7mdrain tank\u001b[27m").enter().shows("$ ");
  expect(marked.get("command")).toEqual(["stop pump\ndrain tank"]);
  const plain = new Terminal()
    .shows("$ ")
    .types("x")
    .enter()
    .shows("$ ")
    .input({ k: "paste", d: "stop pump\rdrain tank\r" });
  plain.shows("stop pump\r\n$ drain tank\r\n$ ");
  expect(plain.get("command")).toEqual(["x", "stop pump", "drain tank"]);
});

test("what was typed ahead counts once, when its prompt shows it", () => {
  const terminal = new Terminal().shows("$ ").types("sleep 5").enter().types("date").enter();
  terminal.shows("$ date\r\n12:00\r\n$ ");
  expect(terminal.get("command")).toEqual(["sleep 5", "date"]);
  expect(terminal.get("typed")).toEqual([]);
});

test("a line that was given up is no command", () => {
  const terminal = new Terminal()
    .shows("$ ")
    .types("rm -rf /")
    .key("Ctrl+C", "\u0003")
    .shows("^C\r\n$ ")
    .types("ls")
    .enter();
  expect(terminal.get("command")).toEqual(["ls"]);
});

test("keys in a full-screen program are typed text, and its screen is no output", () => {
  const terminal = new Terminal()
    .shows("$ ")
    .types("vi recipe")
    .enter()
    .shows("\u001b[?1049h\u001b[2J\u001b[H~\r\n~\r\nrecipe");
  terminal.types("iheat to 80").enter().key("Escape", "\u001b").shows("\u001b[?1049l$ ").types("ls").enter();
  expect(terminal.get("command")).toEqual(["vi recipe", "ls"]);
  expect(terminal.get("typed")).toEqual(["iheat to 80"]);
  expect(terminal.get("output")).toEqual([]);
});

test("nothing of a secret, nor of what was typed unseen", () => {
  const terminal = new Terminal().shows("$ ").types("su").enter().shows("Password: ");
  terminal
    .input({ k: "secret", d: "[secret]", reason: "prompt-not-echoed" })
    .shows("\r\n# ")
    .types("id")
    .enter()
    .shows("# ");
  terminal.input({ k: "unechoed", d: "hunter2" }).key("Enter", "\r").shows("\r\n# ").types("ls").enter();
  const texts = terminal
    .end()
    .found.map(({ text }) => text)
    .join("\n");
  expect(texts).not.toMatch(/secret|hunter2/);
  expect(terminal.get("command")).toEqual(["su", "id", "ls"]);
});

test("answers to questions are typed text, a prompt with a colon is one once it came again", () => {
  const terminal = new Terminal()
    .shows("$ ")
    .types("deploy")
    .enter()
    .shows("Really? (y/n) ")
    .types("y")
    .enter()
    .shows("$ ");
  expect(terminal.get("command")).toEqual(["deploy"]);
  expect(terminal.get("typed")).toEqual(["y"]);
  const device = new Terminal().shows("scada: ").types("one").enter().shows("scada: ").types("two").enter();
  expect(device.get("typed")).toEqual(["one"]);
  expect(device.get("command")).toEqual(["two"]);
});

test("lines that a program reads are typed text, and not shown twice", () => {
  const terminal = new Terminal().shows("$ ").types("cat > notes").enter().types("valve is stuck").enter();
  terminal.key("Ctrl+D", "\u0004").shows("$ ").types("ls").enter();
  expect(terminal.get("typed")).toEqual(["valve is stuck"]);
  expect(terminal.get("command")).toEqual(["cat > notes", "ls"]);
  expect(terminal.get("output")).toEqual([]);
});

test("output has the time of each line's beginning, and a line that repeats counts once a minute", () => {
  const terminal = new Terminal().shows("level ");
  const atUs = terminal.t;
  terminal.shows("80 %\r\n").shows("\u001b[2J\u001b[Hlevel 80 %\r\n");
  terminal.t += 61_000_000;
  terminal.shows("level 80 %\r\n").end();
  expect(terminal.found).toEqual([
    { kind: "output", atUs, text: "level 80 %", track: "terminal-0" },
    { kind: "output", atUs: terminal.t, text: "level 80 %", track: "terminal-0" },
  ]);
});

test("a line of a hundred megabytes and sequences without an end cost no memory", () => {
  let characters = 0;
  let longest = 0;
  const lines = new ChannelLines("terminal-0", 80, true, ({ text }) => {
    characters += text.length;
    longest = Math.max(longest, text.length);
  });
  const piece = "x".repeat(65_536);
  for (let i = 0; i < 40; i++) lines.output(piece, i);
  for (const begin of ["\u001b]", "\u001b[", "\u001bP"]) lines.output(begin + "1".repeat(10_000), 50);
  lines.output("\r\nafter\r\n", 60);
  lines.end();
  expect(longest).toBeLessThanOrEqual(4_096);
  expect(characters).toBeLessThan(40 * 65_536 + 40_000);
});
