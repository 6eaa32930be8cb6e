// Sessions recorded by the real recorder into a store, with their ledger, and retention around them with a clock of the test's.
import { sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryTypeOf } from "../../../recorder/catalog/audit-actions.ts";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { Ledger } from "../../../recorder/ledger/ledger.ts";
import { RecordingWitness } from "../../../recorder/ledger/recording-witness.ts";
import { uploadCheckpoint } from "../../../recorder/ledger/store-copy.ts";
import { createRecorder } from "../../../recorder/record/create-recorder.ts";
import type { OpenFacts, Recorder, SessionRecorder } from "../../../recorder/record/recorder.ts";
import { loadOrCreateSigningKey, Signer } from "../../../recorder/record/signing.ts";
import { Retention, type RetentionSettings } from "../../../recorder/retention/retention.ts";
import type { WitnessedRecording } from "../../../recorder/retention/witnessed.ts";
import { recordingPrefix } from "../../../recorder/store/keys.ts";
import type { ObjectStore } from "../../../recorder/store/object-store.ts";
import type { ObjectVersion } from "../../../recorder/store/retention-store.ts";
import { makeAttestation } from "../../../recorder/verify/attest/make-attestation.ts";
import { type EvidenceOptions, readWitnesses, verifyEvidence } from "../../../recorder/verify/verify-evidence.ts";
import type { Attestation } from "../../../shared/evidence/attestation.ts";
import type { EvidenceReport } from "../../../shared/evidence/verdict.ts";
import type { NewLedgerEntry } from "../../../shared/ledger/entry.ts";
import { ed25519KeyOf } from "../../../shared/ledger/key-history.ts";
import { Policy } from "../../../shared/policy/policy.ts";
import { waitFor } from "../../support/wait-for.ts";

const dayMs = 86_400_000;

export interface KeptSessions {
  retention: Retention;
  recorder: Recorder;
  database: ServiceDatabase;
  store: ObjectStore;
  /** What the ledger was told. */
  told: NewLedgerEntry[];
  alarms: Map<string, string>;
  /** So many days ahead, for retention. */
  days: number;
  /** What the ledger says; it begins with knowing nothing. */
  witnessed(session: string): WitnessedRecording;
  open(retentionDays?: number): Promise<{ writer: SessionRecorder; session: string }>;
  /** A recorded session, in the store with its locks. */
  record(retentionDays?: number): Promise<string>;
  stored(session: string): Promise<void>;
  versions(session: string): Promise<ObjectVersion[]>;
  verdict(session: string): Promise<string>;
  /** The service stands still, and starts again that much later. */
  startedAgain(days: number): Promise<void>;
  /** What `conduit verify --all` says of the store alone, as of this day, with the ledger as it is now. */
  verified(): Promise<EvidenceReport>;
  /** What `conduit attest` says of all recordings, by the same. */
  attested(): Promise<Attestation>;
  close(): Promise<void>;
}

const facts: OpenFacts = {
  protocol: "ssh",
  person: { name: "jane", roles: ["vendor"], authMethod: "publickey" },
  client: { address: "192.0.2.1", port: 50000, software: "SSH-2.0-test" },
  target: { name: "plc-1", conduit: "c", address: "192.0.2.10:22", account: "service", hostKey: "SHA256:x", tags: [] },
  request: null,
  policy: { hash: "0".repeat(64), rule: "r", reason: "allowed-by-rule" },
  recording: { durability: "strict", failureMode: "strict", sealRecipients: [] },
  limits: { maxSessionSeconds: 4 * 3600, maxRecordedBytes: 1024 ** 3 },
  retentionDays: 90,
};

