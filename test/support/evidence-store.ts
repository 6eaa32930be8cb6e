// A store with recordings, a ledger over them and a history of keys, written as the service writes them, with every time
// given by the test: what verification, attestation and their tamper tests are run against.
import { createHash, createPublicKey, sign } from "node:crypto";
import { keyHistoryKey, ledgerCheckpointKey, ledgerEntriesKey, publicKeyKey } from "../../recorder/store/keys.ts";
import { type EvidenceOptions, verifyEvidence } from "../../recorder/verify/verify-evidence.ts";
import type { EvidenceReport } from "../../shared/evidence/verdict.ts";
import { checkpointBody, ledgerOrigin, signedNote } from "../../shared/ledger/checkpoint.ts";
import { entryTime, formatEntry, genesisPrevious, type NewLedgerEntry } from "../../shared/ledger/entry.ts";
import { ed25519KeyOf, type HistoryKey, KEY_HISTORY_FORMAT } from "../../shared/ledger/key-history.ts";
import { leafHash, MerkleTree } from "../../shared/ledger/merkle.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { MemoryStore } from "./memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder, type SigningKey } from "./recording-builder.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array) => sha256(bytes).toString("hex");
const minuteMs = 60_000;

export interface StoredSession {
  session: string;
  prefix: string;
  built: BuiltRecording;
}

export class EvidenceStore {
  readonly recorder: string;
  readonly store = new MemoryStore();
  readonly root: SigningKey;
  key: SigningKey;
  nowMs: number;
  /** Every checkpoint, as an anchor outside would have it. */
  readonly notes: string[] = [];
  readonly sessions: StoredSession[] = [];
  readonly #history: HistoryKey[] = [];
  #versions = 0;
  #previousVersion: string | null = null;
  #tree = new MerkleTree(sha256);
  #previous = genesisPrevious;
  #pending: string[] = [];
  #uploaded = 0;
  #sequence = 0;

  constructor(startedAt = "2026-11-02T08:00:00.000Z", recorder = "recorder-1") {
    this.recorder = recorder;
    this.nowMs = Date.parse(startedAt);
    this.root = makeSigningKey();
    this.key = makeSigningKey();
    this.#newKey();
    this.append({ type: "ledger-start", actor: "recorder", subject: this.recorder, facts: {} });
    this.append({ type: "recorder-start", actor: "recorder", subject: this.recorder, facts: {} });
  }

  get rootPublic() {
    return createPublicKey(this.root.publicKeyPem);
  }

  get size(): number {
    return this.#tree.size;
  }

