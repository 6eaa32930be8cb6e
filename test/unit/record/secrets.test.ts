// Suspected passwords: what was typed into a prompt and not echoed leaves no trace but a token; everything else stays.
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { asksForSecret, isPlainPrompt, lastLineOf } from "../../../recorder/record/input/prompts.ts";
import { InputTracker } from "../../../recorder/record/input/tracker.ts";
import type { LineTrack } from "../../../recorder/record/segments/line-track.ts";
import { sealSecret } from "../../../recorder/record/segments/secret-seal.ts";

interface Line {
  t: number;
  s: number;
  ch: number;
  k: string;
  d?: string;
  name?: string;
  reason?: string;
  sealed?: string;
}

/** Drives a tracker as the segment worker does, with a clock of its own. */
class Typing {
  readonly lines: Line[] = [];
  readonly notices: Array<{ notice: string; facts: Record<string, unknown>; cause: number }> = [];
  readonly counts = { redactions: 0, inputBytes: 0, keystrokes: 0 };
  readonly tracker: InputTracker;
  nowUs = 0;
  #recordNo = 0;
  readonly screen = { alternate: false, cursorLine: "" };

  constructor(options: { pty?: boolean; recipients?: string[] } = {}) {
    const add = (at: { us: number }, line: Omit<Line, "t">, counts: Record<string, number> = {}): void => {
      this.lines.push({ t: at.us, ...line });
      for (const [name, n] of Object.entries(counts)) this.counts[name as keyof typeof this.counts] += n;
    };
    const track = { add, addBase64: add, cutIfFull: () => {} } as unknown as LineTrack;
    const { recipients } = options;
    this.tracker = new InputTracker(track, {
      derive: (notice, _channel, facts, cause) => {
        this.notices.push({ notice, facts, cause });
        // As if the journal had brought it back.
        queueMicrotask(() => this.tracker.noticeRecorded(`${notice}:${cause}`));
      },
      seal: recipients ? (text) => sealSecret(text, recipients) : null,
      maskTyped: false,
      echoWaitUs: 2e6,
    });
    this.tracker.openChannel(0, options.pty ?? true, this.screen);
  }

