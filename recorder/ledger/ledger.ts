// The ledger: the append-only witness of everything that happens to recordings. Fed by the recorder, the audit log, access
// and retention. Invariant: an entry that `append` resolved for is durable, linked to the one before, and a leaf of every
// later checkpoint; nothing here changes or removes one.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import { toHex } from "../../shared/ledger/bytes.ts";
import {
  checkpointBody,
  ledgerOrigin,
  type NoteKey,
  parseCheckpoint,
  signedNote,
  verifyNote,
} from "../../shared/ledger/checkpoint.ts";
import {
  entryTime,
  formatEntry,
  genesisPrevious,
  type LedgerEntry,
  type NewLedgerEntry,
  parseEntry,
} from "../../shared/ledger/entry.ts";
import { leafHash, MerkleTree } from "../../shared/ledger/merkle.ts";
import type { Appended, InclusionProof, LedgerCheckpoint, LedgerLine, WritableLedger } from "./contract.ts";
import { type LedgerSnapshot, readState, removeState, writeState } from "./ledger-state.ts";
import { LineFiles, type SetAside } from "./line-files.ts";
import { nodeNoteCrypto, sha256, sha256Hex } from "./node-crypto.ts";

/** Signs with the recorder's key. */
export interface LedgerSigner {
  /** The 32 bytes of Ed25519. */
  publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}

export interface LocalLedgerOptions {
  /** Of this recorder's ledger; made when it is not there. One process at a time. */
  directory: string;
  recorderId: string;
  /** Null: it is only read, also while another process writes it. */
  signer: LedgerSigner | null;
  now?: () => number;
  /** A new file begins where one has so many bytes. */
  maxFileBytes?: number;
  /** By whom its checkpoints may be signed: what is stored of its tree is believed under one of these. Left out: never. */
  keys?: readonly NoteKey[];
  /** What its owner gathers from the entries, kept where a start does not read them all. */
  gathered?: { get(): unknown; restore(value: unknown): void };
  /** Told of each entry: of those that are read when it is opened, and of every later one once it is durable. */
  onEntry?(entry: LedgerEntry): void;
}

interface Waiting {
  entry: NewLedgerEntry;
  resolve(answer: Appended): void;
  reject(error: unknown): void;
}

/** Entries of one write. */
const maxBatch = 500;
const nobody: readonly number[] = [];

export class Ledger implements WritableLedger {
  readonly directory: string;
  readonly origin: string;
  readonly #options: LocalLedgerOptions;
  readonly #now: () => number;
  #tree = new MerkleTree(sha256);
  #ofSession = new Map<string, number[]>();
  /** Sizes of all checkpoints, ascending; the note of the k-th is line k of its file. */
  #checkpointSizes: number[] = [];
  #lines: LineFiles | null = null;
  #notes: LineFiles | null = null;
  #previous = genesisPrevious;
  #lastCheckpoint: LedgerCheckpoint | null = null;
  readonly #waiting: Waiting[] = [];
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #checkpointing: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** What a crash left half written at the last opening. */
  setAside: SetAside | null = null;
  /** Entries that this start took from what was stored of the tree, and did not read. */
  unread = 0;
  /** Of the newest checkpoint: the hash of its last line. */
  #headAt = { size: 0, head: genesisPrevious };
  #storedSize = 0;
  #storing: Promise<void> = Promise.resolve();

  private constructor(options: LocalLedgerOptions) {
    this.#options = options;
    this.directory = options.directory;
    this.origin = ledgerOrigin(options.recorderId);
    this.#now = options.now ?? Date.now;
  }

  /** Reads what is there; INTEGRITY_LEDGER where that is not what was written. */
  static async open(options: LocalLedgerOptions): Promise<Ledger> {
    const resumed = await Ledger.#resumed(options);
    if (resumed !== null) return resumed;
    const ledger = new Ledger(options);
    try {
      await ledger.#load(null);
    } catch (error) {
      await ledger.close();
      throw error;
    }
    return ledger;
  }