  append(entry: NewLedgerEntry): number {
    const n = this.#tree.size;
    const line = formatEntry({ n, at: entryTime(this.nowMs), prev: this.#previous, ...entry });
    const bytes = Buffer.from(line);
    this.#tree.append(leafHash(bytes, sha256));
    this.#previous = hex(bytes);
    this.#pending.push(line);
    return n;
  }

  /** The whole ledger is gone, and another one begins with the same key. */
  beginLedgerAnew(facts: Record<string, unknown> = {}): void {
    for (const key of this.keys(`ledger/${this.recorder}/`)) this.store.objects.delete(key);
    this.#tree = new MerkleTree(sha256);
    this.#previous = genesisPrevious;
    this.#pending = [];
    this.#uploaded = 0;
    this.append({ type: "ledger-start", actor: "recorder", subject: this.recorder, facts });
    this.append({ type: "recorder-start", actor: "recorder", subject: this.recorder, facts: {} });
  }

  /** As every few minutes: lines since the last one, and a signed note over all. */
  checkpoint(): string {
    if (this.#pending.length === 0)
      this.append({ type: "heartbeat", actor: "recorder", subject: this.recorder, facts: {} });
    this.put(
      ledgerEntriesKey(this.recorder, this.#uploaded),
      Buffer.from(this.#pending.map((line) => `${line}\n`).join("")),
    );
    this.#uploaded = this.#tree.size;
    this.#pending = [];
    const note = this.note(this.#tree.root(), this.#tree.size);
    this.put(ledgerCheckpointKey(this.recorder, this.#tree.size), Buffer.from(note));
    this.notes.push(note);
    return note;
  }

  /** Signed with the present key, whatever it says. */
  note(root: Uint8Array, size: number, key = this.key): string {
    const origin = ledgerOrigin(this.recorder);
    const body = checkpointBody({ origin, size, root, at: entryTime(this.nowMs) });
    const publicKey = ed25519KeyOf(key.publicKeyPem)?.publicKey ?? new Uint8Array();
    return signedNote(body, { name: origin, publicKey }, sign(null, Buffer.from(body), key.privateKey), sha256);
  }

  /** Time goes by, with a checkpoint every five minutes at most. */
  pass(minutes: number): void {
    for (let left = minutes; left > 0; left -= 5) {
      this.nowMs += Math.min(5, left) * minuteMs;
      this.checkpoint();
    }
  }

  /** The service was away: nothing is signed, and it says when it is back. */
  away(days: number): void {
    this.append({ type: "recorder-stop", actor: "recorder", subject: this.recorder, facts: {} });
    this.checkpoint();
    this.nowMs += days * 24 * 60 * minuteMs;
    this.append({ type: "recorder-start", actor: "recorder", subject: this.recorder, facts: {} });
    this.checkpoint();
  }

  async session(
    options: { person?: string; seconds?: number; stored?: boolean; isLive?: boolean } = {},
  ): Promise<StoredSession> {
    const { person = "jane", seconds = 3, stored = true, isLive = false } = options;
    const startedAt = new Date(this.nowMs).toISOString().replace("Z", "000Z");
    const seed = this.nextSequence();
    const builder = new RecordingBuilder({ person, target: "plc-reactor-01", startedAt, seed }, this.key);
    builder.event({ t: 0, type: "session-open", facts: {} });
    builder.channel(0, { request: "shell", pty: true });
    for (let second = 1; second <= seconds; second++)
      await builder.output(0, second * 1_000_000, `line ${second} of ${seed}\r\n`);
    if (isLive) return this.#live(builder.snapshot());
    return this.keep(builder.finish(), seconds, stored);
  }

  /** The number that the next recording has to have. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  /** A recording that is whole, with its entries. */
  keep(built: BuiltRecording, seconds: number, stored = true): StoredSession {
    const session = built.index.session;
    const seed = built.summary.sequence;
    this.#opened(built);
    this.nowMs += seconds * 1000;
    const prefix = this.store.addRecording(built);
    if (!stored)
      for (const key of this.store.objects.keys()) if (key.startsWith(prefix)) this.store.objects.delete(key);
    const bytes = this.store.objects.get(`${prefix}SHA256SUMS`);
    const manifestBytes = built.objects.get("manifest.json") ?? Buffer.alloc(0);
    const manifest = Manifest.parse(JSON.parse(manifestBytes.toString()));
    const sums = bytes ?? Buffer.from([...built.objects].map(([name, body]) => `${hex(body)}  ${name}\n`).join(""));
    this.append({
      type: "recording-close",
      actor: "recorder",
      subject: session,
      facts: {
        sequence: seed,
        openSha256: manifest.openSha256,
        manifestSha256: hex(manifestBytes),
        sumsSha256: hex(sums),
        state: manifest.state,
        endReason: manifest.endReason,
        endedAt: manifest.endedAt,
        segments: manifest.segments.length,
        bytes: manifest.segments.reduce((sum, segment) => sum + segment.bytes, 0),
        lastLink: manifest.segments.at(-1)?.link ?? manifest.openSha256,
        gaps: manifest.gaps.length,
        retainUntil: manifest.retainUntil,
      },
    });
    if (stored) this.append({ type: "recording-stored", actor: "recorder", subject: session, facts: {} });
    const one = { session, prefix, built };
    this.sessions.push(one);
    return one;
  }

  #live(built: BuiltRecording): StoredSession {
    this.#opened(built);
    const prefix = this.store.addRecording(built);
    this.store.objects.delete(`${prefix}SHA256SUMS`);
    const one = { session: built.index.session, prefix, built };
    this.sessions.push(one);
    return one;
  }

  #opened(built: BuiltRecording): void {
    const bytes = built.objects.get("open.json") ?? Buffer.alloc(0);
    const open = OpenRecord.parse(JSON.parse(bytes.toString()));
    this.append({
      type: "recording-open",
      actor: "recorder",
      subject: open.session,
      facts: {
        sequence: open.recorder.sequence,
        openSha256: hex(bytes),
        startedAt: open.startedAt,
        keyId: open.recorder.keyId,
        person: open.person.name,
        target: open.target.name,
        protocol: open.protocol,
        recorded: "full",
        retentionDays: open.retentionDays,
      },
    });
  }

  /** As the sweeper does it. */
  expire({ session, prefix }: StoredSession, bytes = 1): void {
    const manifestBytes = this.store.objects.get(`${prefix}manifest.json`) ?? Buffer.alloc(0);
    const { retainUntil } = Manifest.parse(JSON.parse(Buffer.from(manifestBytes).toString()));
    const keys = [...this.store.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const list = keys.map((key) => `${key}\t-\t${this.store.objects.get(key)?.length ?? 0}\n`).join("");
    for (const key of keys) this.store.objects.delete(key);
    this.append({
      type: "expired",
      actor: "recorder",
      subject: session,
      facts: {
        manifestSha256: hex(manifestBytes),
        objects: keys.length,
        versions: keys.length,
        bytes,
        retainUntil,
        proof: hex(Buffer.from(list)),
        by: "sweeper",
      },
    });
  }

  hold({ session }: StoredSession, id = "hold-1"): void {
    this.append({
      type: "hold",
      actor: "ines",
      subject: session,
      facts: { action: "hold.place", details: { hold: id, caseId: "CASE-7", reason: "incident" } },
    });
  }

  release({ session }: StoredSession, id = "hold-1"): void {
    this.append({
      type: "hold-release-asked",
      actor: "ines",
      subject: session,
      facts: { action: "hold.release-ask", details: { hold: id, caseId: "CASE-7", reason: "closed" } },
    });
    this.append({
      type: "hold-release",
      actor: "otto",
      subject: session,
      facts: { action: "hold.release", details: { hold: id, caseId: "CASE-7" } },
    });
  }

  /** A new signing key; the one before retires. */
  rotate(): void {
    const before = this.#history.at(-1);
    if (before !== undefined) Object.assign(before, { state: "retired", to: new Date(this.nowMs).toISOString() });
    this.key = makeSigningKey();
    this.#newKey();
    this.append({ type: "key-rotated", actor: "recorder", subject: this.key.keyId, facts: {} });
  }

  #newKey(): void {
    const { keyId, publicKeyPem } = this.key;
    this.#history.push({
      keyId,
      publicKeyPem,
      use: "recorder",
      state: "active",
      from: new Date(this.nowMs).toISOString(),
    });
    this.put(publicKeyKey(keyId), Buffer.from(publicKeyPem));
    const history = {
      format: KEY_HISTORY_FORMAT,
      number: ++this.#versions,
      previousSha256: this.#previousVersion,
      at: new Date(this.nowMs).toISOString(),
      recorder: this.recorder,
      root: { keyId: this.root.keyId, publicKeyPem: this.root.publicKeyPem },
      keys: this.#history,
    };
    const bytes = Buffer.from(JSON.stringify(history));
    this.#previousVersion = hex(bytes);
    this.put(keyHistoryKey(this.#versions), bytes);
    this.put(`${keyHistoryKey(this.#versions)}.sig`, sign(null, bytes, this.root.privateKey));
  }

  put(key: string, bytes: Uint8Array): void {
    this.store.objects.set(key, bytes);
  }

  bytes(key: string): Buffer {
    const bytes = this.store.objects.get(key);
    if (bytes === undefined) throw new Error(`no object ${key}`);
    return Buffer.from(bytes);
  }

  keys(prefix: string): string[] {
    return [...this.store.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}

/** All of it, from the store alone; what is given takes the place of that. */
export async function verifyPlant(
  plant: EvidenceStore,
  options: Partial<EvidenceOptions> = {},
): Promise<EvidenceReport> {
  const { report } = await verifyEvidence({
    store: plant.store,
    threads: null,
    root: plant.rootPublic,
    given: new Map(),
    scope: { kind: "all" },
    anchors: null,
    contents: false,
    locks: false,
    now: () => plant.nowMs,
    name: "memory",
    ...options,
  });
  return report;
}