  #place() {
    this.nowUs += 1000;
    const recordNo = this.#recordNo++;
    return { us: this.nowUs, seq: recordNo, recordNo };
  }

  shows(text: string): this {
    this.tracker.output(this.#place(), 0, Buffer.from(text));
    return this;
  }

  types(text: string): this {
    for (const char of text) this.tracker.input(this.#place(), 0, Buffer.from(char));
    return this;
  }

  /** Each key echoed by the target as it is typed. */
  typesEchoed(text: string): this {
    for (const char of text) this.types(char).shows(char === "\r" ? "\r\n" : char);
    return this;
  }

  sends(packet: string): this {
    this.tracker.input(this.#place(), 0, Buffer.from(packet));
    return this;
  }

  waits(seconds: number): this {
    this.nowUs += seconds * 1e6;
    this.tracker.tick(this.nowUs);
    return this;
  }

  said(): string[] {
    return this.lines.map((line) => (line.k === "key" ? `<${line.name}>` : `${line.k}:${line.d}`));
  }
}

let typing: Typing;
beforeEach(() => {
  typing = new Typing();
});

describe("prompts", () => {
  it.each([
    "Password:",
    "Password: ",
    "[sudo] password for operator: ",
    "(joe@plc) Password: ",
    "Enter passphrase for key '/home/joe/.ssh/id_ed25519': ",
    "Enter PEM pass phrase:",
    "Enter PIN for token:",
    "Verification code: ",
    "One-time password (OATH) for `joe': ",
    "New password: ",
    "Kennwort:",
    "Passwort für joe: ",
    "Mot de passe : ",
    "Contraseña: ",
    "Senha: ",
    "Пароль: ",
    "密码：",
    "パスワード: ",
    "password>",
    "Enter your PIN? ",
    "BIOS password",
  ])("%j asks for a secret", (line) => {
    expect(asksForSecret(line)).toBe(true);
  });

  it.each([
    "operator@password-server:~$ ",
    "login: ",
    "Continue? [y/N] ",
    "",
    "cat password.txt | wc",
    "spin: 3",
    `${"x".repeat(300)}password:`,
  ])("%j does not", (line) => {
    expect(asksForSecret(line)).toBe(false);
  });

  it("are read off the last line, without what colours it", () => {
    expect(lastLineOf("motd\r\n\x1b[1m[sudo] password\x1b[0m for joe: ")).toBe("[sudo] password for joe: ");
    expect(lastLineOf("\x1b]0;title\x07$ su\r\nPassword: \r")).toBe("Password: ");
    expect(lastLineOf("Password: \r\n")).toBe("");
  });

  it("without a pty must be whole: nothing there is ever echoed", () => {
    expect(isPlainPrompt("[sudo] password for operator: ")).toBe(true);
    expect(isPlainPrompt("c2VuaGE9/OTP/PIN==")).toBe(false);
    expect(isPlainPrompt("12 PIN >")).toBe(false);
  });
});

describe("a password at a prompt", () => {
  it("is a token, with neither length nor timing, and an event says why", () => {
    typing.shows("$ ").typesEchoed("su\r").shows("Password: ").types("hunter2\r").shows("\r\n# ").typesEchoed("id\r");
    expect(typing.said()).toEqual([
      "text:s",
      "text:u",
      "<Enter>",
      "secret:[secret]",
      "<Enter>",
      "text:i",
      "text:d",
      "<Enter>",
    ]);
    const [secret, enter] = typing.lines.slice(3);
    expect(secret?.t).toBe(enter?.t);
    expect(secret).toMatchObject({ reason: "prompt-not-echoed" });
    expect(JSON.stringify([typing.lines, typing.notices])).not.toContain("hunter2");
    expect(typing.notices.map(({ notice }) => notice)).toEqual(["redacted"]);
    expect(typing.counts).toMatchObject({ redactions: 1, inputBytes: "su\r\rid\r".length, keystrokes: 7 });
  });

  it("looks the same whatever its length", () => {
    const stored = ["a", "correct horse battery staple"].map((password) => {
      const one = new Typing();
      one.shows("Password: ").types(`${password}\r`).shows("\r\nok\r\n");
      return one.lines.map(({ t: _t, s: _s, ...line }) => line);
    });
    expect(stored[0]).toEqual(stored[1]);
  });

  it("is one also when it is masked, mistyped, pasted, or sent in one packet", () => {
    for (const act of [
      (t: Typing) => t.types("h").shows("*").types("2").shows("*").types("\r"),
      (t: Typing) => t.types("hunterr\x7f2\r"),
      (t: Typing) => t.sends("\x1b[200~hunter2\x1b[201~").types("\r"),
      (t: Typing) => t.sends("hunter2\r"),
      (t: Typing) => t.types("hun").waits(30).types("ter2").waits(30).types("\r"),
    ]) {
      const one = new Typing();
      act(one.shows("Password: ")).shows("\r\n$ ").waits(5);
      const kinds = new Set(one.lines.map((line) => line.k));
      expect([...kinds].filter((kind) => kind !== "key")).toEqual(["secret"]);
      expect(JSON.stringify(one.lines)).not.toMatch(/hun|ter2/);
    }
  });

  it("is one when the answer that follows happens to begin like it", () => {
    typing.shows("Password: ").types("a\r").shows("\r\na welcome to you\r\n$ ").waits(3);
    expect(typing.said()).toEqual(["secret:[secret]", "<Enter>"]);
  });

  it("is one when it was typed before the prompt was shown", () => {
    typing.types("hunter2").shows("Password: ").waits(3).types("\r").shows("\r\n$ ").waits(3);
    expect(typing.said().filter((line) => !line.startsWith("<"))).toEqual(["secret:[secret]"]);
  });

  it("is one for each of several lines that a script sends at once", () => {
    typing.shows("Current password: ").sends("old\rnew\rnew\r").shows("\r\nNew password: \r\nRetype: \r\n$ ").waits(5);
    expect(typing.said()).toEqual([
      "secret:[secret]",
      "<Enter>",
      "secret:[secret]",
      "<Enter>",
      "secret:[secret]",
      "<Enter>",
    ]);
  });

  it("is found by what stands before the cursor in a full-screen program", () => {
    typing.screen.alternate = true;
    typing.screen.cursorLine = "[sudo] password for joe: ";
    typing.shows("\x1b[5;1H").types("hunter2\r").waits(3);
    expect(typing.said()).toEqual(["secret:[secret]", "<Enter>"]);
  });

  it("stays a secret when a crash or a full queue decides", () => {
    typing.shows("Password: ").types("hunter2");
    typing.tracker.settle();
    expect(typing.said()).toEqual(["secret:[secret]"]);
  });

  it("is taken on a channel without a pty too, up to its line end", () => {
    const plain = new Typing({ pty: false });
    plain.shows("[sudo] password for joe: ").sends("hunter2\n").sends("rest of stdin\n");
    expect(plain.said()).toEqual(["secret:[secret]", "data:\n", "data:rest of stdin\n"]);
  });
});

describe("what is no secret", () => {
  it("is kept when the prompt echoes it", () => {
    typing.shows("Enter PIN of the pump: ").typesEchoed("42\r").shows("pump 42 selected\r\n");
    expect(typing.said()).toEqual(["text:4", "text:2", "<Enter>"]);
    expect(typing.notices).toEqual([]);
  });

  it("keeps the time and order of each key", () => {
    typing.shows("$ ").typesEchoed("ls\r");
    const times = typing.lines.map((line) => line.t);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Set(times).size).toBe(3);
  });

  it("is flagged when a line outside any prompt was not echoed, and kept", () => {
    typing.shows("$ ").typesEchoed("stty -echo\r").shows("$ ").types("rm /log\r").waits(3);
    expect(typing.said().slice(-8)).toEqual([..."rm /log"].map((char) => `unechoed:${char}`).concat("<Enter>"));
    expect(typing.notices.map(({ notice }) => notice)).toEqual(["unechoed"]);
  });

  it("is not flagged in a full-screen program, nor where the echo comes late or redrawn", () => {
    typing.screen.alternate = true;
    typing.shows("\x1b[?1049h").types("jjk").waits(3);
    typing.screen.alternate = false;
    typing.shows("$ ").types("l").waits(1).shows("\r\x1b[K$ \x1b[32ml\x1b[0m").waits(2);
    expect(new Set(typing.lines.map((line) => line.k))).toEqual(new Set(["text"]));
    expect(typing.notices).toEqual([]);
  });
});

describe("prompts that never stop", () => {
  const loop = (one: Typing, lines: string[]) => {
    for (const line of lines) one.shows("Password: ").types(`${line}\r`).waits(3);
    return one.said().filter((line) => !line.startsWith("<"));
  };
  const kept = (line: string) => [...line].map((char) => `unechoed:${char}`);
  const evasions = (one: Typing) => one.notices.filter(({ facts }) => facts["reason"] === "evasion-suspected");

  it("hide three lines in a row, and no more", () => {
    const said = loop(typing, ["aa", "bb", "cc", "rm /log", "halt"]);
    expect(said).toEqual([...Array(3).fill("secret:[secret]"), ...kept("rm /log"), ...kept("halt")]);
    expect(evasions(typing).map(({ notice }) => notice)).toEqual(["unechoed", "unechoed"]);
    expect(typing.counts.redactions).toBe(3);
  });

  it("hide again after input that was echoed", () => {
    loop(typing, ["aa", "bb", "cc"]);
    typing.shows("$ ").typesEchoed("sudo -i\r");
    expect(loop(typing, ["hunter2"]).at(-1)).toBe("secret:[secret]");
    expect(evasions(typing)).toEqual([]);
  });

  it("hide nothing after a line longer than a secret, nor the rest of a line without an end", () => {
    expect(loop(typing, ["x".repeat(129), "id"])).toEqual(["secret:[secret]", ...kept("id")]);
    const endless = new Typing();
    endless.shows("Password: ").sends("y".repeat(5000)).sends("reboot;").waits(70).types("\r").waits(3);
    expect(endless.said()).toEqual(["secret:[secret]", "unechoed:reboot;", "<Enter>"]);
  });

  it("hide a password whole, however often it was decided on before its end", () => {
    typing.shows("Password: ");
    for (const char of "hunter2") {
      typing.types(char);
      typing.tracker.settle();
    }
    typing.types("\r").waits(3);
    expect(new Set(typing.said())).toEqual(new Set(["secret:[secret]", "<Enter>"]));
    expect(evasions(typing)).toEqual([]);
  });

  it("hide three lines of a channel without a pty, and of lines typed ahead", () => {
    const plain = new Typing({ pty: false });
    for (const line of ["a", "b", "c", "halt"]) plain.shows("Password: ").sends(`${line}\n`);
    expect(plain.said().filter((line) => line !== "data:\n")).toEqual([
      ...Array(3).fill("secret:[secret]"),
      "unechoed:halt",
    ]);
    const ahead = new Typing();
    for (const line of ["11", "22", "33", "4444"])
      ahead.types(line).shows("\r\nPassword: ").waits(3).types("\r").shows("\r\n");
    expect(ahead.said().filter((line) => !line.startsWith("<"))).toEqual([
      ...Array(3).fill("secret:[secret]"),
      ...kept("4444"),
    ]);
    expect([evasions(plain).length, evasions(ahead).length]).toEqual([1, 1]);
  });
});

it("seals to the recipients, so that stock age opens it, and the recorder cannot", async () => {
  const identity = await generateIdentity();
  const sealing = new Typing({ recipients: [await identityToRecipient(identity)] });
  sealing.shows("Password: ").types("hunter2\r").shows("\r\n$ ");
  await expect.poll(() => sealing.lines.length).toBe(2);
  const { sealed } = sealing.lines[0] as Line;
  expect(sealing.said()).toEqual(["secret:[secret]", "<Enter>"]);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  expect(await decrypter.decrypt(Buffer.from(sealed ?? "", "base64"), "text")).toBe("hunter2");
  expect(sealing.notices[0]?.facts).toMatchObject({ sealed: true });
});

it("drops the text, and says so, when a recipient is no age key", async () => {
  const sealing = new Typing({ recipients: ["age1nonsense"] });
  sealing.shows("Password: ").types("hunter2\r").shows("\r\n$ ");
  await expect.poll(() => sealing.lines.length).toBe(2);
  expect(sealing.lines[0]).toMatchObject({ k: "secret", reason: "prompt-not-echoed-seal-failed" });
  expect(JSON.stringify(sealing.lines)).not.toContain("hunter2");
});

it("never stores what a prompt that does not echo was given, however it arrives", () => {
  const packets = fc.array(
    fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom("q", "Q", "\x7f", "\x1b[D") }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(packets, fc.integer({ min: 0, max: 40 }), (typed, pause) => {
      const one = new Typing();
      one.shows("Password: ");
      for (const packet of typed) one.sends(packet).waits(pause / 10);
      one.types("\r").shows("\r\n$ ").waits(5);
      expect(JSON.stringify(one.lines)).not.toMatch(/q/i);
    }),
    { numRuns: 300 },
  );
});
