// Checks one recorder's ledger as the store has it: every line against the one before, the Merkle root against every
// checkpoint, the checkpoints' signatures and times, and what anchors outside have of it. Invariant: a fault is told with
// its place and the check goes on, with the bytes that are there.
import { createHash } from "node:crypto";
import { AppError } from "../../shared/errors.ts";
import { type EvidenceFinding, type LedgerEvidence, worstVerdict } from "../../shared/evidence/verdict.ts";
import { bytesEqual, toHex } from "../../shared/ledger/bytes.ts";
import { ledgerOrigin, type NoteKey, parseCheckpoint, verifyNote } from "../../shared/ledger/checkpoint.ts";
import { genesisPrevious, type LedgerEntry, parseEntry } from "../../shared/ledger/entry.ts";
import { AnchorFacts } from "../../shared/ledger/facts.ts";
import { leafHash, MerkleTree } from "../../shared/ledger/merkle.ts";
import { ledgerCheckpointKey, ledgerEntriesKey, ledgerPrefix } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { noteCrypto } from "./note-crypto.ts";
import { compareWithOwn, type OwnCheckpoints } from "./own-ledger.ts";
import { EntriesBySession } from "./session-entries.ts";
import { checkStamps, type StampedCheckpoint } from "./stamp-check.ts";

export interface LedgerKey extends NoteKey {
  keyId: string;
  /** Since when it signs no more. */
  to?: string;
}

/** Who is believed to stamp times (RFC 3161). */
export interface StampAuthorities {
  /** Certificates. */
  pem: string;
  /** What they stamped counts as anchored, and what they did not as not anchored, although no other anchor was given. */
  alone: boolean;
}

export interface LedgerCheckOptions {
  store: ObjectStore;
  recorder: string;
  keys: readonly LedgerKey[];
  /** Checkpoints that stand outside the recorder; null: none were given to compare with. */
  anchors: readonly string[] | null;
  authorities?: StampAuthorities | undefined;
  /** How far apart checkpoints may be. */
  checkpointSeconds: number;
  /** What the recorder itself has; null: this is not its machine. */
  own?: OwnCheckpoints | null | undefined;
  /** As of when its end is looked at; left out: it is not. */
  nowMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Each that can be read, in order. */
  onEntry?: ((entry: LedgerEntry) => void) | undefined;
}

export interface CheckedLedger {
  recorder: string;
  evidence: LedgerEvidence;
  entries: EntriesBySession;
  /** Entries below it are under a checkpoint that is signed and that they bear out. */
  signedSize: number;
  /** When that checkpoint was signed. */
  signedAt: string | null;
  /** Entries below it are borne out by an anchor outside; null where none was given. */
  anchoredSize: number | null;
  /** Of the first entry. */
  from: string | null;
  /** Starts of the service, by their entries' numbers. */
  starts: number[];
  /** The root (hex) of the first `size` entries; null where they are not all there. */
  rootAt(size: number): string | null;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hexOf = (bytes: Uint8Array) => sha256(bytes).toString("hex");
const readAhead = 8;
/** A clock may be set back by so much without a word. */
const clockSlackMs = 5 * 60_000;
/** A copy takes its time, and a store may be away for a while. */
const endSlackMs = 15 * 60_000;
/** A time stamp may be so long on its way to the store. */
const stampSlackMs = 3_600_000;
/** Clocks differ, and what was under way when a key ended is signed a moment later. */
export const retiredKeySlackMs = 3_600_000;

export async function checkLedger(options: LedgerCheckOptions): Promise<CheckedLedger> {
  const check = new LedgerCheck(options);
  await check.run();
  return check.result();
}

interface Stored {
  /** First numbers of the objects of lines, and sizes of the checkpoints, ascending. */
  firsts: number[];
  sizes: number[];
  /** Sizes of the checkpoints that have a time stamp beside them. */
  stamps: ReadonlySet<number>;
}

class LedgerCheck {
  readonly #options: LedgerCheckOptions;
  readonly #findings: EvidenceFinding[] = [];
  readonly #entries: EntriesBySession;
  readonly #tree = new MerkleTree(sha256);
  readonly #starts: number[] = [];
  /** Lines so far, those that are missing counted. */
  #next = 0;
  #read = 0;
  /** The tree has every line up to here; null: it still has all. */
  #wholeTo: number | null = null;
  #previous = genesisPrevious;
  #previousPlace = "";
  #from: string | null = null;
  #to: string | null = null;
  #lastAtMs = 0;
  #checkpoints = 0;
  #good: { size: number; at: string | null } = { size: 0, at: null };
  #anchored: number | null = null;
  /** SHA-256 of the notes by size, and the `anchor` entries, to be compared at the end. */
  readonly #noteHashes = new Map<number, string>();
  readonly #anchorEntries: Array<{ n: number; size: number; sha256: string }> = [];
  /** What the ledger says of time stamps: by size, the answers' hashes and when the first came. */
  readonly #receipts = new Map<number, { n: number; atMs: number; hashes: string[] }>();
  readonly #stamped: StampedCheckpoint[] = [];
  #stamps: LedgerEvidence["stamps"] = undefined;
  #badRoots = 0;
  /** Whether its last word is that the service runs. */
  #isRunning = false;

