// Encrypted recordings under the verifier and in what reads contents: hash and chain without any key, contents with one;
// also where somebody with the signing key put segments in each other's place.
import { createHash, sign } from "node:crypto";
import { beforeEach, expect, it } from "vitest";
import { OpenedRecordings } from "../../../recorder/catalog/opened-recordings.ts";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { rebuildRecordings } from "../../../recorder/catalog/rebuild.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { openDatabase } from "../../../recorder/database.ts";
import type { BegunEncryption } from "../../../recorder/encryption/recording-encryption.ts";
import { RecordingKeys } from "../../../recorder/encryption/recording-keys.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import { chainLink } from "../../../shared/manifest/chain.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { type TestEncryption, testEncryption } from "../../support/encryption.ts";
import { checksumsOf, MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder, sessionOf } from "../../support/recording-builder.ts";

const key = makeSigningKey();
const trustedKeys = () => new Map([[key.keyId, key.publicKeyPem]]);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const facts = { person: "jane", target: "plc-1", startedAt: "2026-11-23T10:00:00.000000Z", seed: 7 };

let keys: TestEncryption;
let begun: BegunEncryption;
let built: BuiltRecording;
let store: MemoryStore;
let prefix: string;
let service: RecordingKeys;

beforeEach(async () => {
  keys = await testEncryption();
  begun = await keys.encryption.begin(sessionOf(facts), Date.parse(facts.startedAt), 90);
  built = await record(begun);
  store = new MemoryStore();
  prefix = store.addRecording(built);
  service = new RecordingKeys(async () => keys.month.identity);
});

async function record(encryption?: BegunEncryption): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(encryption === undefined ? facts : { ...facts, encryption }, key);
  builder.event({ t: 0, type: "session-open", facts: {} });
  builder.channel(0, { request: "shell", pty: true });
  for (let second = 1; second < 35; second++) {
    builder.input({ t: second * 1_000_000, ch: 0, k: "text", d: "a" });
    await builder.output(0, second * 1_000_000 + 900, "a");
  }
  builder.event({ t: 34_500_000, type: "unfreeze", facts: { escort: "erik" } });
  await builder.exit(0, 35_000_000, 0);
  return builder.finish();
}

const verify = (from?: RecordingKeys) =>
  new RecordingVerifier({ store, trustedKeys, ...(from === undefined ? {} : { keys: from }) }).verify(
    built.index.session,
  );

/** What somebody with the signing key could do. */
function resign(change: (manifest: Manifest) => void): void {
  const manifest = Manifest.parse(
    JSON.parse(Buffer.from(store.objects.get(`${prefix}manifest.json`) ?? []).toString()),
  );
  change(manifest);
  let link = manifest.openSha256;
  for (const segment of manifest.segments) {
    segment.link = chainLink(link, segment.sha256, sha256);
    link = segment.link;
  }
  const bytes = Buffer.from(JSON.stringify(manifest));
  store.objects.set(`${prefix}manifest.json`, bytes);
  store.objects.set(`${prefix}manifest.json.sig`, sign(null, bytes, key.privateKey));
  const objects = [...store.objects].map(([name, body]) => [name.slice(prefix.length), body] as const);
  const listed = new Map(objects.filter(([name]) => name !== "SHA256SUMS"));
  store.objects.set(`${prefix}SHA256SUMS`, Buffer.from(checksumsOf(listed)));
}

it("is valid with keys and without, and says how much it could not look into", async () => {
  expect(await verify(service)).toMatchObject({ verdict: "VALID", findings: [] });
  expect(await verify(service)).not.toHaveProperty("unopenedSegments");
  const total = built.index.segments.length;
  expect(await verify()).toMatchObject({ verdict: "VALID", findings: [], unopenedSegments: total });
  const typed = built.index.segments.filter(({ track }) => track === "input").length;
  const outsider = await verify(RecordingKeys.of([keys.investigator.identity]));
  expect(outsider).toMatchObject({ verdict: "VALID", unopenedSegments: typed });
  const away = new RecordingKeys(async () => {
    throw new Error("the database is away");
  });
  await expect(verify(away)).rejects.toThrow("the database is away");
});

it("is tampered with, without any key, when a byte of any segment was flipped", async () => {
  for (const { name } of built.index.segments) {
    const whole = store.objects.get(prefix + name) ?? new Uint8Array();
    for (const at of [0, 11, 12, Math.floor(whole.length / 2), whole.length - 16, whole.length - 1]) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      store.objects.set(prefix + name, flipped);
      const report = await verify();
      expect(report.verdict).toBe("TAMPERED");
      expect(report.findings.map(({ place }) => place)).toContain(name);
    }
    store.objects.set(prefix + name, whole);
  }
});