  /** With what is stored of its tree; null where that is not there, or does not fit. */
  static async #resumed(options: LocalLedgerOptions): Promise<Ledger | null> {
    const { directory, recorderId, keys, signer, gathered } = options;
    const snapshot = keys === undefined || signer === null ? null : await readState(directory);
    if (snapshot === null || keys === undefined) return null;
    const ledger = new Ledger(options);
    try {
      await ledger.#load(snapshot);
      const checkpoint = await ledger.checkpointOver(snapshot.size - 1);
      const signed = checkpoint === null ? null : parseCheckpoint(checkpoint.note);
      const isSigned =
        signed?.size === snapshot.size &&
        signed.origin === ledgerOrigin(recorderId) &&
        toHex(signed.root) === ledger.root(snapshot.size) &&
        (await verifyNote(signed, keys, nodeNoteCrypto)) !== null;
      if (isSigned) {
        ledger.unread = snapshot.size;
        return ledger;
      }
    } catch (error) {
      if (!(error instanceof AppError || error instanceof RangeError)) throw error;
    }
    await ledger.close();
    gathered?.restore(null);
    return null;
  }

  /**
   * Reads every line that the start did not, beside whatever else goes on, and compares it with what was stored of the tree.
   * INTEGRITY_LEDGER where the two differ; what is stored is removed then, so that the next start reads all.
   */
  async readAgain(signal: AbortSignal): Promise<void> {
    try {
      await this.#readAgain(signal);
    } catch (error) {
      if (error instanceof AppError && error.code === "INTEGRITY_LEDGER") await removeState(this.directory);
      throw error;
    }
  }

  async #readAgain(signal: AbortSignal): Promise<void> {
    const tree = new MerkleTree(sha256);
    const seen = new Map<string, number>();
    const sizes = this.#checkpointSizes;
    let [previous, k] = [genesisPrevious, 0];
    let sinceMs = performance.now();
    for await (const { n, line } of this.#open().read(0, this.unread)) {
      const entry = parseEntry(line.toString("utf8"));
      if (entry === null || entry.n !== n || entry.prev !== previous) throw damaged(this.directory);
      previous = sha256Hex(line);
      tree.append(leafHash(line, sha256));
      for (const session of sessionsOf(entry)) {
        const at = seen.get(session) ?? 0;
        if (this.#ofSession.get(session)?.[at] !== n) throw damaged(this.directory);
        seen.set(session, at + 1);
      }
      for (; sizes[k] === n + 1; k++) if (toHex(tree.root()) !== this.root(n + 1)) throw damaged(this.directory);
      const busyMs = performance.now() - sinceMs;
      if (busyMs < busyAtOnceMs) continue;
      await sleep(restFactor * busyMs, undefined, { signal, ref: false });
      sinceMs = performance.now();
    }
    k = 0;
    for await (const { size, note } of this.checkpoints()) {
      if (size > this.unread) break;
      const signed = parseCheckpoint(note);
      if (size !== sizes[k++] || signed?.size !== size || toHex(signed.root) !== toHex(tree.root(size)))
        throw damaged(this.directory);
    }
  }

  get size(): number {
    return this.#tree.size;
  }

  get lastCheckpoint(): LedgerCheckpoint | null {
    return this.#lastCheckpoint;
  }

  /** Hex; of the first `size` entries. */
  root(size: number = this.size): string {
    return toHex(this.#tree.root(size));
  }

  /** SHA-256 of the last line, hex; zeros while there is none. */
  get head(): string {
    return this.#previous;
  }

  append(entry: NewLedgerEntry): Promise<Appended> {
    if (this.#closed) return Promise.reject(failed(this.directory, new Error("it is closed")));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      if (!this.#isWriting) this.#writing = this.#writeAll();
    });
  }

  async *entries(from: number, to: number): AsyncGenerator<LedgerLine> {
    for await (const { line } of this.#open().read(Math.max(0, from), Math.min(to, this.size))) {
      const text = line.toString("utf8");
      const entry = parseEntry(text);
      if (entry === null) throw damaged(this.directory);
      yield { entry, line: text };
    }
  }

  async entriesOf(session: string): Promise<LedgerLine[]> {
    const lines: LedgerLine[] = [];
    for (const n of this.#ofSession.get(session) ?? nobody) {
      for await (const line of this.entries(n, n + 1)) lines.push(line);
    }
    return lines;
  }

  async checkpointOver(n: number): Promise<LedgerCheckpoint | null> {
    const at = firstAbove(this.#checkpointSizes, n);
    for await (const checkpoint of this.#checkpointsFrom(at, at + 1)) return checkpoint;
    return null;
  }

  checkpoints(from = 0): AsyncGenerator<LedgerCheckpoint> {
    return this.#checkpointsFrom(from, this.#checkpointSizes.length);
  }

  /** Ascending. */
  get checkpointSizes(): readonly number[] {
    return this.#checkpointSizes;
  }

  get checkpointCount(): number {
    return this.#checkpointSizes.length;
  }

  proof(n: number, size: number): InclusionProof {
    const path = this.#tree.inclusionProof(n, size).map(toHex);
    return { n, size, leaf: toHex(this.#tree.leaf(n)), path, root: this.root(size) };
  }

  consistency(from: number, to: number): string[] {
    return this.#tree.consistencyProof(from, to).map(toHex);
  }

  /** One at a time, so that each has more entries than the one before. */
  checkpoint(): Promise<LedgerCheckpoint> {
    const turn = this.#checkpointing.then(() => this.#sign());
    this.#checkpointing = turn.catch(() => {});
    return turn;
  }

  /** Lines that the store has beyond these. INTEGRITY_LEDGER where they do not go on from here. */
  async adopt(lines: readonly string[]): Promise<void> {
    const bytes = lines.map((line) => Buffer.from(line));
    let [previous, n] = [this.#previous, this.size];
    for (const [i, line] of bytes.entries()) {
      const entry = parseEntry(lines[i] ?? "");
      if (entry === null || entry.n !== n || entry.prev !== previous) throw damaged(this.directory);
      previous = sha256Hex(line);
      n++;
    }
    await this.#open().append(bytes);
    for (const [i, line] of bytes.entries()) this.#take(line, parseEntry(lines[i] ?? "") as LedgerEntry);
  }

  /** A checkpoint that the store has beyond these; its signature is checked by whoever brings it. */
  async adoptCheckpoint(checkpoint: LedgerCheckpoint): Promise<void> {
    await this.#notes?.append([Buffer.from(JSON.stringify(checkpoint))]);
    this.#checkpointSizes.push(checkpoint.size);
    this.#lastCheckpoint = checkpoint;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#checkpointing;
    await this.#store();
    await this.#lines?.close();
    await this.#notes?.close();
  }

  /** What of the tree is under the newest checkpoint, for the next start. A failure costs that start its time alone. */
  #store(): Promise<void> {
    const size = this.#lastCheckpoint?.size ?? 0;
    const { signer, keys, gathered } = this.#options;
    if (signer === null || keys === undefined || size === this.#storedSize || size < leastStored) return this.#storing;
    const [lines, notes] = [this.#lines, this.#notes];
    if (lines === null || notes === null || this.#headAt.size !== size) return this.#storing;
    this.#storedSize = size;
    const snapshot = {
      size,
      head: this.#headAt.head,
      levels: this.#tree.levels(size),
      lines: lines.state(size),
      notes: notes.state(this.#checkpointSizes.length),
      checkpointSizes: [...this.#checkpointSizes],
      sessions: upTo(this.#ofSession, size),
      gathered: gathered?.get() ?? null,
    };
    this.#storing = this.#storing.then(() => writeState(this.directory, snapshot)).catch(() => {});
    return this.#storing;
  }

  async #load(known: LedgerSnapshot | null): Promise<void> {
    const { directory, maxFileBytes } = this.#options;
    if (known !== null) {
      this.#options.gathered?.restore(known.gathered);
      this.#tree = MerkleTree.restored(sha256, known.levels);
      this.#previous = known.head;
      this.#ofSession = new Map([...known.sessions].map(([session, numbers]) => [session, [...numbers]]));
      if (this.#tree.size !== known.size) throw damaged(directory);
    }
    const readOnly = this.#options.signer === null;
    const most = { readOnly, ...(maxFileBytes === undefined ? {} : { maxFileBytes }) };
    const lines = await LineFiles.open(join(directory, "entries"), {
      ...most,
      ...(known === null ? {} : { known: known.lines }),
      take: (line, n) => {
        const entry = parseEntry(line.toString("utf8"));
        if (entry === null || entry.n !== n || entry.prev !== this.#previous) return false;
        this.#take(line, entry);
        return true;
      },
    });
    this.#lines = lines.files;
    this.setAside = lines.setAside;
    if (lines.files.size !== this.size) throw damaged(directory);
    for await (const { line } of known === null ? [] : lines.files.read(known.size - 1, known.size))
      if (sha256Hex(line) !== known?.head) throw damaged(directory);
    this.#checkpointSizes = [...(known?.checkpointSizes ?? [])];
    const notes = await LineFiles.open(join(directory, "checkpoints"), {
      ...most,
      ...(known === null ? {} : { known: known.notes }),
      take: (line) => this.#takeCheckpoint(line),
    });
    this.#notes = notes.files;
    if (notes.files.size !== this.#checkpointSizes.length) throw damaged(directory);
    for await (const last of this.#checkpointsFrom(notes.files.size - 1, notes.files.size)) this.#lastCheckpoint = last;
  }

  #takeCheckpoint(line: Buffer): boolean {
    const checkpoint = checkpointIn(line);
    if (checkpoint === null) return false;
    const { size, note } = checkpoint;
    // Whoever only reads comes to the checkpoints after the lines: the service may have written more of both in between.
    if (this.#options.signer === null && size > this.size) return false;
    const signed = parseCheckpoint(note);
    if (signed?.size !== size || size > this.size || toHex(signed.root) !== this.root(size)) {
      const text = `${this.directory}: the ledger has not the entries any more that its checkpoint of ${size} was signed over; move ${this.directory} away, and the ledger is restored from the store at the next start`;
      throw new AppError("INTEGRITY_LEDGER", text, { op: "ledger.load" });
    }
    this.#checkpointSizes.push(size);
    this.#lastCheckpoint = checkpoint;
    return true;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      // Calls of the same turn are written together.
      await Promise.resolve();
      while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0, maxBatch));
    } finally {
      this.#isWriting = false;
    }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const made: Array<{ waiting: Waiting; entry: LedgerEntry; line: Buffer }> = [];
    let previous = this.#previous;
    for (const waiting of batch) {
      try {
        const entry = this.#entry(waiting.entry, this.size + made.length, previous);
        const line = Buffer.from(formatEntry(entry));
        previous = sha256Hex(line);
        made.push({ waiting, entry, line });
      } catch (error) {
        waiting.reject(error);
      }
    }
    if (made.length === 0) return;
    try {
      await this.#open().append(made.map(({ line }) => line));
    } catch (cause) {
      for (const { waiting } of made) waiting.reject(failed(this.directory, cause));
      return;
    }
    for (const { waiting, entry, line } of made) {
      this.#take(line, entry);
      waiting.resolve({ n: entry.n, at: entry.at });
    }
  }

  #entry({ type, actor, subject, address, facts }: NewLedgerEntry, n: number, prev: string): LedgerEntry {
    const at = entryTime(this.#now());
    const whole = { n, at, prev, type, actor, subject, ...(address === undefined ? {} : { address }), facts };
    const text = JSON.stringify(facts);
    if (Buffer.byteLength(text) <= maxFactsBytes) return whole;
    // What is told in more words than a line may have is told by its hash.
    return { ...whole, facts: { tooLong: true, bytes: Buffer.byteLength(text), sha256: sha256Hex(text) } };
  }

  #take(line: Buffer, entry: LedgerEntry): void {
    this.#tree.append(leafHash(line, sha256));
    this.#previous = sha256Hex(line);
    for (const session of sessionsOf(entry)) {
      const known = this.#ofSession.get(session);
      if (known === undefined) this.#ofSession.set(session, [entry.n]);
      else known.push(entry.n);
    }
    this.#options.onEntry?.(entry);
  }

  async #sign(): Promise<LedgerCheckpoint> {
    if ((this.#lastCheckpoint?.size ?? 0) === this.size) {
      await this.append({ type: "heartbeat", actor: "recorder", subject: this.#options.recorderId, facts: {} });
    }
    const { size, origin } = this;
    const head = this.#previous;
    const { signer } = this.#options;
    if (signer === null) throw failed(this.directory, new Error("it was opened to be read"));
    const body = checkpointBody({ origin, size, root: this.#tree.root(size), at: entryTime(this.#now()) });
    const key: NoteKey = { name: origin, publicKey: signer.publicKey };
    const note = signedNote(body, key, signer.sign(Buffer.from(body)), sha256);
    try {
      await this.adoptCheckpoint({ size, note });
    } catch (cause) {
      throw failed(this.directory, cause);
    }
    this.#headAt = { size, head };
    if (size - this.#storedSize >= storedEvery) void this.#store();
    return { size, note };
  }

  async *#checkpointsFrom(from: number, to: number): AsyncGenerator<LedgerCheckpoint> {
    if (this.#notes === null) return;
    for await (const { line } of this.#notes.read(from, to)) {
      const checkpoint = checkpointIn(line);
      if (checkpoint === null) throw damaged(this.directory);
      yield checkpoint;
    }
  }

  #open(): LineFiles {
    if (this.#lines === null) throw failed(this.directory, new Error("it is closed"));
    return this.#lines;
  }
}

const maxFactsBytes = 48 * 1024;
/** A shorter ledger is read in no time. */
const leastStored = 10_000;
const storedEvery = 50_000;
/** Reading again takes one part in five of the processor's time. */
const busyAtOnceMs = 10;
const restFactor = 4;

function sessionsOf({ subject, facts }: LedgerEntry): string[] {
  const named = new Set([subject, facts["session"]]);
  return [...named].filter((one): one is string => typeof one === "string" && sessionIdPattern.test(one));
}

/** Numbers ascend in each list. */
function upTo(all: ReadonlyMap<string, readonly number[]>, size: number): Map<string, readonly number[]> {
  const some = new Map<string, readonly number[]>();
  for (const [session, numbers] of all) {
    const kept = (numbers.at(-1) ?? 0) < size ? [...numbers] : numbers.filter((n) => n < size);
    if (kept.length > 0) some.set(session, kept);
  }
  return some;
}

function checkpointIn(line: Buffer): LedgerCheckpoint | null {
  try {
    const { size, note } = JSON.parse(line.toString("utf8")) as Record<string, unknown>;
    return typeof size === "number" && typeof note === "string" ? { size, note } : null;
  } catch {
    return null;
  }
}

/** Index of the first that is larger than `n`. */
function firstAbove(ascending: readonly number[], n: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) > n) high = middle;
    else low = middle + 1;
  }
  return low;
}

function failed(directory: string, cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException).code;
  const why = code === "ENOSPC" || code === "EDQUOT" ? "its disk is full: make room on it" : (cause as Error).message;
  const text = `the ledger in ${directory} cannot be written (${why}); what has to stand in it first is refused`;
  return new AppError("RECORD_LEDGER", text, { op: "ledger.append", retryable: true, cause });
}

function damaged(directory: string): AppError {
  const text = `the ledger in ${directory} is not what was written; move it away, and it is restored from the store at the next start`;
  return new AppError("INTEGRITY_LEDGER", text, { op: "ledger.read" });
}
