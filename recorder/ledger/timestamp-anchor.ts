// Anchor to a time stamp authority (RFC 3161): it signs that a checkpoint existed at its time. The answer is checked before
// it counts, and kept as it came, so that `openssl ts -verify` can check it years later.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AppError } from "../../shared/errors.ts";
import type { Anchor } from "./anchor.ts";
import { readBounded } from "./bounded-answer.ts";
import type { LedgerCheckpoint } from "./contract.ts";
import { sha256Hex } from "./node-crypto.ts";
import {
  type Authorities,
  authoritiesIn,
  BadTimestamp,
  isStampOf,
  proveTimestamp,
  readTimestamp,
  timestampRequest,
} from "./timestamp-answer.ts";

export interface TimestampAnchorOptions {
  url: string;
  /** Certificates in PEM that the authority's leads to; left out: who signed is not checked here. */
  caFile?: string;
  everyMs: number;
  /** Durable when it resolves. */
  keep(size: number, answer: Uint8Array): Promise<void>;
}

const maxAnswerBytes = 256 * 1024;
const nonceBytes = 8;

export class TimestampAnchor implements Anchor {
  readonly name: string;
  readonly everyMs: number;
  readonly #options: TimestampAnchorOptions;

  constructor(options: TimestampAnchorOptions) {
    const { origin, pathname } = new URL(options.url);
    this.name = `timestamp:${origin}${pathname}`;
    this.everyMs = options.everyMs;
    this.#options = options;
  }

  async anchor(
    { size, note }: LedgerCheckpoint,
    signal: AbortSignal,
  ): Promise<{ receipt: string; receiptSha256: string }> {
    const { url, caFile, keep } = this.#options;
    const nonce = randomBytes(nonceBytes);
    // Else it would be read as a negative number.
    nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
    const response = await fetch(url, {
      method: "POST",
      redirect: "error",
      signal,
      headers: { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" },
      body: new Uint8Array(timestampRequest(note, nonce)),
    });
    const answer = await readBounded(response, maxAnswerBytes);
    if (!response.ok) throw refused(`it answered ${response.status}`);
    const trusted = caFile === undefined ? null : authoritiesIn(await readFile(caFile, "utf8"));
    const at = await checkedTime(answer, note, nonce, trusted);
    await keep(size, answer);
    return { receipt: at.toISOString(), receiptSha256: sha256Hex(answer) };
  }
}

/** When the authority says that it was. SERVICE_UNREACHABLE where its answer is none to this request. */
async function checkedTime(
  answer: Uint8Array,
  note: string,
  nonce: Uint8Array,
  trusted: Authorities | null,
): Promise<Date> {
  try {
    const stamp = readTimestamp(answer);
    if (!isStampOf(stamp, Buffer.from(note))) throw new BadTimestamp("is not over this checkpoint");
    if (stamp.nonce === null || Buffer.compare(stamp.nonce, nonce) !== 0)
      throw new BadTimestamp("answers another request");
    await proveTimestamp(stamp, Buffer.from(note), trusted);
    return stamp.at;
  } catch (error) {
    if (error instanceof BadTimestamp) throw refused(`its answer ${error.message}`);
    throw error;
  }
}

function refused(why: string): AppError {
  return new AppError("SERVICE_UNREACHABLE", why, { op: "ledger.timestamp", retryable: true });
}
