// Scripted sessions for tests and pictures of the replay UI: a plant engineer at a controller's shell, a flood of
// output, four quiet hours, a session that is still going on, and damaged ones.
import { createHash } from "node:crypto";
import { type BuiltRecording, RecordingBuilder, type RecordingFacts, type SigningKey } from "./recording-builder.ts";

const SECOND_US = 1_000_000;
const ESC = "\u001b";
const PROMPT = `${ESC}[1;32mservice@plc-reactor-01${ESC}[0m:${ESC}[1;34m~${ESC}[0m$ `;

/** Types like a person: each key echoed, with time between keys. */
class Typist {
  atUs: number;
  private readonly builder: RecordingBuilder;
  private readonly channel: number;
  private readonly random: () => number;

  constructor(builder: RecordingBuilder, channel: number, startUs: number, seed: number) {
    this.builder = builder;
    this.channel = channel;
    this.atUs = startUs;
    this.random = pseudoRandom(seed);
  }

  wait(seconds: number): this {
    this.atUs += Math.round(seconds * SECOND_US);
    return this;
  }

  async show(text: string): Promise<void> {
    this.atUs += 1_000 + Math.round(this.random() * 20_000);
    await this.builder.output(this.channel, this.atUs, text.replaceAll("\n", "\r\n"));
  }

  async type(text: string): Promise<void> {
    for (const character of text) {
      this.atUs += 60_000 + Math.round(this.random() * 140_000);
      this.builder.input({ t: this.atUs, ch: this.channel, k: "text", d: character });
      await this.builder.output(this.channel, this.atUs + 900, character);
    }
  }

  async key(name: string, bytes: string, echo: string): Promise<void> {
    this.atUs += 180_000;
    this.builder.input({ t: this.atUs, ch: this.channel, k: "key", name, d: bytes });
    await this.builder.output(this.channel, this.atUs + 900, echo);
  }

  async enter(): Promise<void> {
    await this.key("Enter", "\r", "\r\n");
  }

  async command(text: string, answer: string): Promise<void> {
    await this.type(text);
    await this.enter();
    this.wait(0.15);
    if (answer !== "") await this.show(answer);
    await this.show(PROMPT);
    this.wait(0.8 + this.random() * 1.5);
  }
}

const STATUS = `${ESC}[1mReactor 01 · controller status${ESC}[0m
  mode          ${ESC}[32mRUN${ESC}[0m        scan cycle   ${ESC}[36m12.4 ms${ESC}[0m
  firmware      4.2.1      uptime       41 d 06:12
  temperature   ${ESC}[33m48.2 °C${ESC}[0m    memory       61 %

  ${ESC}[7m  TAG          VALUE     UNIT   QUALITY  ${ESC}[0m
   TT-101       182.4     °C     ${ESC}[32mgood${ESC}[0m
   PT-104         6.21    bar    ${ESC}[32mgood${ESC}[0m
   FT-110        41.0     m³/h   ${ESC}[33muncertain${ESC}[0m
   LT-112        73.5     %      ${ESC}[32mgood${ESC}[0m
`;

