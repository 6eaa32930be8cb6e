// Wrote test/golden/recording-3, once: `npx tsx test/golden/make-encrypted-recording.ts DIRECTORY`. The files there are never
// made again. The identities beside them are of nobody.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SessionEvent } from "../../shared/events/session-event.ts";
import { testEncryption } from "../support/encryption.ts";
import { facts, removeBases, startRecorder } from "../unit/record/recorder-under-test.ts";

const folder = process.argv[2] ?? "";
if (folder === "") throw new Error("say where to write the recording");

let nowUs = 1_000_000;
const clock = { wallUs: () => Date.UTC(2026, 10, 23, 15, 0, 0) * 1000 + nowUs, monotonicUs: () => nowUs };
const { encryption, investigator, keystrokes, month } = await testEncryption();
const under = await startRecorder({}, { clock, encryption });
const session = await under.recorder.open(facts());

async function at(ms: number, ...events: SessionEvent[]): Promise<void> {
  nowUs = 1_000_000 + ms * 1000;
  for (const event of events) session.append(event);
  await session.durable();
}
const out = (text: string): SessionEvent => ({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(text) });
const typed = (text: string): SessionEvent => ({ type: "input", channel: 0, data: Buffer.from(text) });

await at(0, { type: "notice", notice: "session-open", facts: { person: "erika" } });
await at(5, { type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
await at(40, out("plc-1$ "));
await at(500, typed("cat drehzahl.txt"), out("cat drehzahl.txt"));
await at(900, typed("\r"), out("\r\n1450 U/min — Sollwert\r\nplc-1$ "));
await at(1500, typed("su\r"), out("su\r\nPassword: "));
for (const [i, char] of [..."hunter2"].entries()) await at(2000 + i * 90, typed(char));
await at(2900, typed("\r"), out("\r\n# "));
// The next event comes after the segment's ten seconds.
await at(12_000, typed("exit\r"), out("exit\r\n"), { type: "exit", channel: 0, status: 0 });
await at(12_050, { type: "channel-close", channel: 0 });
await at(12_100, { type: "notice", notice: "session-close", facts: { reason: "client-closed" } });
await session.close("client-closed");
while (!under.told.stored.includes(session.session)) await new Promise((resolve) => setTimeout(resolve, 10));
await under.stop();

const key = [...under.store.objects].find(([name]) => name.startsWith("keys/"));
const files = new Map([
  ...under.store.recording(session.session),
  ["pub.pem", key?.[1].body ?? Buffer.alloc(0)],
  ["investigator.key", Buffer.from(`${investigator.identity}\n`)],
  ["keystrokes.key", Buffer.from(`${keystrokes.identity}\n`)],
  ["month.key", Buffer.from(`${month.identity}\n`)],
]);
for (const [name, bytes] of files) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), bytes);
}
removeBases();
