// The ledger as the rest of the service sees it. Invariant: what `append` resolved for is in the ledger for good, on this
// machine's disk, and in the store as soon as that answers.
import type { LedgerEntry, NewLedgerEntry } from "../../shared/ledger/entry.ts";

/** An entry with the bytes that are hashed. */
export interface LedgerLine {
  entry: LedgerEntry;
  /** Without its line feed. */
  line: string;
}

export interface LedgerCheckpoint {
  size: number;
  /** The signed note. */
  note: string;
}

export interface InclusionProof {
  n: number;
  size: number;
  /** Hex. */
  leaf: string;
  path: string[];
  root: string;
}

export interface Appended {
  n: number;
  /** As the entry has it. */
  at: string;
}

/** Whoever only tells. */
export interface LedgerWriter {
  /**
   * Durable when it resolves, and in the order of the calls. RECORD_LEDGER when it cannot be written: what it tells of may not
   * happen then.
   */
  append(entry: NewLedgerEntry): Promise<Appended>;
}

export interface LedgerReader {
  /** Entries so far. */
  readonly size: number;
  /** [from, to), in order. */
  entries(from: number, to: number): AsyncIterable<LedgerLine>;
  /** Entries whose subject is the session, or whose facts name it as `session`. */
  entriesOf(session: string): Promise<LedgerLine[]>;
  /** The newest; null before the first. */
  readonly lastCheckpoint: LedgerCheckpoint | null;
  /** The oldest checkpoint that covers entry `n`; null where none does yet. */
  checkpointOver(n: number): Promise<LedgerCheckpoint | null>;
  /** Every one so far, oldest first. */
  checkpoints(): AsyncIterable<LedgerCheckpoint>;
  /** That entry `n` is in the tree of the first `size` entries. */
  proof(n: number, size: number): InclusionProof;
  /** That the first `from` entries are the beginning of the first `to`, in hex. */
  consistency(from: number, to: number): string[];
}

export interface WritableLedger extends LedgerWriter, LedgerReader {
  /** Signs one now; when nothing was written since the last one, a `heartbeat` is written first. */
  checkpoint(): Promise<LedgerCheckpoint>;
  close(): Promise<void>;
}
