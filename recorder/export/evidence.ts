// What an evidence bundle holds beside the recording itself: the ledger's entries about it and their proofs, keys and
// their history, the policy that was in force, who did what with it. Gathered by the composition root.
import type { BundleKey } from "./bundle.ts";

export interface ProvenEntry {
  n: number;
  /** As the ledger has it, without its line feed. */
  line: Uint8Array;
  /** Hashes of 32 bytes, from the leaf upwards. */
  path: readonly Uint8Array[];
}

export interface StampedCheckpoint {
  size: number;
  checkpoint: Uint8Array;
  keyId: string;
  timestamp: Uint8Array;
  /** Of the entries that it covers. */
  paths: readonly Pick<ProvenEntry, "n" | "path">[];
}

export interface LedgerExcerpt {
  size: number;
  /** The signed note. */
  checkpoint: Uint8Array;
  /** RFC 3339, as the checkpoint says it. */
  at: string | null;
  /** The key that signed the checkpoint. */
  keyId: string;
  /** RFC 3161. */
  timestamp: Uint8Array | null;
  /** Where that has none: an older checkpoint that was stamped. */
  stamped: StampedCheckpoint | null;
  /** Every entry about the recording that the checkpoint covers, oldest first. */
  entries: readonly ProvenEntry[];
}

export interface CustodyLine {
  /** As it is in the bundle: the ledger's own line, or of the audit log where there is no ledger. */
  line: string;
  at: string;
  actor: string;
  /** `recording.view` and so on. */
  action: string;
  address: string;
  reason: string | null;
  details: Record<string, unknown>;
}

export interface BundleEvidence {
  ledger: LedgerExcerpt | null;
  custody: readonly CustodyLine[];
  /**
   * What was in force: its text as it was written, and the one form that has the hash in the OPEN record; null where that
   * cannot be made any more.
   */
  policy: { text: Uint8Array; canonical: Uint8Array | null } | null;
  keys: readonly BundleKey[];
  /** Versions of the key history from the first on, with the root's public key. */
  history: {
    rootPem: string;
    versions: readonly { number: number; bytes: Uint8Array; signature: Uint8Array }[];
  } | null;
}

export interface EvidenceSource {
  of(session: string, policyHash: string): Promise<BundleEvidence>;
  /** The page that checks and plays a bundle. */
  player(): Promise<Uint8Array>;
}
