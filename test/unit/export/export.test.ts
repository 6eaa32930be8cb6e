import { createHash, createPublicKey, verify } from "node:crypto";
import { buffer, text } from "node:stream/consumers";
import { inflateRawSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import { decompressSegment } from "../../../recorder/store/codec.ts";
import { parseTerminalSegment } from "../../../shared/segment/parse.ts";
import { forgeSegment } from "../../support/forge.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const key = makeSigningKey();
const trustedKeys = () => new Map([[key.keyId, key.publicKeyPem]]);
let store: MemoryStore;
let built: BuiltRecording;
let prefix: string;
let exporter: RecordingExporter;

beforeEach(async () => {
  store = new MemoryStore();
  built = await record();
  prefix = store.addRecording(built);
  exporter = exporterFor(() => undefined);
});

function exporterFor(
  live: (session: string) => ReturnType<ConstructorParameters<typeof RecordingReader>[0]["live"]["live"]>,
  thread = false,
): RecordingExporter {
  const reader = new RecordingReader({ store, trustedKeys, live: { live, spooled: async () => null } });
  return new RecordingExporter(reader, () => [{ keyId: key.keyId, publicKeyPem: key.publicKeyPem }], { thread });
}

async function record(): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(
    { person: "jane", target: "plc-reactor-01", startedAt: "2026-11-23T10:00:00.000000Z", seed: 3 },
    key,
  );
  builder.event({ t: 0, type: "session-open", facts: {} });
  builder.channel(0, { request: "shell", pty: true });
  await builder.output(0, 1_000, "\u001b[1mwelcome\u001b[0m\r\n$ ");
  builder.input({ t: 2_000_000, ch: 0, k: "text", d: "l" });
  await builder.output(0, 2_000_000, "l");
  await builder.output(0, 13_000_000, "s \u00e4\ud83d\ude00\r\n");
  await builder.resize(0, 14_000_000, 100, 30);
  await builder.output(0, 26_000_000, "bye\r\n");
  await builder.exit(0, 26_500_000, 3);
  builder.channel(1, { request: "exec", pty: false, command: "cat firmware.bin" });
  await builder.output(1, 5_000_000, "to stdout\n");
  await builder.output(1, 5_100_000, "to stderr\n", "e");
  await builder.binary(1, 5_200_000, Buffer.from([0xc3]));
  await builder.binary(1, 5_300_000, Buffer.from([0xa4, 0xff, 0x0a]));
  builder.file({ t: 6_000_000, ch: 1, op: "open", id: 1, path: "/etc/passwd" });
  return builder.finish();
}