it("is tampered with when segments changed places, whoever signed that", async () => {
  const [first, second] = built.index.segments.filter(({ track }) => track === "terminal-0");
  if (!first || !second) throw new Error("the recording is too short");
  const bytes = store.objects.get(prefix + second.name) ?? new Uint8Array();
  store.objects.set(prefix + first.name, bytes);
  resign(({ segments }) => {
    const meta = segments[first.n];
    if (meta) Object.assign(meta, { sha256: second.sha256, bytes: second.bytes });
  });
  const report = await verify(service);
  expect(report.verdict).toBe("TAMPERED");
  const [finding] = report.findings;
  expect(finding?.place).toBe(first.name);
  expect(finding?.message).toMatch(/does not decrypt as segment 0 of terminal-0/);
});

it("is tampered with when the manifest says of a segment that it is not encrypted, or in another stream", async () => {
  const terminal = built.index.segments.find(({ track }) => track === "terminal-0");
  resign(({ segments }) => {
    const meta = segments[terminal?.n ?? -1];
    if (meta) meta.encryption = "input";
  });
  const moved = await verify(service);
  expect(moved.findings.map(({ message }) => message).join("\n")).toMatch(/its encryption is input; .* it is content/);
  resign(({ segments }) => {
    const meta = segments[terminal?.n ?? -1];
    if (meta) delete meta.encryption;
  });
  const plain = await verify(service);
  expect(plain.verdict).toBe("TAMPERED");
  expect(plain.findings.map(({ message }) => message).join("\n")).toMatch(/its encryption is none; .* it is content/);
});

it("names an OPEN record whose wrapped key is another recording's", async () => {
  const other = await keys.encryption.begin(sessionOf({ ...facts, seed: 8 }), Date.parse(facts.startedAt), 90);
  const mixed = structuredClone(begun);
  mixed.open.streams.content.wrapped = other.open.streams.content.wrapped;
  built = await record(mixed);
  store = new MemoryStore();
  prefix = store.addRecording(built);
  const report = await verify(service);
  expect(report).toMatchObject({ verdict: "TAMPERED" });
  expect(report.findings[0]).toMatchObject({ place: "open.json", message: expect.stringMatching(/holds another key/) });
});

it("is exported as if it were not encrypted, for who has the keys; as zip as it is stored", async () => {
  const reader = new RecordingReader({
    store,
    trustedKeys,
    live: { live: () => undefined, spooled: async () => null },
  });
  const plain = new MemoryStore();
  plain.addRecording(await record());
  const clear = new RecordingReader({
    store: plain,
    trustedKeys,
    live: { live: () => undefined, spooled: async () => null },
  });
  const text = async (exporter: RecordingExporter, format: "cast" | "txt" | "jsonl") => {
    const { body } = await exporter.export(built.index.session, format);
    return Buffer.concat(await body.toArray()).toString();
  };
  for (const format of ["cast", "txt", "jsonl"] as const) {
    const opened = new RecordingExporter(new OpenedRecordings(reader, service), () => []);
    const expected = await text(new RecordingExporter(clear, () => []), format);
    // The OPEN record is in the JSON lines.
    const without = (all: string) => all.split("\n").filter((line) => !line.includes('"retentionDays"'));
    expect(without(await text(opened, format))).toEqual(without(expected));
  }
  const none = new RecordingExporter(new OpenedRecordings(reader, RecordingKeys.of([])), () => []);
  await expect(text(none, "txt")).rejects.toThrow(/is encrypted, and there is no key for it here/);
  const zip = await none.export(built.index.session, "zip");
  const bytes = Buffer.concat(await zip.body.toArray());
  const [segment] = built.index.segments;
  expect(bytes.includes(built.objects.get(segment?.name ?? "") ?? "none")).toBe(true);
});

it("is in a rebuilt index, with its escort where there is a key", async () => {
  const database = await openDatabase(":memory:");
  try {
    const recordings = new Recordings(database.catalog);
    expect(await rebuildRecordings(store, recordings, () => {}, service)).toMatchObject({ recordings: 1, faults: [] });
    expect(await recordings.find(built.index.session)).toMatchObject({ session: built.index.session, state: "sealed" });
  } finally {
    await database.close();
  }
});
