// A recorder in a directory of its own, and readers of what it stored that share no code with its writer but the codec
// and the published parsers.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionEncryption } from "../../../recorder/encryption/recording-encryption.ts";
import { createRecorder } from "../../../recorder/record/create-recorder.ts";
import type { RecorderClock, RecorderLimits } from "../../../recorder/record/options.ts";
import type { OpenFacts, Recorder } from "../../../recorder/record/recorder.ts";
import { loadOrCreateSigningKey } from "../../../recorder/record/signing.ts";
import { decompressSegment } from "../../../recorder/store/codec.ts";
import { EventsLine, FilesLine, InputLine } from "../../../shared/events/stored.ts";
import { Manifest, type SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { parseJsonSegment, parseTerminalSegment, type TerminalEvent } from "../../../shared/segment/parse.ts";
import { KeptStore } from "./kept-store.ts";

export interface Told {
  opened: string[];
  segments: Array<{ session: string; meta: SegmentMeta }>;
  sealed: Manifest[];
  stored: string[];
  alarms: Array<{ code: string; message: string; facts: Record<string, unknown> }>;
  cleared: string[];
}

export interface UnderTest {
  recorder: Recorder;
  store: KeptStore;
  told: Told;
  directory: string;
  base: string;
  /** Stops the recorder; the directories stay. */
  stop(): Promise<void>;
}

export const quick: Partial<RecorderLimits> = {
  journalFileBytes: 2 * 1024 * 1024,
  spoolFloorBytes: 0,
  uploadRetryMinMs: 10,
  uploadRetryMaxMs: 50,
  tickMs: 50,
};

const made: string[] = [];

export function makeBase(): string {
  const base = mkdtempSync(join(tmpdir(), "conduit-recorder-"));
  made.push(base);
  return base;
}

export function removeBases(): void {
  for (const base of made.splice(0)) rmSync(base, { recursive: true, force: true });
}

export async function startRecorder(
  limits: Partial<RecorderLimits> = {},
  more: { base?: string; store?: KeptStore; clock?: RecorderClock; encryption?: SessionEncryption } = {},
): Promise<UnderTest> {
  const base = more.base ?? makeBase();
  const store = more.store ?? new KeptStore();
  const told: Told = { opened: [], segments: [], sealed: [], stored: [], alarms: [], cleared: [] };
  const directory = join(base, "spool");
  const recorder = createRecorder({
    directory,
    store,
    signing: await loadOrCreateSigningKey(join(base, "signing.pem")),
    recorderId: "recorder-1",
    version: "0.0.0-test",
    limits: { ...quick, ...limits },
    ...(more.clock ? { clock: more.clock } : {}),
    ...(more.encryption ? { encryption: more.encryption } : {}),
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    events: {
      opened: (open) => void told.opened.push(open.session),
      segment: (session, meta) => void told.segments.push({ session, meta }),
      sealed: (manifest) => void told.sealed.push(manifest),
      stored: (session) => void told.stored.push(session),
      alarm: (code, message, facts) => void told.alarms.push({ code, message, facts }),
      clear: (code) => void told.cleared.push(code),
    },
  });
  await recorder.recover();
  return { recorder, store, told, directory, base, stop: () => recorder.stop() };
}

export function facts(recording: Partial<OpenFacts["recording"]> = {}): OpenFacts {
  return {
    protocol: "ssh",
    person: { name: "erika", roles: ["vendor"], authMethod: "publickey" },
    client: { address: "127.0.0.1", port: 50_000, software: "SSH-2.0-test" },
    target: { name: "plc-1", conduit: "line-1", address: "127.0.0.1:22", account: "op", hostKey: "SHA256:x", tags: [] },
    request: null,
    policy: { hash: "0".repeat(64), rule: "test", reason: "rule" },
    recording: { durability: "strict", failureMode: "strict", sealRecipients: [], ...recording },
    limits: { maxSessionSeconds: 3600, maxRecordedBytes: 1024 ** 3 },
    retentionDays: 90,
  };
}

export interface StoredRecording {
  manifest: Manifest;
  names: string[];
  text(name: string): string;
  terminal(channel: number): { events: TerminalEvent[]; pty: boolean; keyframes: string[] };
  output(channel: number, stream: "stdout" | "stderr"): Buffer;
  input(): InputLine[];
  inputBytes(channel: number): Buffer;
  files(): FilesLine[];
  events(): EventsLine[];
}

/** Exact bytes of a channel, as docs/recording-format.md says they are read. */
function exactBytes(events: TerminalEvent[], pty: boolean, stream: "stdout" | "stderr"): Buffer {
  const code = stream === "stdout" ? "o" : "e";
  const parts: Buffer[] = [];
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as TerminalEvent;
    if (event.code === code) parts.push(Buffer.from(event.data));
    if (event.code !== `${code}b`) continue;
    parts.push(Buffer.from(event.data, "base64"));
    if (pty) i++;
  }
  return Buffer.concat(parts);
}

export function readRecording(
  store: KeptStore,
  session: string,
  opened: (meta: SegmentMeta, stored: Uint8Array) => Uint8Array = (_meta, stored) => stored,
): StoredRecording {
  const objects = store.recording(session);
  const get = (name: string): Buffer => {
    const bytes = objects.get(name);
    if (!bytes) throw new Error(`the store has no ${name} of ${session}`);
    return bytes;
  };
  const manifest = Manifest.parse(JSON.parse(get("manifest.json").toString()));
  const of = (track: string) => manifest.segments.filter((meta) => meta.track === track);
  const raw = (name: string): Uint8Array => {
    const meta = manifest.segments.find((segment) => segment.name === name);
    const stored = get(name);
    return decompressSegment(meta ? opened(meta, stored) : stored, meta?.codec ?? "zstd");
  };
  const text = (name: string): string => Buffer.from(raw(name)).toString("utf8");
  const terminal = (channel: number) => {
    const segments = of(`terminal-${channel}`).map((meta) => parseTerminalSegment(raw(meta.name)));
    return {
      events: segments.flatMap((segment) => segment.events),
      pty: segments[0]?.header.pty === true,
      keyframes: segments.map((segment) => segment.keyframe),
    };
  };
  const input = () => of("input").flatMap((meta) => parseJsonSegment(raw(meta.name), InputLine).lines);
  return {
    manifest,
    names: [...objects.keys()],
    text,
    terminal,
    output: (channel, stream) => {
      const { events, pty } = terminal(channel);
      return exactBytes(events, pty, stream);
    },
    input,
    inputBytes: (channel) =>
      Buffer.concat(
        input()
          .filter((line) => line.ch === channel)
          .map((line) => Buffer.from(line.d ?? "", line.enc ?? "utf8")),
      ),
    files: () => of("files").flatMap((meta) => parseJsonSegment(text(meta.name), FilesLine).lines),
    events: () => of("events").flatMap((meta) => parseJsonSegment(text(meta.name), EventsLine).lines),
  };
}
