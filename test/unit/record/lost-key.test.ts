// Without the key of the journal, typed input that was in no segment yet is lost: the recording says when that was, and
// not for each key anew; all else of it is there.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { copySpool } from "../../support/copy-spool.ts";
import { facts, makeBase, readRecording, removeBases, startRecorder, type UnderTest } from "./recorder-under-test.ts";

const running: UnderTest[] = [];
afterEach(async () => {
  for (const under of running.splice(0)) await under.stop();
  removeBases();
});

it("is stated as gaps at the times of what was typed", async () => {
  let nowUs = 0;
  const clock = { wallUs: () => 1.8e15 + nowUs, monotonicUs: () => nowUs };
  // Nothing is closed before the crash.
  const limits = { segmentMaxSeconds: 3600 };
  const under = await startRecorder(limits, { clock });
  running.push(under);
  const session = await under.recorder.open(facts());
  const at = (us: number, type: "input" | "output", text: string) => {
    nowUs = us;
    const data = Buffer.from(text);
    session.append(type === "input" ? { type, channel: 0, data } : { type, channel: 0, stream: "stdout", data });
  };
  session.append({ type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
  for (let key = 0; key <= 50; key++) at(1e6 + key * 20_000, "input", "x");
  at(3e6, "output", "said\r\n");
  for (const us of [9e6, 9.9e6, 10.5e6]) at(us, "input", "y");
  at(20e6, "output", "the last");
  await session.durable();
  const base = makeBase();
  copySpool(under.base, base);
  rmSync(join(base, "spool", "journal.key"));

  const after = await startRecorder(limits, { base });
  running.push(after);
  await expect.poll(() => after.told.stored, { timeout: 15_000 }).toEqual([session.session]);
  const back = readRecording(after.store, session.session);
  expect(back.manifest.gaps).toEqual([
    { fromUs: 1e6, toUs: 2e6, reason: "journal-damaged" },
    { fromUs: 9e6, toUs: 10.5e6, reason: "journal-damaged" },
    { fromUs: 20e6, toUs: 20e6, reason: "recorder-crash" },
  ]);
  expect(back.output(0, "stdout").toString()).toBe("said\r\nthe last");
  expect(after.told.alarms.map(({ code }) => code)).toEqual(["RECORD_DAMAGED", "RECORD_DAMAGED"]);
  const keys = [...after.store.objects].filter(([key]) => key.startsWith("keys/"));
  const trusted = new Map(keys.map(([key, { body }]) => [key.slice(5, -".pub.pem".length), body.toString()]));
  const verifier = new RecordingVerifier({ store: after.store, trustedKeys: () => trusted });
  expect((await verifier.verify(session.session)).findings).toEqual([]);
});
