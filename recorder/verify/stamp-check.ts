// Time stamps (RFC 3161) beside the checkpoints of a ledger: whether each is over its checkpoint and fits between its
// neighbours in time; and, where their authority's certificate is given, whether it is by that authority. An authority
// outside is the one witness that nobody who holds the recorder, its keys and its store can make say something else.
import { createHash } from "node:crypto";
import type { EvidenceFinding } from "../../shared/evidence/verdict.ts";
import type { TimestampAnswer } from "../ledger/timestamp-answer.ts";
import { ledgerCheckpointKey } from "../store/keys.ts";

export interface StampedCheckpoint {
  size: number;
  note: Uint8Array;
  /** When the recorder says that it signed it; null where it cannot be read. */
  atMs: number | null;
  /** The same of the checkpoint after it; null: there is none. */
  nextAtMs: number | null;
  /** Signed, and borne out by the entries. */
  holds: boolean;
  /** SHA-256 (hex) of the answers that the ledger tells of; empty: of none. */
  receipts: readonly string[];
}

export interface CheckedStamp {
  size: number;
  atMs: number;
  /** The recorder's clock was ahead when it signed what is stamped. */
  ahead: boolean;
}

export interface StampCheckOptions {
  recorder: string;
  stamped: readonly StampedCheckpoint[];
  /** Certificates in PEM of those who are believed; null: what a stamp is over is looked at, not by whom it is. */
  authorities: string | null;
  /** The stamp over so many entries; null where the store does not give it. */
  read(size: number): Promise<Uint8Array | null>;
  found(place: string, code: string, message: string, weight?: EvidenceFinding["weight"]): void;
}

/** Clocks differ by so much without a word, and by so much without a doubt. */
const slackMs = 5 * 60_000;
const doubtMs = 3_600_000;
const atOnce = 8;

/** Those that an authority which is believed stands behind, over checkpoints that hold; ascending. */
export async function checkStamps(options: StampCheckOptions): Promise<CheckedStamp[]> {
  const { stamped, authorities } = options;
  if (stamped.length === 0) return [];
  // Loaded when it is needed: reading certificates takes a library that a ledger without stamps does not need.
  const answers = await import("../ledger/timestamp-answer.ts");
  const trusted = authorities === null ? null : answers.authoritiesIn(authorities);
  const { BadTimestamp } = answers;

  const check = async (one: StampedCheckpoint): Promise<CheckedStamp | null> => {
    const place = `${ledgerCheckpointKey(options.recorder, one.size)}.tsr`;
    const bytes = await options.read(one.size);
    if (bytes === null) return null;
    if (one.receipts.length > 0 && !one.receipts.includes(createHash("sha256").update(bytes).digest("hex"))) {
      options.found(place, "INTEGRITY_LEDGER", "is not the answer that the ledger says the authority gave");
      return null;
    }
    let stamp: TimestampAnswer;
    try {
      stamp = answers.readTimestamp(bytes);
      if (!answers.isStampOf(stamp, one.note))
        throw new BadTimestamp("is over other bytes than the checkpoint beside it");
    } catch (error) {
      if (!(error instanceof BadTimestamp)) throw error;
      options.found(place, "INTEGRITY_LEDGER", error.message);
      return null;
    }
    const fits = inTime(one, stamp.at.getTime(), place, options);
    if (trusted === null) return null;
    try {
      await answers.proveTimestamp(stamp, one.note, trusted);
    } catch (error) {
      if (!(error instanceof BadTimestamp)) throw error;
      const itself = await answers.proveTimestamp(stamp, one.note, null).then(
        () => true,
        () => false,
      );
      if (itself)
        options.found(
          place,
          "INTEGRITY_SIGNATURE",
          `is by no authority of those that were given: it ${error.message}`,
          "UNTRUSTED",
        );
      else options.found(place, "INTEGRITY_SIGNATURE", error.message);
      return null;
    }
    const atMs = stamp.at.getTime();
    return one.holds && fits ? { size: one.size, atMs, ahead: isAhead(one, atMs) } : null;
  };

  const proven: CheckedStamp[] = [];
  for (let at = 0; at < stamped.length; at += atOnce) {
    const some = await Promise.all(stamped.slice(at, at + atOnce).map(check));
    proven.push(...some.filter((one) => one !== null));
  }
  return proven;
}

/** A checkpoint is stamped when it is the newest. */
function inTime(
  { atMs, nextAtMs }: StampedCheckpoint,
  stampedMs: number,
  place: string,
  { found }: StampCheckOptions,
): boolean {
  const time = (ms: number) => new Date(ms).toISOString();
  const lateMs = nextAtMs === null ? 0 : stampedMs - nextAtMs;
  if (nextAtMs !== null && lateMs > doubtMs) {
    const message = `is of ${time(stampedMs)}; the checkpoint after it was signed at ${time(nextAtMs)}, as it says: what is stamped was made, or stamped, afterwards`;
    found(place, "INTEGRITY_LEDGER", message);
    return false;
  }
  if (nextAtMs !== null && lateMs > slackMs) {
    const message = `is of ${time(stampedMs)}, later than the checkpoint after it (${time(nextAtMs)}): the recorder's clock is slow`;
    found(place, "INTEGRITY_LEDGER", message, "NOTICE");
  }
  if (atMs !== null && isAhead({ atMs }, stampedMs)) {
    const message = `is of ${time(stampedMs)}, earlier than its checkpoint says it was signed (${time(atMs)}): the recorder's clock was ahead`;
    found(place, "INTEGRITY_LEDGER", message, "NOTICE");
  }
  return true;
}

function isAhead({ atMs }: Pick<StampedCheckpoint, "atMs">, stampedMs: number): boolean {
  return atMs !== null && atMs - stampedMs > slackMs;
}