const session = () => built.index.session;
const linesOf = async (format: "cast" | "jsonl", track?: string) =>
  (await text((await exporter.export(session(), format, track)).body))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe.each([{ thread: false }, { thread: true }])("with %o", ({ thread }) => {
  beforeEach(() => {
    exporter = exporterFor(() => undefined, thread);
  });

  describe("cast", () => {
    it("is one asciicast: header, first keyframe, then each event as it was stored, times and bytes", async () => {
      const [header, keyframe, ...events] = await linesOf("cast");
      expect(header).toEqual({
        timestamp: Date.parse("2026-11-23T10:00:00Z") / 1000,
        title: "jane on plc-reactor-01, 2026-11-23T10:00:00.000000Z, terminal-0",
        version: 2,
        width: 80,
        height: 24,
      });
      expect(keyframe[1]).toBe("o");
      expect(keyframe[2]).toMatch(/^\u001bc/);
      const stored = built.index.segments
        .filter((segment) => segment.track === "terminal-0")
        .flatMap(
          (segment) =>
            parseTerminalSegment(
              String(
                decompressSegment(built.objects.get(segment.name)!, segment.codec) &&
                  Buffer.from(decompressSegment(built.objects.get(segment.name)!, segment.codec)),
              ),
            ).events,
        );
      expect(events).toEqual(stored.map(({ atUs, code, data }) => [atUs / 1e6, code, data]));
      expect(built.index.segments.filter((segment) => segment.track === "terminal-0").length).toBe(3);
    });

    it("takes the track that is asked for, and says which there are", async () => {
      expect((await linesOf("cast", "terminal-1"))[0].title).toContain("terminal-1");
      for (const track of ["terminal-9", "input", "../open.json"]) {
        await expect(exporter.export(session(), "cast", track)).rejects.toMatchObject({
          code: "REQUEST_NOT_FOUND",
          message: expect.stringContaining("it has terminal-0, terminal-1"),
        });
      }
    });

    it("breaks off at bytes that are not what was recorded", async () => {
      const second = built.index.segments.filter((segment) => segment.track === "terminal-0")[1]!;
      store.objects.set(prefix + second.name, Buffer.from("something else"));
      const { body } = await exporter.export(session(), "cast");
      await expect(text(body)).rejects.toMatchObject({ code: "INTEGRITY_HASH" });
    });
  });

  describe("txt", () => {
    const textOf = async (track?: string) => text((await exporter.export(session(), "txt", track)).body);

    it("is what a person would have read", async () => {
      expect(await textOf()).toBe("welcome\n$ ls \u00e4\ud83d\ude00\nbye\n");
    });

    it("has standard error in its place, and characters that were cut between two events", async () => {
      expect(await textOf("terminal-1")).toBe("to stdout\nto stderr\n\u00e4\ufffd\n");
    });
  });

  describe("jsonl", () => {
    it("has every line of every track in time order after a line that says what it is", async () => {
      const [head, ...lines] = await linesOf("jsonl");
      expect(head).toMatchObject({
        export: "conduit-merged/1",
        live: false,
        open: { session: session(), person: { name: "jane" } },
      });
      expect(lines.map((line) => line.t)).toEqual([...lines.map((line) => line.t)].sort((a, b) => a - b));
      expect(lines).toHaveLength(built.index.segments.reduce((sum, segment) => sum + segment.events, 0));
      // At the same time the key comes before its echo.
      const at2s = lines.filter((line) => line.t === 2_000_000);
      expect(at2s).toEqual([
        { t: 2_000_000, track: "input", s: 2, ch: 0, k: "text", d: "l" },
        { t: 2_000_000, track: "terminal-0", k: "o", d: "l" },
      ]);
      expect(lines.find((line) => line.track === "files")).toMatchObject({ op: "open", path: "/etc/passwd" });
    });
  });

  it("does not exist for a recording that does not", async () => {
    for (const id of ["01912345-0000-7000-8000-000000000000", "../../etc/passwd"]) {
      await expect(exporter.export(id, "txt")).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
    }
  });

  it("ends with the download", async () => {
    const { body } = await exporter.export(session(), "txt");
    body.destroy();
    await new Promise((resume) => body.once("close", resume));
    expect(await text((await exporter.export(session(), "txt")).body)).toContain("welcome");
  });
});