  /** Before the store is listed: what the recorder signs meanwhile cannot be there. */
  readonly #begunMs: number;

  constructor(options: LedgerCheckOptions) {
    this.#options = options;
    this.#begunMs = options.nowMs ?? Date.now();
    this.#entries = new EntriesBySession(options.recorder);
  }

  async run(): Promise<void> {
    const stored = await this.#list();
    await this.#readEntries(stored);
    await this.#readCheckpoints(stored);
    this.#compareAnchorEntries();
    await this.#compareAnchors();
    await this.#checkStamps(stored.stamps);
    await this.#compareOwn(stored);
    this.#checkEnd();
  }

  result(): CheckedLedger {
    const { recorder } = this.#options;
    const { size, at } = this.#good;
    const root = size === 0 ? null : this.#rootAt(size);
    return {
      recorder,
      evidence: {
        recorder,
        verdict: worstVerdict(this.#findings.map(({ weight }) => weight)),
        entries: this.#read,
        from: this.#from,
        to: this.#to,
        checkpoints: this.#checkpoints,
        checkpoint: root === null ? null : { size, root, at },
        anchored: this.#anchored,
        ...(this.#stamps === undefined ? {} : { stamps: this.#stamps }),
        findings: this.#findings,
      },
      entries: this.#entries,
      signedSize: size,
      signedAt: at,
      anchoredSize: this.#anchored,
      from: this.#from,
      starts: this.#starts,
      rootAt: (upTo) => this.#rootAt(upTo),
    };
  }

  #rootAt(size: number): string | null {
    return size > this.#tree.size || size > (this.#wholeTo ?? size) ? null : toHex(this.#tree.root(size));
  }

  async #list(): Promise<Stored> {
    const { store, recorder, signal } = this.#options;
    const prefix = ledgerPrefix(recorder);
    const stamps = new Set<number>();
    const stored: Stored = { firsts: [], sizes: [], stamps };
    for await (const { key } of store.list(prefix, signal === undefined ? {} : { signal })) {
      const name = key.slice(prefix.length);
      const [, first, size, stamp] =
        /^(?:entries\/(\d{12})\.jsonl|checkpoints\/(\d{12})|checkpoints\/(\d{12})\.tsr)$/.exec(name) ?? [];
      if (first !== undefined) stored.firsts.push(Number(first));
      else if (size !== undefined) stored.sizes.push(Number(size));
      else if (stamp !== undefined) stamps.add(Number(stamp));
      else this.#found(key, "INTEGRITY_FORMAT", "is no part of a ledger");
    }
    for (const stamp of stamps) {
      if (!stored.sizes.includes(stamp))
        this.#found(
          ledgerCheckpointKey(recorder, stamp),
          "STORE_NOT_FOUND",
          "is not in the store, although its time stamp is",
          "MISSING",
        );
    }
    return stored;
  }

