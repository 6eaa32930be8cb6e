// Wrote test/golden/recording-2, once: `npx tsx test/golden/make-bytes-recording.ts DIRECTORY`. As of recording-1, its files
// are never made again.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SessionEvent } from "../../shared/events/session-event.ts";
import { facts, removeBases, startRecorder } from "../unit/record/recorder-under-test.ts";
import { content } from "./bytes-content.ts";

const folder = process.argv[2] ?? "";
if (folder === "") throw new Error("say where to write the recording");

let nowUs = 1_000_000;
const clock = { wallUs: () => Date.UTC(2026, 10, 23, 9, 0, 0) * 1000 + nowUs, monotonicUs: () => nowUs };
const under = await startRecorder({}, { clock });
const session = await under.recorder.open(facts());

async function at(ms: number, ...events: SessionEvent[]): Promise<void> {
  nowUs = 1_000_000 + ms * 1000;
  for (const event of events) session.append(event);
  await session.durable();
}
const out = (data: Uint8Array, stream: "stdout" | "stderr" = "stdout"): SessionEvent => ({
  type: "output",
  channel: 0,
  stream,
  data,
});

await at(0, { type: "notice", notice: "session-open", facts: { person: "erika" } });
await at(10, { type: "channel-open", channel: 0, request: "exec", command: "tar cz /plant" });
const { text } = content;
// A character is cut between the two runs.
const cut = text.indexOf("日", 9000) + 1;
await at(100, out(text.subarray(0, 12)), out(text.subarray(12, cut)), out(text.subarray(cut)));
await at(200, out(content.binary), out(content.errors, "stderr"));
await at(300, { type: "input", channel: 0, data: content.stdin });
await at(400, { type: "exit", channel: 0, status: 0 }, { type: "channel-close", channel: 0 });
await at(500, { type: "notice", notice: "session-close", facts: { reason: "client-closed" } });
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
