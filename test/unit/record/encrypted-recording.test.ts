// A recorder that encrypts: what reaches spool and store, what a crash leaves, and that it can be read by the documented
// steps alone.
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { decryptSegment, keyCheck } from "../../../recorder/encryption/segment-cipher.ts";
import { AppError } from "../../../shared/errors.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { copySpool } from "../../support/copy-spool.ts";
import { dataKeyOf, opened, type TestEncryption, testEncryption } from "../../support/encryption.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import type { KeptStore } from "./kept-store.ts";
import { facts, makeBase, readRecording, removeBases, startRecorder, type UnderTest } from "./recorder-under-test.ts";

afterAll(removeBases);

const shell: SessionEvent = {
  type: "channel-open",
  channel: 0,
  request: "shell",
  pty: { term: "xterm", cols: 80, rows: 24 },
};
const out = (text: string): SessionEvent => ({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(text) });
const typed = (text: string): SessionEvent => ({ type: "input", channel: 0, data: Buffer.from(text) });

/** The directory of a recorder that starts where this one would be killed now. */
function crashOf({ base: from }: UnderTest): string {
  const base = makeBase();
  copySpool(join(from, "spool"), join(base, "spool"));
  cpSync(join(from, "signing.pem"), join(base, "signing.pem"));
  return base;
}

function openOf(store: KeptStore, session: string): OpenRecord {
  return OpenRecord.parse(JSON.parse(store.recording(session).get("open.json")?.toString() ?? ""));
}

/** With the identities of both streams, as an investigator has them. */
async function reader(store: KeptStore, session: string, { investigator, keystrokes }: TestEncryption) {
  const open = openOf(store, session);
  const content = await dataKeyOf(open, "content", investigator.identity);
  const input = await dataKeyOf(open, "input", keystrokes.identity);
  return readRecording(store, session, (meta, stored) =>
    opened(session, meta, stored, meta.encryption === "input" ? input : content),
  );
}

it("stores nothing in the clear, and all of it for its recipients", async () => {
  const keys = await testEncryption();
  const under = await startRecorder({}, { encryption: keys.encryption });
  const session = await under.recorder.open(facts());
  for (const event of [shell, out("motor speed 1450\r\n$ "), typed("reboot plc"), out("reboot plc")]) {
    session.append(event);
  }
  await session.durable();
  const manifest = await session.close("client-closed");
  await waitFor(() => under.told.stored.includes(session.session));
  await under.stop();

  for (const meta of manifest.segments) {
    expect(meta.name).toMatch(/\.zst\.enc$/);
    expect(meta.encryption).toBe(meta.track === "input" ? "input" : "content");
  }
  const stored = Buffer.concat([...under.store.recording(session.session)].map(([, bytes]) => bytes));
  for (const text of ["motor", "reboot", "session-open"]) expect(stored.includes(text)).toBe(false);
  const recording = await reader(under.store, session.session, keys);
  expect(recording.output(0, "stdout").toString()).toBe("motor speed 1450\r\n$ reboot plc");
  expect(recording.input().map((line) => line.d)).toEqual(["reboot plc"]);
  const { encryption } = openOf(under.store, session.session);
  expect(encryption?.streams.content.recipients).toEqual([keys.investigator.recipient, keys.month.recipient]);
  expect(encryption?.streams.input.recipients).toEqual([keys.keystrokes.recipient, keys.month.recipient]);
  await expect(dataKeyOf(openOf(under.store, session.session), "input", keys.investigator.identity)).rejects.toThrow(
    /no identity/,
  );
});

it("encrypts bulk in the memory in which it gathered, which then serves the next segment", async () => {
  const keys = await testEncryption();
  const under = await startRecorder({ bulkSegmentBytes: 600 * 1024 }, { encryption: keys.encryption });
  const session = await under.recorder.open(facts());
  session.append({ type: "channel-open", channel: 0, request: "exec", command: "cat image" });
  const noise = randomBytes(2_500_001);
  for (let at = 0; at < noise.length; at += 32 * 1024) {
    const data = noise.subarray(at, at + 32 * 1024);
    if (!session.append({ type: "output", channel: 0, stream: "stdout", data })) await session.drained();
  }
  const manifest = await session.close("client-closed");
  await waitFor(() => under.told.stored.includes(session.session));
  await under.stop();
  expect(manifest.segments.filter((meta) => meta.track === "terminal-0").length).toBeGreaterThan(3);
  const recording = await reader(under.store, session.session, keys);
  expect(recording.output(0, "stdout").equals(noise)).toBe(true);
});

it("keeps its keys in the spool only until it is sealed, and never in the clear", async () => {
  const keys = await testEncryption();
  const under = await startRecorder({}, { encryption: keys.encryption });
  const session = await under.recorder.open(facts());
  session.append(shell);
  await session.durable();
  const path = join(under.directory, session.session, "data.keys");
  const sealed = readFileSync(path);
  const copy = join(under.base, "open.json");
  writeFileSync(copy, readFileSync(join(under.directory, session.session, "open.json")));
  const content = await dataKeyOf(
    OpenRecord.parse(JSON.parse(readFileSync(copy, "utf8"))),
    "content",
    keys.month.identity,
  );
  expect(sealed.includes(Buffer.from(content))).toBe(false);
  expect(await under.recorder.spooled(session.session, "data.keys")).toBeNull();
  // Its folder stays: nothing goes to the store.
  under.store.failure = () => new AppError("STORE_UNAVAILABLE", "away", { op: "store.put", retryable: true });
  await session.close("client-closed");
  expect(existsSync(path)).toBe(false);
  expect(existsSync(join(under.directory, session.session, "manifest.json"))).toBe(true);
  await under.stop();
});

