// An entry of the ledger: one line of JSON without a line feed in it. Its bytes count, not what they say: each line holds
// the SHA-256 of the line before it, and is a leaf of the tree that checkpoints sign. There is no canonical form.
import { z } from "zod";
import { utf8 } from "./bytes.ts";

/** What stands in `prev` of the first line. */
export const genesisPrevious = "0".repeat(64);

/** UTF-8 bytes of a line. */
export const maxEntryBytes = 64 * 1024;

/**
 * The types that this version writes. A ledger may hold others: of a later version, and `audit:<action>` for every line of
 * the audit log that has no type of its own.
 */
export const entryTypes = [
  "ledger-start",
  "heartbeat",
  "recorder-start",
  "recorder-stop",
  "recording-open",
  "recording-close",
  "recording-stored",
  "not-recorded",
  "hold",
  "hold-release-asked",
  "hold-release",
  "retention-extended",
  "expired",
  "overdue",
  "view",
  "search",
  "export",
  "verify",
  "unseal",
  "key-created",
  "key-rotated",
  "key-retired",
  "key-lost",
  "probe",
  "probe-failed",
  "drift",
  "drift-repaired",
  "policy-changed",
  "store-failure",
  "anchor",
  "alarm",
  "alarm-over",
] as const;
export type KnownEntryType = (typeof entryTypes)[number];
export type EntryType = KnownEntryType | `audit:${string}`;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const LedgerEntry = z.object({
  /** Its place, from 0 without a gap. */
  n: z.int().nonnegative(),
  /** RFC 3339 in UTC with six decimals: when it was written. */
  at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  /** SHA-256 of the line before it, without its line feed. */
  prev: sha256,
  type: z.string().min(1).max(200),
  /** A person, `recorder`, or `os:NAME`. */
  actor: z.string().max(1000),
  /** What it is about: a session, a person, a key, the recorder. */
  subject: z.string().max(1000),
  /** Where the actor was; left out: nowhere in particular. */
  address: z.string().max(1000).optional(),
  facts: z.record(z.string(), z.unknown()),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** What is given to be written; `n`, `at` and `prev` are the ledger's. */
export interface NewLedgerEntry {
  type: EntryType;
  actor: string;
  subject: string;
  address?: string;
  /** JSON; never a secret. */
  facts: Record<string, unknown>;
}

/** Of a time in ms since the epoch. */
export function entryTime(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, -1)}000Z`;
}

/** The line, without its line feed. RangeError where it is longer than a line may be. */
export function formatEntry(entry: LedgerEntry): string {
  const { n, at, prev, type, actor, subject, address, facts } = entry;
  const line = JSON.stringify({
    n,
    at,
    prev,
    type,
    actor,
    subject,
    ...(address === undefined ? {} : { address }),
    facts,
  });
  if (line.length > maxEntryBytes || utf8(line).length > maxEntryBytes)
    throw new RangeError(`an entry of more than ${maxEntryBytes} bytes`);
  return line;
}

/** Null where it is none. */
export function parseEntry(line: string): LedgerEntry | null {
  if (line.length > maxEntryBytes || line.includes("\n")) return null;
  try {
    return LedgerEntry.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
