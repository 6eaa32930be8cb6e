// What the real recorder writes, read back through the catalogue: index, reader, verification, exports, standard tools.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CatalogFeed } from "../../../recorder/catalog/feed.ts";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import { createRecorder } from "../../../recorder/record/create-recorder.ts";
import type { OpenFacts, Recorder } from "../../../recorder/record/recorder.ts";
import { loadOrCreateSigningKey, Signer } from "../../../recorder/record/signing.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { waitFor } from "../../support/wait-for.ts";

const facts: OpenFacts = {
  protocol: "ssh",
  person: { name: "jane", roles: ["vendor"], authMethod: "publickey" },
  client: { address: "192.0.2.1", port: 50000, software: "SSH-2.0-test" },
  target: { name: "plc-1", conduit: "c", address: "192.0.2.10:22", account: "service", hostKey: "SHA256:x", tags: [] },
  request: null,
  policy: { hash: "0".repeat(64), rule: "r", reason: "allowed-by-rule" },
  recording: { durability: "strict", failureMode: "strict", sealRecipients: [] },
  limits: { maxSessionSeconds: 3600, maxRecordedBytes: 1024 ** 3 },
  retentionDays: 90,
};

let directory: string;
let database: ServiceDatabase;
let recorder: Recorder;
let recordings: Recordings;
let feed: CatalogFeed;
let reader: RecordingReader;
let verifier: RecordingVerifier;
let exporter: RecordingExporter;
const store = new MemoryStore();
const stored: string[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "conduit-recorder-api-"));
  await mkdir(join(directory, "keys"), { mode: 0o700 });
  database = await openDatabase(join(directory, "test.db"), { thread: true });
  recordings = new Recordings(database.catalog);
  const signing = await loadOrCreateSigningKey(join(directory, "keys", "signing.pem"));
  const key = { keyId: signing.keyId, publicKeyPem: new Signer(signing).publicKeyPem };
  reader = new RecordingReader({
    store,
    trustedKeys: () => new Map([[key.keyId, key.publicKeyPem]]),
    live: { live: (id) => recorder.live(id), spooled: (id, name) => recorder.spooled(id, name) },
  });
  feed = new CatalogFeed({ recordings, reader, onError: (error) => errors.push(error) });
  recorder = createRecorder({
    directory: join(directory, "spool"),
    store,
    signing,
    recorderId: "r1",
    version: "0",
    limits: { segmentMaxSeconds: 1, segmentMaxBytes: 4096, journalFileBytes: 1024 * 1024, spoolFloorBytes: 0 },
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    events: {
      opened: (open) => feed.opened(open),
      segment: (id, meta) => feed.segment(id, meta),
      sealed: (manifest) => feed.sealed(manifest),
      stored: (id) => {
        feed.stored(id);
        stored.push(id);
      },
      alarm: () => {},
      clear: () => {},
    },
  });
  await recorder.recover();
  verifier = new RecordingVerifier({
    store,
    trustedKeys: () => new Map([[key.keyId, key.publicKeyPem]]),
    isPending: (id) => recorder.pending(id),
  });
  exporter = new RecordingExporter(reader, () => [key]);
});
afterAll(async () => {
  await recorder.stop();
  await feed.settled();
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

const bytes = (value: string) => Buffer.from(value, "utf8");
const output = (channel: number, data: Uint8Array, stream: "stdout" | "stderr" = "stdout"): SessionEvent => ({
  type: "output",
  channel,
  stream,
  data,
});

/** Every kind of event, and output that is cut within a character, is not UTF-8 at all, or ends within a sequence. */
async function recordSession(): Promise<string> {
  const session = await recorder.open(facts);
  const append = (...events: SessionEvent[]) => {
    for (const event of events) session.append(event);
  };
  append(
    { type: "notice", notice: "session-open", facts: {} },
    { type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } },
    { type: "channel-open", channel: 1, request: "exec", command: "cat firmware.bin" },
    output(0, bytes("\u001b[1mwelcome\u001b[0m\r\n$ ")),
  );
  for (const character of "ls -l\r") {
    append({ type: "input", channel: 0, data: bytes(character) });
    await session.durable();
    append(output(0, bytes(character === "\r" ? "\r\n" : character)));
  }
  const euro = bytes("\u20ac");
  append(
    output(0, euro.subarray(0, 1)),
    { type: "resize", channel: 0, cols: 100, rows: 30 },
    output(0, euro.subarray(1)),
  );
  append(output(0, Buffer.from([0xff, 0xfe, 0x0a])), output(0, bytes("\u001b[3")));
  append({ type: "notice", notice: "health", facts: {} }, output(0, bytes("1m")));
  for (let i = 0; i < 400; i++) append(output(0, bytes(`line ${i} \u00e4\r\n`)));
  append(output(1, Buffer.from([0, 1, 2, 0xc3])), output(1, bytes("oops\n"), "stderr"), output(1, Buffer.from([0xa4])));
  append({ type: "input", channel: 1, data: Buffer.from([0, 255, 10]) });
  append({ type: "file", channel: 0, event: { op: "open", id: 1, path: "/a" } });
  append({ type: "exit", channel: 1, status: 3 }, { type: "channel-close", channel: 1 });
  await new Promise((resume) => setTimeout(resume, 1200));
  append({ type: "input", channel: 0, data: bytes("exit\r") }, output(0, bytes("exit\r\n")));
  append({ type: "exit", channel: 0, status: 0 }, { type: "channel-close", channel: 0 });
  await session.durable();
  expect((await reader.index(session.session)).live).toBe(true);
  await session.close("client-closed");
  await waitFor(() => stored.includes(session.session), { what: "the upload" });
  await feed.settled();
  return session.session;
}

describe("a session that the recorder wrote", () => {
  let session: string;
  beforeAll(async () => {
    session = await recordSession();
  });

  it("verifies without a finding", async () => {
    const report = await verifier.verify(session);
    expect(report.findings).toEqual([]);
    expect(report.verdict).toBe("VALID");
    expect(report.checkedSegments).toBeGreaterThan(5);
  });

  it("is in the index with what the manifest says", async () => {
    const manifest = await reader.manifest(session);
    expect(await recordings.find(session)).toMatchObject({
      state: "sealed",
      keystrokes: manifest?.counts.keystrokes,
      bytes: manifest?.segments.reduce((sum, segment) => sum + segment.bytes, 0),
      endReason: "client-closed",
      durationUs: manifest?.durationUs,
    });
    expect(errors).toEqual([]);
  });

  it("is text that says what was on the screen", async () => {
    const shown = await text((await exporter.export(session, "txt")).body);
    expect(shown).toMatch(/^welcome\n\$ ls -l\n\u20ac\ufffd\ufffd\n/);
    expect(shown.match(/line \d+ \u00e4\n/g)).toHaveLength(400);
    expect(shown).toMatch(/exit\n$/);
    expect(await text((await exporter.export(session, "txt", "terminal-1")).body)).toContain("oops\n");
  });

  it("is an asciicast that asciinema plays", async () => {
    const file = join(directory, "x.cast");
    await writeFile(file, await buffer((await exporter.export(session, "cast")).body));
    // asciinema wants a terminal; `script` gives it one and keeps what it wrote there.
    const typescript = join(directory, "typescript");
    execFileSync("script", ["-q", "-e", "-c", `asciinema cat ${file}`, typescript], {
      stdio: "ignore",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    const played = await readFile(typescript, "utf8");
    expect(played).toContain("welcome");
    for (let i = 0; i < 400; i++) expect(played).toContain(`line ${i} \u00e4\r`);
  });

  it("has all its events in one stream, in time order", async () => {
    const lines = (await text((await exporter.export(session, "jsonl")).body))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const times = lines.slice(1).map((line) => line.t);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const index = await reader.index(session);
    expect(times).toHaveLength(index.segments.reduce((sum, segment) => sum + segment.events, 0));
  });

  it("leaves as a file that sha256sum and openssl verify", async () => {
    const file = join(directory, "x.zip");
    await writeFile(file, await buffer((await exporter.export(session, "zip")).body));
    execFileSync("python3", ["-m", "zipfile", "-e", file, directory]);
    const cwd = join(directory, session);
    expect(execFileSync("sha256sum", ["--strict", "-c", "SHA256SUMS"], { cwd, encoding: "utf8" })).not.toContain(
      "FAILED",
    );
    const { keyId } = (await reader.open(session)).recorder;
    for (const name of ["open.json", "manifest.json"]) {
      const said = execFileSync(
        "openssl",
        [
          "pkeyutl",
          "-verify",
          "-pubin",
          "-inkey",
          `keys/${keyId}.pub.pem`,
          "-rawin",
          "-in",
          name,
          "-sigfile",
          `${name}.sig`,
        ],
        { cwd, encoding: "utf8" },
      );
      expect(said).toContain("Signature Verified Successfully");
    }
  });
});

it("verifies also when many channels are interleaved", async () => {
  const session = await recorder.open(facts);
  for (let channel = 0; channel < 6; channel++) {
    session.append({ type: "channel-open", channel, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
  }
  for (let i = 0; i < 1500; i++) {
    const channel = (i * 7) % 6;
    session.append(
      i % 3 === 0
        ? { type: "input", channel, data: bytes(String.fromCharCode(97 + (i % 26))) }
        : output(channel, bytes(`${i} `)),
    );
    if (i % 200 === 0) await session.durable();
  }
  for (let channel = 0; channel < 6; channel++) session.append({ type: "channel-close", channel });
  await session.close("client-closed");
  await waitFor(() => stored.includes(session.session), { what: "the upload" });
  const report = await verifier.verify(session.session);
  expect([report.verdict, report.findings]).toEqual(["VALID", []]);
});
