import { beforeEach, describe, expect, it } from "vitest";
import { type LiveSource, possiblePrefixes, RecordingReader } from "../../../recorder/catalog/reader.ts";
import { makeSessionId } from "../../../shared/ids.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const key = makeSigningKey();
let store: MemoryStore;
let spool: Map<string, Uint8Array>;
let live: ReturnType<LiveSource["live"]>;
let reader: RecordingReader;

beforeEach(() => {
  store = new MemoryStore();
  spool = new Map();
  live = undefined;
  reader = readerWith({});
});

function readerWith(limits: { maxCachedManifests?: number; maxCachedSegments?: number }): RecordingReader {
  return new RecordingReader({
    store,
    trustedKeys: () => new Map([[key.keyId, key.publicKeyPem]]),
    live: { live: () => live, spooled: async (_session, name) => spool.get(name) ?? null },
    ...limits,
  });
}

async function build(seed = 1, startedAt = "2026-11-23T10:00:00.000000Z"): Promise<BuiltRecording> {
  const builder = new RecordingBuilder({ person: "jane", target: "plc", startedAt, seed }, key);
  builder.channel(0, { request: "shell", pty: true });
  for (let second = 0; second < 30; second++) await builder.output(0, second * 1_000_000, `line ${second}\r\n`);
  return builder.finish();
}

describe("a stored recording", () => {
  it("is read from the store: OPEN record, index, segments", async () => {
    const built = await build();
    store.addRecording(built);
    const { session } = built.index;
    expect((await reader.open(session)).person.name).toBe("jane");
    expect(await reader.index(session)).toEqual(built.index);
    const { meta, bytes, intact } = await reader.segment(session, 1);
    expect([meta.n, intact, Buffer.from(bytes).equals(built.objects.get(meta.name)!)]).toEqual([1, true, true]);
  });

  it("is asked for its manifest once", async () => {
    const built = await build();
    store.addRecording(built);
    for (const n of [0, 1, 2]) await reader.segment(built.index.session, n);
    expect(store.reads.filter((read) => read.endsWith("manifest.json"))).toHaveLength(1);
  });

  it("keeps no more manifests than it may, by number and by size", async () => {
    const built = await Promise.all([1, 2, 3].map((seed) => build(seed)));
    for (const recording of built) store.addRecording(recording);
    for (const limits of [{ maxCachedManifests: 2 }, { maxCachedSegments: 2 * built[0]!.index.segments.length }]) {
      const limited = readerWith(limits);
      store.reads.length = 0;
      for (const i of [0, 1, 0, 2, 0, 1]) await limited.index(built[i]!.index.session);
      const manifests = store.reads.filter((read) => read.endsWith("/manifest.json"));
      expect(manifests.map((read) => built.findIndex((recording) => read.includes(recording.index.session)))).toEqual([
        0, 1, 2, 1,
      ]);
    }
  });

  it("is found although it began just across midnight from its id", async () => {
    const session = makeSessionId(new Uint8Array(10), Date.parse("2026-11-23T00:00:00.000Z"));
    expect(possiblePrefixes(session)).toEqual([
      `recordings/2026/11/23/${session}/`,
      `recordings/2026/11/22/${session}/`,
    ]);
    store.objects.set(`recordings/2026/11/22/${session}/open.json`, Buffer.from("x"));
    expect(String(await reader.object(session, "open.json"))).toBe("x");
  });

  it("gives altered bytes out as such", async () => {
    const built = await build();
    const prefix = store.addRecording(built);
    store.objects.set(prefix + built.index.segments[0]!.name, Buffer.from("altered"));
    expect(await reader.segment(built.index.session, 0)).toMatchObject({ intact: false });
  });

  it("is refused when its manifest is not one", async () => {
    const built = await build();
    const prefix = store.addRecording(built);
    for (const bad of [
      "{",
      "{}",
      JSON.stringify({ ...JSON.parse(String(built.objects.get("manifest.json"))), more: 1 }),
    ]) {
      store.objects.set(`${prefix}manifest.json`, Buffer.from(bad));
      await expect(reader.index(built.index.session)).rejects.toMatchObject({ code: "INTEGRITY_FORMAT" });
    }
  });

  it("does not exist when it does not", async () => {
    const built = await build();
    store.addRecording(built);
    for (const n of [-1, 99, 0.5, Number.NaN]) {
      await expect(reader.segment(built.index.session, n)).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
    }
    for (const id of ["../../../etc", "", "01912345-0000-7000-8000-000000000000"]) {
      await expect(reader.index(id)).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
    }
  });

  it("is not called missing because the store does not answer", async () => {
    const built = await build();
    store.get = () => Promise.reject(Object.assign(new Error("away"), { code: "STORE_UNAVAILABLE" }));
    await expect(reader.index(built.index.session)).rejects.toThrow("away");
  });
});

describe("a recording in progress", () => {
  it("is read from the recorder, and the store is not asked", async () => {
    const built = await build();
    const { session, live: _live, startedAt: _startedAt, ...index } = built.index;
    live = { open: JSON.parse(String(built.objects.get("open.json"))), ...index };
    for (const [name, bytes] of built.objects) if (!name.startsWith("manifest")) spool.set(name, bytes);
    expect(await reader.index(session)).toEqual({ ...built.index, live: true });
    expect((await reader.segment(session, 0)).intact).toBe(true);
    expect(await reader.manifest(session)).toBeNull();
    expect(store.reads).toEqual([]);
  });

  it("is no longer live once its manifest is in the spool, and goes over to the store without a gap", async () => {
    const built = await build();
    const { session, live: _live, startedAt: _startedAt, ...index } = built.index;
    live = { open: JSON.parse(String(built.objects.get("open.json"))), ...index };
    for (const [name, bytes] of built.objects) spool.set(name, bytes);
    expect((await reader.index(session)).live).toBe(false);
    store.addRecording(built);
    spool.clear();
    expect((await reader.segment(session, 2)).intact).toBe(true);
    live = undefined;
    expect((await readerWith({}).index(session)).live).toBe(false);
  });
});