export async function keptSessions(
  store: ObjectStore,
  settings: Partial<RetentionSettings> = {},
  recorderId = "r1",
): Promise<KeptSessions> {
  const directory = await mkdtemp(join(tmpdir(), "conduit-retention-"));
  const database = await openDatabase(join(directory, "test.db"));
  const told: NewLedgerEntry[] = [];
  const alarms = new Map<string, string>();
  const startedAt = new Map<string, string>();
  const inStore = new Set<string>();
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  const policy = Policy.parse({ version: 1, retention: [{ targets: ["x"], days: 365 }] });
  const made: { recorder?: Recorder } = {};
  const kept = {
    days: 0,
    witnessed: (_session: string): WitnessedRecording => ({ recorded: false, retainUntil: null, cases: [] }),
  };
  const retention = new Retention({
    settings: {
      onDrift: "repair",
      lifecycle: true,
      ledgerYears: 7,
      sweepEverySeconds: 3600,
      probe: "daily",
      ...settings,
    },
    store,
    db: database.retention,
    ledger: { append: (entry) => tell(entry) },
    recorder: recorderId,
    witnessed: async (session) => kept.witnessed(session),
    audit: {
      append: ({ actor, action, subject, details }) =>
        tell({ type: entryTypeOf(action), actor, subject, facts: { action, details } }),
    },
    policy: () => policy,
    isPending: (session) => made.recorder?.pending(session) ?? false,
    find: async (session) => {
      const at = startedAt.get(session);
      return at === undefined ? null : { startedAt: at };
    },
    expired: async () => {},
    alarms: {
      raise: (code, message) => void alarms.set(code, message),
      clear: (code) => void alarms.delete(code),
    },
    logger,
    now: () => Date.now() + kept.days * dayMs,
  });
  const signing = await loadOrCreateSigningKey(join(directory, "signing.pem"));
  const { publicKeyPem } = new Signer(signing);
  const publicKey = ed25519KeyOf(publicKeyPem)?.publicKey ?? new Uint8Array();
  const ledger = await Ledger.open({
    directory: join(directory, "ledger"),
    recorderId,
    signer: { publicKey, sign: (bytes) => sign(null, bytes, signing.privateKeyPem) },
    now: () => Date.now() + kept.days * dayMs,
  });
  const tell = async (entry: NewLedgerEntry) => {
    told.push(entry);
    await ledger.append(entry);
  };
  await retention.start();
  const recorder = createRecorder({
    directory: join(directory, "spool"),
    store,
    signing,
    recorderId,
    version: "0",
    limits: {
      segmentMaxSeconds: 1,
      segmentMaxBytes: 4096,
      journalFileBytes: 1024 * 1024,
      spoolFloorBytes: 0,
      uploadRetryMinMs: 50,
      uploadRetryMaxMs: 500,
    },
    logger,
    retention: retention.locks,
    ledger: new RecordingWitness({
      append: (entry) => ledger.append(entry),
      entriesOf: (session) => ledger.entriesOf(session),
    }),
    events: {
      opened: (open) => void startedAt.set(open.session, open.startedAt),
      segment: () => {},
      sealed: () => {},
      stored: (session) => void inStore.add(session),
      alarm: (code, message) => void alarms.set(code, message),
      clear: (code) => void alarms.delete(code),
    },
  });
  made.recorder = recorder;
  await recorder.recover();
  const verifier = new RecordingVerifier({
    store,
    trustedKeys: () => new Map([[signing.keyId, publicKeyPem]]),
  });
  let uploaded = 0;
  const sources = async (): Promise<Pick<EvidenceOptions, "store" | "root" | "given" | "anchors">> => {
    const checkpoint = await ledger.checkpoint();
    await uploadCheckpoint(ledger, store, recorderId, uploaded, checkpoint, AbortSignal.timeout(60_000));
    uploaded = checkpoint.size;
    return { store, root: null, given: new Map([[signing.keyId, publicKeyPem]]), anchors: null };
  };
  const open: KeptSessions["open"] = async (retentionDays = 90) => {
    const writer = await recorder.open({ ...facts, retentionDays });
    writer.append({ type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
    writer.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from("hello\r\n".repeat(900)) });
    await writer.durable();
    return { writer, session: writer.session };
  };
  const stored = async (session: string) => {
    await waitFor(() => inStore.has(session), { what: `${session} in the store`, timeoutMs: 30_000 });
  };
  return Object.assign(kept, {
    retention,
    recorder,
    database,
    store,
    told,
    alarms,
    open,
    stored,
    record: async (retentionDays?: number) => {
      const { writer, session } = await open(retentionDays);
      await writer.close("client-closed");
      await stored(session);
      return session;
    },
    versions: async (session: string) => {
      const all: ObjectVersion[] = [];
      const prefix = recordingPrefix(startedAt.get(session) ?? "", session);
      for await (const version of store.retention.versions(prefix)) all.push(version);
      return all;
    },
    verdict: async (session: string) => (await verifier.verify(session)).verdict,
    startedAgain: async (days: number) => {
      await ledger.append({ type: "recorder-stop", actor: "recorder", subject: recorderId, facts: {} });
      kept.days = days;
      await ledger.append({ type: "recorder-start", actor: "recorder", subject: recorderId, facts: {} });
    },
    verified: async () => {
      const how = { threads: null, scope: { kind: "all" }, contents: false, locks: true, name: "test" } as const;
      const nowMs = Date.now() + kept.days * dayMs;
      return (await verifyEvidence({ ...(await sources()), ...how, now: () => nowMs })).report;
    },
    attested: async () => {
      const witnesses = await readWitnesses(await sources());
      const nowMs = Date.now() + kept.days * dayMs;
      const by = { recorder: recorderId, version: "0", storeName: "test", policy: null, keyId: null, nowMs };
      return makeAttestation({ ...witnesses, ...by, store, fromMs: nowMs - 400 * dayMs, toMs: nowMs });
    },
    close: async () => {
      await retention.close();
      await recorder.stop();
      await ledger.close();
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  });
}
