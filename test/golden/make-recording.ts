// Wrote test/golden/recording-1, once: `npx tsx test/golden/make-recording.ts DIRECTORY`. The files there are never made
// again: a later version of the software must go on reading them. A new format version gets a folder of its own.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SessionEvent } from "../../shared/events/session-event.ts";
import { facts, removeBases, startRecorder } from "../unit/record/recorder-under-test.ts";

const folder = process.argv[2] ?? "";
if (folder === "") throw new Error("say where to write the recording");

let nowUs = 1_000_000;
const clock = { wallUs: () => Date.UTC(2026, 10, 23, 8, 0, 0) * 1000 + nowUs, monotonicUs: () => nowUs };
const under = await startRecorder({}, { clock });
const session = await under.recorder.open(facts());

async function at(ms: number, ...events: SessionEvent[]): Promise<void> {
  nowUs = 1_000_000 + ms * 1000;
  for (const event of events) session.append(event);
  await session.durable();
}
const out = (text: string | Uint8Array, channel = 0, stream: "stdout" | "stderr" = "stdout"): SessionEvent => ({
  type: "output",
  channel,
  stream,
  data: Buffer.from(text as string),
});
const typed = (text: string, channel = 0): SessionEvent => ({ type: "input", channel, data: Buffer.from(text) });

await at(0, { type: "notice", notice: "session-open", facts: { person: "erika" } });
await at(5, {
  type: "channel-open",
  channel: 0,
  request: "shell",
  pty: { term: "xterm-256color", cols: 80, rows: 24 },
});
await at(40, out("\x1b[1;32mplc-1\x1b[0m$ "));
for (const [i, char] of [..."ls"].entries()) await at(500 + i * 120, typed(char), out(char));
await at(900, typed("\r"), out("\r\nprogram.st  Zustände.csv\r\n\x1b[1;32mplc-1\x1b[0m$ "));
await at(1500, typed("s"), out("s"), typed("u"), out("u"), typed("\r"), out("\r\nPassword: "));
for (const [i, char] of [..."hunter2"].entries()) await at(2000 + i * 90, typed(char));
await at(2900, typed("\r"), out("\r\n# "));
await at(3400, { type: "resize", channel: 0, cols: 100, rows: 30 });
await at(3500, typed("\x1b[A"), typed("\x03"), out("^C\r\n# "));
await at(3900, out(new Uint8Array([0xff, 0xfe, 0x0d, 0x0a])));
await at(4200, out("caf"), out(new Uint8Array([0xc3])), out(new Uint8Array([0xa9, 0x0d, 0x0a])));
await at(4500, { type: "channel-open", channel: 1, request: "exec", command: "cat report.txt; echo warn >&2" });
await at(4600, out("line one\nline two\n", 1), out("warn\n", 1, "stderr"), typed("stdin of a command\n", 1));
await at(4700, { type: "exit", channel: 1, status: 0 }, { type: "channel-close", channel: 1 });
await at(4800, { type: "channel-open", channel: 2, request: "subsystem", command: "sftp" });
await at(4900, { type: "file", channel: 2, event: { op: "open", id: 1, path: "/etc/plc.conf", flags: ["read"] } });
const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
await at(5000, {
  type: "file",
  channel: 2,
  event: {
    op: "close",
    id: 2,
    path: "/etc/plc.conf",
    status: "ok",
    direction: "outbound",
    bytes: 3,
    sha256,
    sequential: true,
  },
});
await at(5100, { type: "channel-close", channel: 2 });
// The next event comes after the segment's ten seconds: the terminal's second segment begins with its keyframe.
await at(12_000, typed("exit\r"), out("exit\r\n"), { type: "exit", channel: 0, status: 0 });
await at(12_050, { type: "channel-close", channel: 0 });
await at(12_100, { type: "notice", notice: "session-close", facts: { reason: "client-closed" } });
await session.close("client-closed");
while (!under.told.stored.includes(session.session)) await new Promise((resolve) => setTimeout(resolve, 10));
await under.stop();

const key = [...under.store.objects].find(([name]) => name.startsWith("keys/"));
const files = new Map([...under.store.recording(session.session), ["pub.pem", key?.[1].body ?? Buffer.alloc(0)]]);
for (const [name, bytes] of files) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), bytes);
}
removeBases();
