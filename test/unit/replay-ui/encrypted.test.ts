// Encrypted recordings in the browser's code: what the recorder's cipher stored, WebCrypto opens; what there is no key for
// is intact and not shown.
import { beforeAll, expect, it } from "vitest";
import type { BegunEncryption } from "../../../recorder/encryption/recording-encryption.ts";
import { decrypt as decryptWith, importDataKey, segmentKey } from "../../../replay-ui/player/decrypt.ts";
import { BadSegmentError, SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Integrity, overallVerdict } from "../../../replay-ui/verify/integrity.ts";
import type { EncryptionStream } from "../../../shared/encryption/scheme.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { testEncryption } from "../../support/encryption.ts";
import { memorySource } from "../../support/memory-source.ts";
import { type BuiltRecording, makeSigningKey, sessionOf } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";

const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };
let recording: BuiltRecording;
let plain: BuiltRecording;
let begun: BegunEncryption;

beforeAll(async () => {
  const key = makeSigningKey();
  const { encryption } = await testEncryption();
  begun = await encryption.begin(sessionOf(facts), Date.parse(facts.startedAt), 90);
  recording = await maintenanceScene({ ...facts, encryption: begun }, key);
  plain = await maintenanceScene(facts, key);
});

async function decrypt(dataKey: CryptoKey, session: string, meta: SegmentMeta, stored: Uint8Array<ArrayBuffer>) {
  return decryptWith(await segmentKey(dataKey, session, meta), session, meta, stored);
}

function open(built: BuiltRecording, streams: readonly EncryptionStream[]) {
  const source = memorySource(built);
  const keys = new Map(streams.map((stream) => [stream, importDataKey(Uint8Array.from(begun.keys[stream]))]));
  const dataKey = async (stream: EncryptionStream) => (await keys.get(stream)) ?? null;
  const integrity = new Integrity(built.index);
  return { source, integrity, loader: new SegmentLoader({ ...source, dataKey }, integrity) };
}

it("shows the same as of a recording that is not encrypted, each segment once hashed", async () => {
  const encrypted = open(recording, ["content", "input"]);
  const clear = open(plain, []);
  for (const { n } of recording.index.segments) {
    expect(await encrypted.loader.load(n)).toEqual(await clear.loader.load(n));
    expect(encrypted.integrity.isVerified(n)).toBe(true);
  }
});

it("says of what it has no key for that it is encrypted, and not that it is altered", async () => {
  const { loader, integrity, source } = open(recording, ["content"]);
  for (const { n, encryption } of recording.index.segments) {
    if (encryption === "content") await loader.load(n);
    else await expect(loader.load(n)).rejects.toBeInstanceOf(BadSegmentError);
  }
  const typed = recording.index.segments.find(({ track }) => track === "input")?.n ?? -1;
  expect(loader.isBad(typed) && loader.isLocked(typed)).toBe(true);
  expect(loader.whyNotShown(typed)).toMatch(/What was typed is encrypted/);
  expect(integrity.state.get().bad.size).toBe(0);
  expect(integrity.state.get().verified).toBe(recording.index.segments.length);
  expect(overallVerdict(integrity.state.get())).not.toBe("bad");
  const asked = source.asked.length;
  await expect(loader.load(typed)).rejects.toBeInstanceOf(BadSegmentError);
  expect(source.asked.length).toBe(asked);
});

it("decrypts nothing whose stored bytes were altered", async () => {
  const changed: BuiltRecording = { ...recording, objects: new Map(recording.objects) };
  const meta = recording.index.segments.find(({ track }) => track === "terminal-0");
  if (!meta) throw new Error("the recording has no terminal");
  const bytes = Buffer.from(changed.objects.get(meta.name) ?? []);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  changed.objects.set(meta.name, bytes);
  const { loader, integrity } = open(changed, ["content", "input"]);
  await expect(loader.load(meta.n)).rejects.toThrow(/SHA-256/);
  expect(integrity.fault(meta.n)).toMatch(/SHA-256/);
});

it("refuses a segment in another's place, cut ones, and those of another key", async () => {
  const [meta] = recording.index.segments;
  if (!meta) throw new Error("the recording is empty");
  const { session } = recording.index;
  const stored = new Uint8Array(recording.objects.get(meta.name) ?? []);
  const right = await importDataKey(Uint8Array.from(begun.keys[meta.encryption ?? "content"]));
  const wrong = await importDataKey(new Uint8Array(32).fill(7));
  expect((await decrypt(right, session, meta, stored)).length).toBe(stored.length - 28);
  const refused = /does not decrypt|shorter than/;
  await expect(decrypt(wrong, session, meta, stored)).rejects.toThrow(refused);
  await expect(decrypt(right, session, { ...meta, index: meta.index + 1 }, stored)).rejects.toThrow(refused);
  await expect(decrypt(right, session.replace(/.$/, "0"), meta, stored)).rejects.toThrow(refused);
  for (const length of [0, 27, stored.length - 1]) {
    await expect(decrypt(right, session, meta, stored.slice(0, length))).rejects.toThrow(refused);
  }
});