it("refuses more exports at once than it has threads for, and takes the next when one has ended", async () => {
  const threaded = exporterFor(() => undefined, true);
  const running = await Promise.all(Array.from({ length: 8 }, () => threaded.export(session(), "jsonl")));
  await expect(threaded.export(session(), "jsonl")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
  for (const { body } of running) body.destroy();
  await Promise.all(running.map(({ body }) => new Promise((resume) => body.once("close", resume))));
  expect(await text((await threaded.export(session(), "txt")).body)).toContain("welcome");
});

describe("a recording whose segment and manifest were forged without the key", () => {
  beforeEach(() => forgeSegment(store.objects, prefix, "terminal-0", "welcome", "forged!"));

  it.each(["cast", "txt", "jsonl"] as const)("does not leave as %s", async (format) => {
    await expect(exporter.export(session(), format)).rejects.toMatchObject({
      code: "INTEGRITY_SIGNATURE",
      message: expect.stringContaining("manifest.json does not match its signature"),
    });
  });

  it("leaves as zip, which says so", async () => {
    const entries = readZip(await buffer((await exporter.export(session(), "zip")).body), `${session()}/`);
    expect(String(entries.get("INTEGRITY.txt"))).toContain("manifest.json does not match its signature");
  });

  it("leaves marked when that is asked for", async () => {
    const marked = async (format: "cast" | "txt" | "jsonl") =>
      text((await exporter.export(session(), format, undefined, { unverified: true })).body);
    expect(JSON.parse((await marked("cast")).split("\n")[0] ?? "").title).toMatch(/^UNVERIFIED: /);
    expect(JSON.parse((await marked("jsonl")).split("\n")[0] ?? "").unverified).toHaveLength(1);
    expect(await marked("txt")).toContain("forged!");
  });

  it("leaves again when it was put right", async () => {
    await expect(exporter.export(session(), "txt")).rejects.toMatchObject({ code: "INTEGRITY_SIGNATURE" });
    for (const [name, bytes] of built.objects) store.objects.set(prefix + name, bytes);
    expect(await text((await exporter.export(session(), "txt")).body)).toContain("welcome");
  });
});

it("does not leave when a signature is gone, or is by a key that is not trusted, or the OPEN record is another", async () => {
  const refused = async () =>
    expect(exporter.export(session(), "txt")).rejects.toMatchObject({ code: "INTEGRITY_SIGNATURE" });
  for (const name of ["open.json.sig", "manifest.json.sig"]) {
    store.objects.delete(prefix + name);
    await refused();
    store.objects.set(prefix + name, built.objects.get(name)!);
  }
  const open = built.objects.get("open.json")!;
  store.objects.set(`${prefix}open.json`, Buffer.from(String(open).replace("jane", "john")));
  await refused();
  store.objects.set(`${prefix}open.json`, open);
  expect(await text((await exporter.export(session(), "txt")).body)).toContain("welcome");
  const other = makeSigningKey();
  const reader = new RecordingReader({
    store,
    trustedKeys: () => new Map([[other.keyId, other.publicKeyPem]]),
    live: { live: () => undefined, spooled: async () => null },
  });
  await expect(new RecordingExporter(reader, () => []).export(session(), "txt")).rejects.toMatchObject({
    code: "INTEGRITY_SIGNATURE",
  });
});

it("does not leave when another recording's signed files lie in its place", async () => {
  const other = await record();
  const elsewhere = session().replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  const target = prefix.replace(session(), elsewhere);
  for (const [name, bytes] of other.objects) store.objects.set(target + name, bytes);
  await expect(exporter.export(elsewhere, "txt")).rejects.toMatchObject({
    code: "INTEGRITY_SIGNATURE",
    message: expect.stringContaining("is of another session"),
  });
});

describe("zip", () => {
  it("holds every stored byte, the public key, and verifies with nothing else", async () => {
    const { body, fileName } = await exporter.export(session(), "zip");
    expect(fileName).toMatch(/^20261123T100000_plc-reactor-01_jane_[0-9a-f]{12}\.zip$/);
    const entries = readZip(await buffer(body), `${session()}/`);
    for (const [name, bytes] of built.objects) expect(entries.get(name)?.equals(bytes), name).toBe(true);
    const sums = String(entries.get("SHA256SUMS")).trimEnd().split("\n");
    expect(sums).toHaveLength(built.objects.size);
    for (const line of sums) {
      const [hash = "", name = ""] = line.split("  ");
      expect(
        createHash("sha256")
          .update(entries.get(name) ?? "")
          .digest("hex"),
        name,
      ).toBe(hash);
    }
    const publicKey = createPublicKey(String(entries.get(`keys/${key.keyId}.pub.pem`)));
    expect(verify(null, entries.get("manifest.json")!, publicKey, entries.get("manifest.json.sig")!)).toBe(true);
    expect(String(entries.get("MISSING.txt"))).toBe("Nothing is missing.\n");
    expect(String(entries.get("INTEGRITY.txt"))).toContain("signatures, chain and hashes held");
    expect(String(entries.get("VERIFY.txt"))).toContain(`keys/${key.keyId}.pub.pem`);
  });

  it("is the same file each time", async () => {
    const make = async () => buffer((await exporter.export(session(), "zip")).body);
    expect((await make()).equals(await make())).toBe(true);
  });

  it("takes a damaged recording along as it is and names what is missing", async () => {
    const [gone, altered] = [built.index.segments[0]!, built.index.segments[1]!];
    store.objects.delete(prefix + gone.name);
    store.objects.set(prefix + altered.name, Buffer.from("altered"));
    const told: string[] = [];
    const damaged = (texts: readonly string[]) => told.push(...texts);
    const { body } = await exporter.export(session(), "zip", undefined, { damaged });
    const entries = readZip(await buffer(body), `${session()}/`);
    expect(told).toEqual([
      `${altered.name} does not have the hash that manifest.json names`,
      `${gone.name} is missing`,
    ]);
    expect(String(entries.get("MISSING.txt"))).toBe(`${gone.name}\n`);
    expect(String(entries.get(altered.name))).toBe("altered");
    expect(String(entries.get("INTEGRITY.txt"))).toContain(`${altered.name} does not have the hash`);
  });

  it("breaks off when the store does", async () => {
    const { body } = await exporter.export(session(), "zip");
    store.get = () => Promise.reject(new Error("the store went away"));
    await expect(buffer(body)).rejects.toThrow("the store went away");
  });

  it("is refused while the session goes on; text is not", async () => {
    const { index } = built;
    const open = JSON.parse(String(built.objects.get("open.json")));
    const live = exporterFor(() => ({
      open,
      openSha256: index.openSha256,
      durationUs: index.durationUs,
      tracks: index.tracks,
      segments: index.segments,
      gaps: [],
    }));
    await expect(live.export(session(), "zip")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect(await text((await live.export(session(), "txt")).body)).toContain("welcome");
  });
});

it("does not exist for a recording that does not", async () => {
  for (const id of ["01912345-0000-7000-8000-000000000000", "../../etc/passwd"]) {
    await expect(exporter.export(id, "zip")).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
  }
});

/** Reads by the central directory (APPNOTE 4.3.12), as every unpacker does. */
function readZip(zip: Buffer, folder: string): Map<string, Buffer> {
  const entries = new Map<string, Buffer>();
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06"));
  let at = zip.readUInt32LE(end + 16);
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    const method = zip.readUInt16LE(at + 10);
    const size = zip.readUInt32LE(at + 20);
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(start, start + size);
    if (!name.startsWith(folder)) throw new Error(`${name} is not in ${folder}`);
    entries.set(name.slice(folder.length), method === 0 ? data : inflateRawSync(data));
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

describe("an excerpt", () => {
  const of = async (format: "cast" | "txt" | "jsonl", fromUs?: number, toUs?: number, track?: string) => {
    const file = await exporter.export(session(), format, track, { fromUs, toUs });
    return { ...file, text: await text(file.body) };
  };

  it("says in its name, in its content and in the log that it is one", async () => {
    const statement = `EXCERPT, not the whole: 0:00:12.0 to 0:00:20.5 (2026-11-23T10:00:12.000Z to 2026-11-23T10:00:20.500Z) of the recording ${session()}`;
    for (const format of ["cast", "txt", "jsonl"] as const) {
      const file = await of(format, 12_000_000, 20_500_000);
      expect(file.fileName).toMatch(new RegExp(`_EXCERPT_0-00-12\\.0_to_0-00-20\\.5\\.${format}$`));
      expect(file.inLog).toEqual({ excerpt: "0:00:12.0 to 0:00:20.5" });
      expect(file.text.split("\n")[0]).toContain(statement);
    }
    const whole = await exporter.export(session(), "txt");
    expect(whole.fileName).not.toContain("EXCERPT");
    expect(whole.inLog).toEqual({});
  });

  it("has what lies within, both ends, and nothing else", async () => {
    expect((await of("txt", 2_000_000, 13_000_000)).text.split("\n\n")[1]).toBe("ls \u00e4\u{1f600}\n");
    const lines = (await of("jsonl", 5_100_000, 6_000_000)).text.trimEnd().split("\n").slice(1);
    const times = lines.map((line) => (JSON.parse(line) as { t: number }).t);
    expect(times.length).toBeGreaterThan(3);
    expect([Math.min(...times), Math.max(...times)]).toEqual([5_100_000, 6_000_000]);
    expect((await of("txt", 26_000_000)).text).toContain("bye");
    expect((await of("txt", undefined, 25_000_000)).text).not.toContain("bye");
  });

  it("plays from the picture as it was then, at the size that it had", async () => {
    const [header, picture, ...events] = (await of("cast", 14_500_000, 26_200_000)).text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(header).toMatchObject({ width: 100, height: 30, timestamp: Date.parse("2026-11-23T10:00:14Z") / 1000 });
    expect(picture).toMatchObject({ 0: 0, 1: "o", 2: expect.stringContaining("welcome") });
    expect(events).toEqual([[11.5, "o", "bye\r\n"]]);
    // Nothing came out: the picture alone.
    const still = (await of("cast", 15_000_000, 16_000_000)).text.trimEnd().split("\n");
    expect(still).toHaveLength(2);
  });

  it("is refused where nothing is within, and of what leaves whole", async () => {
    const rejected = (format: "zip" | "bundle" | "txt", fromUs: number, toUs: number) =>
      expect(exporter.export(session(), format, undefined, { fromUs, toUs })).rejects;
    await rejected("txt", 5_000_000, 4_000_000).toThrow("the end, 0:00:04.0, is before the beginning, 0:00:05.0");
    await rejected("txt", 500_000_000, 600_000_000).toThrow("choose a stretch within");
    for (const format of ["zip", "bundle"] as const)
      await rejected(format, 0, 1_000_000).toThrow(`leaves as ${format} whole`);
  });
});