/** About six minutes: a shell with a password, a paste and a resize, an exec with stderr, and a file transfer. */
export async function maintenanceScene(facts: RecordingFacts, key: SigningKey): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(facts, key);
  builder.event({ t: 0, type: "session-open", facts: { person: facts.person, target: facts.target } });
  builder.event({ t: 180, type: "auth", facts: { method: "publickey", result: "accepted" } });
  builder.event({
    t: 320,
    type: "decision",
    facts: { effect: "allow", rule: "vendors-to-controllers", reason: "allowed-by-rule" },
  });
  builder.event({ t: 210_000, type: "channel-open", ch: 0, facts: { request: "shell", pty: true } });
  builder.event({ t: 214_000, type: "pty-req", ch: 0, facts: { term: "xterm-256color", cols: 80, rows: 24 } });
  builder.channel(0, { request: "shell", pty: true });
  const shell = new Typist(builder, 0, 240_000, facts.seed);
  await shell.show(
    `\n${ESC}[2mReactor line 1 · controller shell 4.2${ESC}[0m\n${ESC}[33mChanges are recorded.${ESC}[0m\n\n${PROMPT}`,
  );
  shell.wait(1.4);
  await shell.command("status", STATUS);
  await shell.command(
    "tail -n 6 /var/log/controller.log",
    `${ESC}[2m06:12:01${ESC}[0m  info   cycle 12.4 ms
${ESC}[2m06:12:31${ESC}[0m  info   cycle 12.4 ms
${ESC}[2m06:12:44${ESC}[0m  ${ESC}[33mwarn${ESC}[0m   FT-110 signal noise above limit
${ESC}[2m06:13:02${ESC}[0m  info   cycle 12.5 ms
${ESC}[2m06:13:10${ESC}[0m  ${ESC}[33mwarn${ESC}[0m   FT-110 signal noise above limit
${ESC}[2m06:13:40${ESC}[0m  info   cycle 12.4 ms
`,
  );
  await shell.type("sudo calibrate --tag FT-110");
  await shell.enter();
  await shell.show("[sudo] password for service: ");
  shell.wait(3.1);
  builder.input({ t: shell.atUs, ch: 0, k: "secret", reason: "prompt-not-echoed" });
  builder.event({
    t: shell.atUs,
    type: "redacted",
    ch: 0,
    facts: { reason: "prompt-not-echoed", sealed: false },
  });
  await shell.key("Enter", "\r", "\r\n");
  await shell.show(`\n${ESC}[1mCalibration of FT-110${ESC}[0m\n`);
  for (let percent = 0; percent <= 100; percent += 4) {
    shell.wait(0.28);
    const filled = Math.round(percent / 2.5);
    await shell.show(
      `\r  ${ESC}[36m${"█".repeat(filled)}${ESC}[2m${"░".repeat(40 - filled)}${ESC}[0m ${percent.toString().padStart(3)} %`,
    );
  }
  await shell.show(
    `\n  zero ${ESC}[32m4.002 mA${ESC}[0m   span ${ESC}[32m19.998 mA${ESC}[0m   ${ESC}[32mpassed${ESC}[0m\n\n${PROMPT}`,
  );
  shell.wait(96);
  await builder.resize(0, shell.atUs, 100, 30);
  shell.wait(0.6);
  const pasted = "tag set FT-110 --zero 4.002 --span 19.998 --comment 'calibrated in place'";
  builder.input({ t: shell.atUs, ch: 0, k: "paste", d: pasted });
  await builder.output(0, shell.atUs + 1_200, pasted);
  await shell.enter();
  await shell.show(`FT-110 written, 3 values, revision 118\n${PROMPT}`);
  shell.wait(4);

  const execUs = shell.atUs;
  builder.event({ t: execUs, type: "channel-open", ch: 1, facts: { request: "exec", command: "backup --all" } });
  builder.channel(1, { request: "exec", pty: false, command: "backup --all" });
  for (let block = 1; block <= 12; block++) {
    const atUs = execUs + block * 700_000;
    await builder.output(1, atUs, `block ${block}/12  8192 bytes  crc ok\n`);
    if (block === 7) await builder.output(1, atUs + 40_000, "warning: block 7 was read twice\n", "e");
  }
  await builder.exit(1, execUs + 9_000_000, 0);
  builder.event({ t: execUs + 9_000_000, type: "exit", ch: 1, facts: { status: 0 } });

  const sftpUs = execUs + 12 * SECOND_US;
  builder.event({ t: sftpUs, type: "channel-open", ch: 2, facts: { request: "subsystem", name: "sftp" } });
  transfer(builder, sftpUs + 300_000, "/recipes/reactor-01.prg", "outbound", 48_231, 1);
  transfer(builder, sftpUs + 6_400_000, "/recipes/reactor-01.new.prg", "inbound", 48_917, 2);
  builder.file({
    t: sftpUs + 9_000_000,
    ch: 2,
    op: "rename",
    id: 9,
    path: "/recipes/reactor-01.new.prg",
    newPath: "/recipes/reactor-01.prg",
    status: "ok",
  });
  builder.file({
    t: sftpUs + 9_400_000,
    ch: 2,
    op: "remove",
    id: 10,
    path: "/recipes/old.prg",
    status: "no_such_file",
  });

  shell.wait(42);
  builder.event({
    t: shell.atUs,
    type: "request-refused",
    ch: 0,
    facts: { request: "x11-req", reason: "capability-not-allowed" },
  });
  await shell.command("status | head -3", STATUS.split("\n").slice(0, 3).join("\n").concat("\n"));
  await shell.key("Up", `${ESC}[A`, "status | head -3");
  await shell.key("Ctrl+C", "\u0003", `^C\r\n${PROMPT}`);
  builder.input({ t: shell.wait(0.9).atUs, ch: 0, k: "unechoed", d: "hm" });
  shell.wait(38);
  await shell.type("exit");
  await shell.enter();
  await shell.show("logout\n");
  await builder.exit(0, shell.atUs + 20_000, 0);
  builder.event({ t: shell.atUs + 20_000, type: "exit", ch: 0, facts: { status: 0 } });
  builder.event({ t: shell.atUs + 30_000, type: "session-close", facts: { reason: "client-closed" } });
  return builder.finish();
}

