// The ledger as the API tells it to auditors: how far it goes, what vouches for it, its entries and their proofs.
import { z } from "zod";
import { LedgerEntry } from "../ledger/entry.ts";
import { HistoryKey } from "../ledger/key-history.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const LedgerState = z.strictObject({
  recorder: z.string(),
  /** Entries so far. */
  size: z.int().nonnegative(),
  /** SHA-256 of the newest line, and the Merkle root over all. */
  head: hash,
  root: hash,
  /** The newest signed one; null before the first. */
  checkpoint: z.strictObject({ size: z.int().positive(), at: z.string().nullable(), note: z.string() }).nullable(),
  /** How much of it the store is known to have. */
  storedSize: z.int().nonnegative(),
  /** Up to where somebody outside the recorder has it; null: there are no anchors. */
  anchoredSize: z.int().nonnegative().nullable(),
  anchors: z.array(
    z.strictObject({
      name: z.string(),
      size: z.int().nonnegative(),
      /** Why it takes none now; null: it does. */
      failing: z.string().nullable(),
    }),
  ),
  /** Id of the root key that vouches for the keys; null: there is no signed history. */
  rootKeyId: z.string().nullable(),
  keys: z.array(HistoryKey.pick({ keyId: true, state: true, from: true, to: true })),
});
export type LedgerState = z.infer<typeof LedgerState>;

const text = z.string().min(1).max(200).optional();

export const LedgerQuery = z.strictObject({
  /** As given by the page before: entries below it. */
  cursor: z.coerce.number().int().nonnegative().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** `audit` is all that begin with `audit:`. */
  type: text,
  subject: text,
  actor: text,
  from: z.string().max(40).optional(),
  to: z.string().max(40).optional(),
});
export type LedgerQuery = z.infer<typeof LedgerQuery>;

/** Newest first. A page may have fewer entries than asked for, and more may follow: as long as `next` is given. */
export const LedgerPage = z.strictObject({ items: z.array(LedgerEntry), next: z.int().nonnegative().nullable() });
export type LedgerPage = z.infer<typeof LedgerPage>;

/** That an entry is under a signed checkpoint: RFC 9162 §2.1.3. */
export const LedgerProof = z.strictObject({
  n: z.int().nonnegative(),
  /** The line as it is hashed. */
  line: z.string(),
  leaf: hash,
  path: z.array(hash),
  size: z.int().positive(),
  root: hash,
  /** The note over the first `size` entries. */
  checkpoint: z.string(),
});
export type LedgerProof = z.infer<typeof LedgerProof>;