it("goes on after a crash with the same keys, though service and month key are away", async () => {
  const keys = await testEncryption();
  const first = await startRecorder({ segmentMaxSeconds: 1 }, { encryption: keys.encryption });
  const session = await first.recorder.open(facts());
  for (const event of [shell, out("before the crash\r\n")]) session.append(event);
  await session.durable();
  await first.recorder.flush(session.session);
  for (const event of [typed("k"), out("after the segment\r\n")]) session.append(event);
  await session.durable();
  const base = crashOf(first);
  await session.close("client-closed");
  await first.stop();

  const second = await startRecorder({}, { base });
  await waitFor(() => second.told.stored.includes(session.session));
  const recording = await reader(second.store, session.session, keys);
  expect(recording.manifest.state).toBe("interrupted");
  expect(recording.output(0, "stdout").toString()).toBe("before the crash\r\nafter the segment\r\n");
  expect(recording.terminal(0).keyframes[1]).toContain("before the crash");
  expect(recording.manifest.segments.every((meta) => meta.encryption !== undefined)).toBe(true);
  await second.stop();
});

it("sets aside a crashed recording whose keys are damaged, and starts", async () => {
  const keys = await testEncryption();
  const first = await startRecorder({}, { encryption: keys.encryption });
  const session = await first.recorder.open(facts());
  session.append(shell);
  await session.durable();
  const base = crashOf(first);
  await session.close("client-closed");
  await first.stop();
  const path = join(base, "spool", session.session, "data.keys");
  const bytes = readFileSync(path);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const second = await startRecorder({}, { base });
  expect(second.told.alarms.map(({ code }) => code)).toContain("RECORD_DAMAGED");
  expect(readdirSync(join(base, "spool", "damaged")).join()).toContain(session.session);
  await second.stop();
});

it("records to its recipients alone where the service's key cannot be made", async () => {
  const keys = await testEncryption({
    recipientOf: async () => {
      throw new Error("the key service does not answer");
    },
  });
  const under = await startRecorder({}, { encryption: keys.encryption });
  const session = await under.recorder.open(facts());
  session.append(shell);
  await session.durable();
  await session.close("client-closed");
  await waitFor(() => under.told.stored.includes(session.session));
  await under.stop();
  expect(keys.alarms).toHaveLength(1);
  const { encryption } = openOf(under.store, session.session);
  expect(encryption?.serviceKey).toBeNull();
  expect(encryption?.streams.content.recipients).toEqual([keys.investigator.recipient]);
});

it("gives every session keys of its own, also those that were made ahead", async () => {
  let away = false;
  const made = await testEncryption();
  const keys = await testEncryption({
    recipientOf: async () => {
      if (away) throw new Error("away");
      return made.month.recipient;
    },
  });
  const begun = async () => keys.encryption.begin("s", Date.parse("2026-11-23T00:00:00Z"), 90);
  const first = await begun();
  await sleep(600);
  const second = await begun();
  const third = await begun();
  const all = [first, second, third].flatMap(({ keys: { content, input } }) => [content, input]);
  expect(new Set(all.map((key) => Buffer.from(key).toString("hex"))).size).toBe(6);
  expect(all.every((key) => key.some((byte) => byte !== 0))).toBe(true);
  expect(first.open.streams.content.check).not.toBe(second.open.streams.content.check);
  // What was made ahead needs nobody; and nothing is made ahead without the service's key.
  await sleep(600);
  away = true;
  expect((await begun()).open.serviceKey).toBe("2027-02");
  expect((await begun()).open.serviceKey).toBeNull();
  await sleep(600);
  away = false;
  expect((await begun()).open.serviceKey).toBe("2027-02");
  keys.encryption.close();
});

it("refuses what was altered, cut, exchanged, or has another key, and says where", async () => {
  const keys = await testEncryption();
  const under = await startRecorder({}, { encryption: keys.encryption });
  const session = await under.recorder.open(facts());
  for (const event of [shell, out("x".repeat(2000))]) session.append(event);
  await session.durable();
  const { segments } = await session.close("client-closed");
  await waitFor(() => under.told.stored.includes(session.session));
  await under.stop();
  const objects = under.store.recording(session.session);
  const key = await dataKeyOf(openOf(under.store, session.session), "content", keys.month.identity);
  const terminal = segments.find((meta) => meta.track === "terminal-0") as SegmentMeta;
  const stored = objects.get(terminal.name) as Buffer;
  const open = (bytes: Uint8Array, meta: SegmentMeta = terminal, id = session.session, dataKey = key) =>
    decryptSegment(dataKey, id, meta, bytes);
  expect(open(stored).length).toBe(stored.length - 28);
  for (let at = 0; at < stored.length; at++) {
    const flipped = Buffer.from(stored);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    expect(() => open(flipped), `byte ${at}`).toThrow(
      /terminal-0\/000000.* does not decrypt as segment 0 of terminal-0/,
    );
  }
  for (const length of [0, 5, 27, 28, stored.length - 1]) {
    expect(() => open(stored.subarray(0, length)), `${length} bytes`).toThrow(/fewer than|does not decrypt/);
  }
  const events = segments.find((meta) => meta.track === "events") as SegmentMeta;
  expect(() => open(objects.get(events.name) as Buffer)).toThrow(/does not decrypt/);
  expect(() => open(stored, { ...terminal, index: 1 })).toThrow(/does not decrypt/);
  expect(() =>
    open(
      stored,
      terminal,
      session.session.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
    ),
  ).toThrow(/does not decrypt/);
  expect(() => open(stored, terminal, session.session, new Uint8Array(32))).toThrow(/does not decrypt/);
  expect(keyCheck(key, session.session, "content")).not.toBe(keyCheck(new Uint8Array(32), session.session, "content"));
});