function transfer(
  builder: RecordingBuilder,
  atUs: number,
  path: string,
  direction: "inbound" | "outbound",
  bytes: number,
  id: number,
): void {
  const handle = `0000000${id}`;
  const flags = direction === "inbound" ? ["write", "creat", "trunc"] : ["read"];
  builder.file({ t: atUs, ch: 2, op: "open", id, path, flags, handle, status: "ok" });
  const sha256 = createHash("sha256").update(`${path} ${bytes}`).digest("hex");
  builder.file({
    t: atUs + 1_900_000,
    ch: 2,
    op: "close",
    id: id + 2,
    path,
    handle,
    direction,
    bytes,
    sha256,
    sequential: true,
    status: "ok",
  });
}

/** `hours` of an operator who looks in now and then; each look is one command. */
export async function quietScene(facts: RecordingFacts, key: SigningKey, hours: number): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(facts, key);
  const endUs = hours * 3_600 * SECOND_US;
  const random = pseudoRandom(facts.seed);
  builder.event({ t: 0, type: "session-open", facts: { person: facts.person, target: facts.target } });
  builder.channel(0, { request: "shell", pty: true, cols: 100, rows: 30 });
  const shell = new Typist(builder, 0, 200_000, facts.seed);
  await shell.show(PROMPT);
  for (let look = 1; shell.atUs < endUs - 200 * SECOND_US; look++) {
    await shell.command("status", STATUS);
    for (let line = 0; line < 12; line++) {
      shell.wait(0.4 + random());
      await shell.show(
        `${ESC}[2m[${(shell.atUs / SECOND_US).toFixed(3)}]${ESC}[0m look ${look} sample ${line} TT-101 ${(180 + random() * 5).toFixed(2)} °C\n`,
      );
    }
    shell.wait(20 + random() * 60);
  }
  await builder.exit(0, endUs, 0);
  return builder.finish();
}

/** `rawBytes` of output as fast as a terminal takes it, with a few keystrokes in between. */
export async function floodScene(facts: RecordingFacts, key: SigningKey, rawBytes: number): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(facts, key);
  const random = pseudoRandom(facts.seed);
  builder.event({ t: 0, type: "session-open", facts: { person: facts.person, target: facts.target } });
  builder.channel(0, { request: "shell", pty: true, cols: 120, rows: 40 });
  let atUs = 1_000;
  let line = 0;
  for (let written = 0; written < rawBytes; ) {
    let chunk = "";
    while (chunk.length < 16_000) {
      chunk += `${ESC}[2m${String(line++).padStart(8, "0")}${ESC}[0m ${ESC}[3${1 + (line % 6)}m${Math.floor(random() * 2 ** 40).toString(36)}${ESC}[0m block read, ${Math.floor(random() * 9_999)} registers, crc ${Math.floor(random() * 65_535).toString(16)}\r\n`;
    }
    await builder.output(0, atUs, chunk);
    if (line % 40 === 0) builder.input({ t: atUs, ch: 0, k: "text", d: " " });
    written += chunk.length;
    atUs += 20_000;
  }
  await builder.exit(0, atUs, 0);
  return builder.finish();
}

/** A scripted session cut by a crash: 40 s were lost. */
export async function interruptedScene(facts: RecordingFacts, key: SigningKey): Promise<BuiltRecording> {
  const builder = new RecordingBuilder({ ...facts, state: "interrupted", endReason: "recorder-crash" }, key);
  builder.event({ t: 0, type: "session-open", facts: { person: facts.person, target: facts.target } });
  builder.channel(0, { request: "shell", pty: true });
  const shell = new Typist(builder, 0, 200_000, facts.seed);
  await shell.show(PROMPT);
  for (let i = 0; i < 6; i++) await shell.command("status", STATUS);
  const fromUs = shell.atUs;
  builder.gap(fromUs, fromUs + 40 * SECOND_US, "recorder-crash");
  shell.wait(41);
  for (let i = 0; i < 3; i++) await shell.command("status", STATUS);
  return builder.finish();
}

/** A session in progress. `growTo` appends what was recorded until then. */
export class LiveScene {
  readonly builder: RecordingBuilder;
  private readonly shell: Typist;
  private count = 0;

  constructor(facts: RecordingFacts, key: SigningKey) {
    this.builder = new RecordingBuilder({ ...facts, state: "recording" }, key);
    this.builder.event({ t: 0, type: "session-open", facts: { person: facts.person, target: facts.target } });
    this.builder.channel(0, { request: "shell", pty: true });
    this.shell = new Typist(this.builder, 0, 200_000, facts.seed);
  }

  async growTo(seconds: number): Promise<BuiltRecording> {
    if (this.count === 0) await this.shell.show(PROMPT);
    while (this.shell.atUs < seconds * SECOND_US) {
      this.count++;
      await this.shell.command(`echo step ${this.count}`, `step ${this.count}\n`);
    }
    return this.builder.snapshot();
  }

  end(): BuiltRecording {
    this.builder.endAs("sealed");
    return this.builder.finish();
  }
}

/** mulberry32: the same seed gives the same session. */
function pseudoRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