  async #readEntries({ firsts, sizes }: Stored): Promise<void> {
    const { recorder } = this.#options;
    const reading = new Map<number, Promise<Uint8Array | null>>();
    const start = (i: number) => {
      const first = firsts[i];
      if (first === undefined) return;
      const read = this.#get(ledgerEntriesKey(recorder, first));
      read.catch(() => {});
      reading.set(i, read);
    };
    for (let i = 0; i < readAhead; i++) start(i);
    for (const [i, first] of firsts.entries()) {
      const bytes = await reading.get(i);
      reading.delete(i);
      start(i + readAhead);
      if (first !== this.#next) this.#hole(first);
      if (bytes === null || bytes === undefined) continue;
      this.#lines(ledgerEntriesKey(recorder, first), bytes);
      const end = this.#next;
      const isLast = i === firsts.length - 1;
      if (sizes.includes(end) || (isLast && (sizes.at(-1) ?? 0) > end)) continue;
      // While the list was read, the service may have gone on: lines first, then the checkpoint over them.
      if (isLast && (await this.#options.store.head(ledgerCheckpointKey(recorder, end))) !== null) sizes.push(end);
      else this.#unsigned(first, end, isLast);
    }
  }

  #unsigned(first: number, end: number, isLast: boolean): void {
    const place = ledgerCheckpointKey(this.#options.recorder, end);
    if (isLast)
      this.#found(
        place,
        "STORE_NOT_FOUND",
        `no signed checkpoint covers the entries ${first} to ${end - 1}`,
        "UNANCHORED",
      );
    else
      this.#found(
        place,
        "STORE_NOT_FOUND",
        `is not in the store: the entries ${first} to ${end - 1} ended with it`,
        "MISSING",
      );
  }

