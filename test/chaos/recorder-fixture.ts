// A recorder of one test's own: its directories, the facts of its sessions, and what it told on the way.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRecorder } from "../../recorder/record/create-recorder.ts";
import type { RecorderLimits } from "../../recorder/record/options.ts";
import type { OpenFacts, Recorder, SessionRecorder } from "../../recorder/record/recorder.ts";
import { loadOrCreateSigningKey } from "../../recorder/record/signing.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import { encryptionIn } from "../support/encryption.ts";

export interface Told {
  stored: string[];
  sealed: Manifest[];
  /** Codes of alarms in force. */
  alarms: Set<string>;
  /** Every alarm and clearing in order: `+CODE`, `-CODE`. */
  history: string[];
  messages: string[];
}

export interface RecorderUnderTest {
  recorder: Recorder;
  told: Told;
}

export interface Directories {
  base: string;
  spool: string;
  store: string;
  keys: string;
  remove(): void;
}

export function makeDirectories(): Directories {
  const base = mkdtempSync(path.join(tmpdir(), "chaos-"));
  const keys = path.join(base, "keys");
  mkdirSync(keys, { mode: 0o700 });
  return {
    base,
    keys,
    spool: path.join(base, "spool"),
    store: path.join(base, "store"),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Small and quick, so that a test sees many segments and many retries within seconds. */
export const quickLimits: Partial<RecorderLimits> = {
  segmentMaxSeconds: 1,
  segmentMaxBytes: 16 * 1024,
  floodSegmentBytes: 16 * 1024,
  bulkSegmentBytes: 16 * 1024,
  journalFileBytes: 1024 * 1024,
  spoolFloorBytes: 0,
  uploadRetryMinMs: 20,
  uploadRetryMaxMs: 200,
};

export async function makeRecorder(
  directories: Directories,
  store: ObjectStore,
  limits: Partial<RecorderLimits> = {},
): Promise<RecorderUnderTest> {
  const told: Told = { stored: [], sealed: [], alarms: new Set(), history: [], messages: [] };
  const encryption = encryptionIn(directories.base);
  const recorder = createRecorder({
    directory: directories.spool,
    store,
    ...(encryption === null ? {} : { encryption }),
    signing: await loadOrCreateSigningKey(path.join(directories.keys, "signing.pem")),
    recorderId: "chaos",
    version: "0.0.0-test",
    limits: { ...quickLimits, ...limits },
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    events: {
      opened: () => {},
      segment: () => {},
      sealed: (manifest) => void told.sealed.push(manifest),
      stored: (session) => void told.stored.push(session),
      alarm: (code, message) => {
        told.alarms.add(code);
        told.history.push(`+${code}`);
        told.messages.push(message);
      },
      clear: (code) => {
        told.alarms.delete(code);
        told.history.push(`-${code}`);
      },
    },
  });
  return { recorder, told };
}

export function openFacts(failureMode: "strict" | "best_effort" = "strict"): OpenFacts {
  return {
    protocol: "ssh",
    person: { name: "erika", roles: ["vendor"], authMethod: "publickey" },
    client: { address: "127.0.0.1", port: 40_000, software: "SSH-2.0-OpenSSH_9.2p1" },
    target: {
      name: "plc-1",
      conduit: "line-1",
      address: "127.0.0.1:22",
      account: "engineer",
      hostKey: "SHA256:test",
      tags: [],
    },
    request: null,
    policy: { hash: "0".repeat(64), rule: "test", reason: "a test" },
    recording: { durability: "strict", failureMode, sealRecipients: [] },
    limits: { maxSessionSeconds: 3600, maxRecordedBytes: 1024 ** 3 },
    retentionDays: 90,
  };
}

/** One exec channel whose bytes the test knows: what was acknowledged must come back, in order, once. */
export class KnownSession {
  readonly recorder: SessionRecorder;
  readonly channel = 0;
  /** Everything appended; and how much of it `durable()` had acknowledged. */
  readonly output: Buffer[] = [];
  readonly input: Buffer[] = [];
  durableOutputBytes = 0;
  durableInputBytes = 0;
  #outputBytes = 0;
  #inputBytes = 0;

  constructor(recorder: SessionRecorder) {
    this.recorder = recorder;
    recorder.append({ type: "channel-open", channel: 0, request: "exec", command: "known" });
  }

  get id(): string {
    return this.recorder.session;
  }

  async step(output: Buffer, input: Buffer): Promise<void> {
    this.output.push(output);
    this.#outputBytes += output.length;
    if (!this.recorder.append({ type: "output", channel: 0, stream: "stdout", data: output })) {
      await this.recorder.drained();
    }
    this.input.push(input);
    this.#inputBytes += input.length;
    this.recorder.append({ type: "input", channel: 0, data: input });
    const [outputBytes, inputBytes] = [this.#outputBytes, this.#inputBytes];
    await this.recorder.durable();
    this.durableOutputBytes = outputBytes;
    this.durableInputBytes = inputBytes;
  }

  /** Ends as a session ends. */
  async close(): Promise<Manifest> {
    this.recorder.append({ type: "exit", channel: 0, status: 0 });
    this.recorder.append({ type: "channel-close", channel: 0 });
    return this.recorder.close("client-closed");
  }
}