  /** The next object begins elsewhere than the last one ended. */
  #hole(first: number): void {
    const { recorder } = this.#options;
    if (first > this.#next) {
      const which = first - 1 === this.#next ? `entry ${this.#next}` : `entries ${this.#next} to ${first - 1}`;
      this.#found(
        ledgerEntriesKey(recorder, this.#next),
        "STORE_NOT_FOUND",
        `${which} of the ledger are not in the store`,
        "MISSING",
      );
      this.#previous = "";
    } else {
      this.#found(
        ledgerEntriesKey(recorder, first),
        "INTEGRITY_LEDGER",
        `begins with entry ${first}, which is in the object before; ${this.#next} was due`,
      );
    }
    this.#wholeTo ??= Math.min(first, this.#next);
    this.#next = first;
  }

  #lines(key: string, bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < buffer.length) {
      const end = buffer.indexOf(0x0a, at);
      if (end < 0) {
        this.#found(key, "INTEGRITY_LEDGER", `ends within entry ${this.#next}`);
        return;
      }
      this.#line(key, buffer.subarray(at, end));
      at = end + 1;
    }
    if (buffer.length === 0) this.#found(key, "INTEGRITY_LEDGER", "is empty");
  }

  #line(key: string, line: Uint8Array): void {
    const n = this.#next++;
    this.#read++;
    const place = `${ledgerPrefix(this.#options.recorder).slice(0, -1)} entry ${n}`;
    const entry = parseEntry(Buffer.from(line).toString("utf8"));
    if (entry === null) this.#found(place, "INTEGRITY_FORMAT", `in ${key} is no entry that this version reads`);
    else this.#entry(entry, n, place);
    if (this.#wholeTo === null) this.#tree.append(leafHash(line, sha256));
    this.#previous = hexOf(line);
    this.#previousPlace = place;
  }

  #entry(entry: LedgerEntry, n: number, place: string): void {
    if (entry.n !== n) this.#found(place, "INTEGRITY_LEDGER", `calls itself entry ${entry.n}`);
    if (this.#previous !== "" && entry.prev !== this.#previous) {
      const message =
        n === 0
          ? "does not begin the ledger: it names a line before it"
          : `was linked to another line than ${this.#previousPlace} is now: one of the two was changed`;
      this.#found(n === 0 ? place : this.#previousPlace, "INTEGRITY_LEDGER", message);
    }
    const atMs = Date.parse(entry.at);
    if (atMs < this.#lastAtMs - clockSlackMs)
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `was written at ${entry.at}, before the entry before it: the clock was set back`,
        "NOTICE",
      );
    this.#lastAtMs = atMs;
    this.#from ??= entry.at;
    this.#to = entry.at;
    if (entry.type === "recorder-start") this.#starts.push(n);
    if (entry.type === "recorder-start" || entry.type === "recorder-stop")
      this.#isRunning = entry.type === "recorder-start";
    if (entry.type === "ledger-start" && entry.facts["lost"] === true) this.#lost(place, entry.facts["knownEntries"]);
    if (entry.type === "anchor") {
      const facts = AnchorFacts.safeParse(entry.facts).data;
      if (facts !== undefined) {
        this.#anchorEntries.push({ n, size: facts.size, sha256: facts.checkpointSha256 });
        if (entry.subject.startsWith("timestamp:")) this.#receipt(facts, n, atMs);
      }
    }
    this.#entries.take(entry);
    this.#options.onEntry?.(entry);
  }

  /** The recorder itself says that it had one before. */
  #lost(place: string, known: unknown): void {
    const most = typeof known === "number" ? `${known} entries at least` : "entries";
    const message = `begins the ledger anew: the one before, which had ${most}, was lost here and in the store`;
    this.#found(place, "INTEGRITY_LEDGER", message, "MISSING");
  }

  #receipt({ size, receiptSha256 }: AnchorFacts, n: number, atMs: number): void {
    const before = this.#receipts.get(size);
    if (before === undefined) this.#receipts.set(size, { n, atMs, hashes: [receiptSha256] });
    else before.hashes.push(receiptSha256);
  }

  async #readCheckpoints({ sizes, stamps }: Stored): Promise<void> {
    const { recorder, checkpointSeconds } = this.#options;
    let before: { size: number; atMs: number } | null = null;
    for (let at = 0; at < sizes.length; at += readAhead) {
      const some = sizes.slice(at, at + readAhead);
      const notes = await Promise.all(some.map((size) => this.#get(ledgerCheckpointKey(recorder, size))));
      for (const [i, size] of some.entries()) {
        const note = notes[i];
        if (note === null || note === undefined) continue;
        const signedAt = await this.#checkpoint(size, Buffer.from(note).toString("utf8"));
        const atMs = signedAt === null ? null : Date.parse(signedAt);
        const last = this.#stamped.at(-1);
        if (atMs !== null && last !== undefined) last.nextAtMs ??= atMs;
        if (stamps.has(size)) {
          const { hashes = [] } = this.#receipts.get(size) ?? {};
          this.#stamped.push({ size, note, atMs, nextAtMs: null, holds: this.#good.size === size, receipts: hashes });
        }
        if (atMs === null) continue;
        if (before !== null) this.#checkPause(before, { size, atMs }, checkpointSeconds * 1000);
        before = { size, atMs };
      }
    }
    if (this.#badRoots > 1)
      this.#found(
        ledgerPrefix(recorder),
        "INTEGRITY_LEDGER",
        `${this.#badRoots} checkpoints are not over the entries that are here`,
      );
    if (sizes.length === 0 && this.#read > 0)
      this.#found(
        `${ledgerPrefix(recorder)}checkpoints/`,
        "STORE_NOT_FOUND",
        "the ledger has no signed checkpoint",
        "UNANCHORED",
      );
  }

  /** When it was signed; null where it proves nothing. */
  async #checkpoint(size: number, note: string): Promise<string | null> {
    const { recorder, keys } = this.#options;
    const place = ledgerCheckpointKey(recorder, size);
    this.#checkpoints++;
    this.#noteHashes.set(size, hexOf(Buffer.from(note)));
    const parsed = parseCheckpoint(note);
    if (parsed === null) return this.#bad(place, "INTEGRITY_FORMAT", "is no signed checkpoint");
    if (parsed.origin !== ledgerOrigin(recorder)) return this.#bad(place, "INTEGRITY_LEDGER", `is of ${parsed.origin}`);
    if (parsed.size !== size)
      return this.#bad(place, "INTEGRITY_LEDGER", `says that it is over ${parsed.size} entries`);
    const signer = await verifyNote(parsed, keys, noteCrypto);
    if (signer === null) {
      if (keys.length === 0) {
        this.#found(place, "INTEGRITY_SIGNATURE", "no trusted key of this recorder is known", "UNTRUSTED");
        return null;
      }
      return this.#bad(place, "INTEGRITY_SIGNATURE", "is not signed by a key that this recorder had");
    }
    if (
      signer.to !== undefined &&
      parsed.at !== null &&
      Date.parse(parsed.at) > Date.parse(signer.to) + retiredKeySlackMs
    )
      this.#found(
        place,
        "INTEGRITY_SIGNATURE",
        `was signed at ${parsed.at} by the key ${signer.keyId}, which ended at ${signer.to}`,
      );
    const root = this.#rootAt(size);
    if (root === null) {
      if (size > this.#next) {
        const has = this.#next === 0 ? "none" : `only ${this.#next}`;
        this.#found(
          place,
          "INTEGRITY_LEDGER",
          `is over ${size} entries, of which the store has ${has}: the ledger's tail is missing`,
          "MISSING",
        );
      }
      return parsed.at;
    }
    if (toHex(parsed.root) !== root) {
      if (this.#badRoots++ === 0)
        this.#found(
          place,
          "INTEGRITY_LEDGER",
          `is not over the entries that are here: one of the entries ${this.#good.size} to ${size - 1} was changed, or the checkpoint`,
        );
      return parsed.at;
    }
    this.#good = { size, at: parsed.at };
    return parsed.at;
  }

  #bad(place: string, code: string, message: string): null {
    this.#found(place, code, message);
    return null;
  }

  /** While the service runs it signs one every few minutes, even when nothing happens. */
  #checkPause(before: { size: number; atMs: number }, now: { size: number; atMs: number }, periodMs: number): void {
    const place = ledgerCheckpointKey(this.#options.recorder, now.size);
    const pauseMs = now.atMs - before.atMs;
    if (pauseMs < -clockSlackMs)
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        "was signed before the checkpoint before it: the clock was set back",
        "NOTICE",
      );
    if (pauseMs <= 2 * periodMs + 60_000) return;
    if (this.#starts.some((n) => n >= before.size && n < now.size)) return;
    const times = `${new Date(before.atMs).toISOString()} and ${new Date(now.atMs).toISOString()}`;
    this.#found(
      place,
      "INTEGRITY_LEDGER",
      `between ${times} no checkpoint was signed, although the service ran`,
      "INCOMPLETE",
    );
  }

  /** What the ledger says was given to an anchor is what the store has. */
  #compareAnchorEntries(): void {
    const { recorder } = this.#options;
    for (const { n, size, sha256: given } of this.#anchorEntries) {
      const stored = this.#noteHashes.get(size);
      if (stored !== undefined && stored !== given)
        this.#found(
          ledgerCheckpointKey(recorder, size),
          "INTEGRITY_LEDGER",
          `is not the checkpoint that was anchored, as entry ${n} says`,
        );
    }
  }

  async #compareAnchors(): Promise<void> {
    const { anchors, recorder, keys } = this.#options;
    if (anchors === null) return;
    this.#anchored = 0;
    const beyond: { size: number; when: string }[] = [];
    for (const note of anchors) {
      const parsed = parseCheckpoint(note);
      if (parsed === null || parsed.origin !== ledgerOrigin(recorder)) continue;
      const place = `anchor of ${parsed.size} entries`;
      if ((await verifyNote(parsed, keys, noteCrypto)) === null) {
        this.#found(
          place,
          "INTEGRITY_SIGNATURE",
          "the anchor's checkpoint is signed by no key that the history names: the anchor is not this recorder's, or the history is not",
          "UNTRUSTED",
        );
        continue;
      }
      const when = parsed.at === null ? "" : ` at ${parsed.at}`;
      const root = this.#rootAt(parsed.size);
      if (parsed.size > this.#next) {
        beyond.push({ size: parsed.size, when });
        continue;
      }
      if (root !== null && !bytesEqual(parsed.root, Buffer.from(root, "hex")))
        this.#found(
          place,
          "INTEGRITY_LEDGER",
          `outside, the first ${parsed.size} entries were others${when}: the ledger here was written anew`,
        );
      else if (root !== null) this.#anchored = Math.max(this.#anchored, parsed.size);
    }
    this.#anchorsBeyond(beyond);
  }

  /** One place, however many of them there are. */
  #anchorsBeyond(beyond: readonly { size: number; when: string }[]): void {
    const [first, ...others] = beyond.toSorted((a, b) => a.size - b.size);
    const newest = others.at(-1) ?? first;
    if (first === undefined || newest === undefined) return;
    const since =
      others.length === 0 ? "" : `, the first of ${beyond.length} such checkpoints over ${first.size}${first.when}`;
    this.#found(
      `anchor of ${newest.size} entries`,
      "INTEGRITY_LEDGER",
      `outside, the ledger had ${newest.size} entries${newest.when}${since}; the store has ${this.#next}: its tail is missing`,
      "MISSING",
    );
  }

  async #checkStamps(stamps: ReadonlySet<number>): Promise<void> {
    const { recorder, authorities, anchors } = this.#options;
    const lastMs = Date.parse(this.#good.at ?? "");
    for (const [size, { n, atMs }] of this.#receipts)
      if (!stamps.has(size) && atMs < lastMs - stampSlackMs)
        this.#found(
          `${ledgerCheckpointKey(recorder, size)}.tsr`,
          "STORE_NOT_FOUND",
          `is not in the store; entry ${n} says that an authority gave it`,
          "NOTICE",
        );
    const proven = await checkStamps({
      recorder,
      stamped: this.#stamped,
      authorities: authorities?.pem ?? null,
      read: (size) => this.#get(`${ledgerCheckpointKey(recorder, size)}.tsr`),
      found: (...finding) => this.#found(...finding),
    });
    if (authorities !== undefined && (anchors !== null || authorities.alone)) this.#anchored ??= 0;
    let newest: { size: number; at: string } | null = null;
    for (const { size, atMs, ahead } of proven) {
      if (ahead) this.#entries.thereBy(size, atMs);
      newest = { size, at: new Date(atMs).toISOString() };
      if (this.#anchored !== null) this.#anchored = Math.max(this.#anchored, size);
    }
    if (stamps.size > 0 || authorities !== undefined)
      this.#stamps = { count: stamps.size, proven: authorities === undefined ? null : proven.length, newest };
  }

  async #compareOwn({ sizes }: Stored): Promise<void> {
    const { own, recorder, keys } = this.#options;
    if (own?.recorder !== recorder) return;
    const storedSize = Math.min(sizes.at(-1) ?? 0, this.#next);
    const rootAt = (size: number) => this.#rootAt(size);
    this.#findings.push(...(await compareWithOwn({ own, storedSize, rootAt, keys, nowMs: this.#begunMs })));
  }

  /** A copy of an earlier day is in order by itself: that it ends while the service ran is all there is to see. */
  #checkEnd(): void {
    const { recorder, checkpointSeconds, nowMs } = this.#options;
    const { size, at } = this.#good;
    if (nowMs === undefined || at === null || !this.#isRunning) return;
    if (nowMs - Date.parse(at) <= 3 * checkpointSeconds * 1000 + endSlackMs) return;
    this.#found(
      ledgerCheckpointKey(recorder, size),
      "INTEGRITY_LEDGER",
      `was signed at ${at} and is the newest, although the recorder had not stopped: a copy of that time ends so, and so does a store that was put back to it`,
      "NOTICE",
    );
  }

  async #get(key: string): Promise<Uint8Array | null> {
    const { store, signal } = this.#options;
    try {
      return await store.get(key, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!(error instanceof AppError) || !["STORE_NOT_FOUND", "STORE_REFUSED"].includes(error.code)) throw error;
      this.#found(key, error.code, error.message);
      return null;
    }
  }

  #found(place: string, code: string, message: string, weight: EvidenceFinding["weight"] = "TAMPERED"): void {
    this.#findings.push({ place, code, message, weight });
  }
}

/** Ids of the recorders whose ledgers the store has. */
export async function recordersIn(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const found = new Set<string>();
  for await (const { key } of store.list("ledger/", signal === undefined ? {} : { signal })) {
    const recorder = /^ledger\/([A-Za-z0-9][A-Za-z0-9._-]{0,62})\//.exec(key)?.[1];
    if (recorder !== undefined) found.add(recorder);
  }
  return [...found];
}
