// What every store demands of keys, bodies and ranges before it touches anything, so that all of them refuse the same.
import { createHash } from "node:crypto";
import { AppError } from "../../shared/errors.ts";

/** The limit of S3, in UTF-8 bytes and with the store's own prefix. */
const maxKeyBytes = 1024;
/** The limit of the usual file systems for one name. */
const maxSegmentBytes = 255;
/** The file store's own folders: what is being written, and its locks. */
export const reservedSegment = ".incoming";
export const locksSegment = ".retention";

export function checkKey(key: string, op: string, storePrefix = ""): void {
  const fault = keyFault(key, storePrefix);
  if (fault !== null)
    throw refusal(op, `The object key ${quote(key)} ${fault}; keys come from store/keys.ts.`, { key });
}

export function isKey(key: string): boolean {
  return keyFault(key, "") === null;
}

/** A prefix for `list` is the beginning of a key: it may end anywhere, also with "/" or in mid-name. */
export function checkListPrefix(prefix: string, op: string): void {
  if (prefix === "") return;
  const fault = keyFault(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix, "");
  if (fault !== null) throw refusal(op, `The key prefix ${quote(prefix)} ${fault}.`, { prefix });
}

function keyFault(key: string, storePrefix: string): string | null {
  if (key === "") return "is empty";
  // U+FFFD is what a name that is not UTF-8 looks like when a folder is listed.
  if (/[\p{Surrogate}\ufffd]/u.test(key)) return "is not well-formed Unicode";
  if (Buffer.byteLength(storePrefix + key) > maxKeyBytes) return `is longer than ${maxKeyBytes} bytes`;
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(key)) return "has control characters";
  if (key.includes("\\")) return "has a backslash";
  const segments = key.split("/");
  if (segments[0] === reservedSegment || segments[0] === locksSegment)
    return `begins with ${segments[0]}, which the file store keeps for itself`;
  for (const segment of segments) {
    if (segment === "") return "is absolute or has an empty segment";
    if (segment === "." || segment === "..") return "has a `.` or `..` segment";
    if (Buffer.byteLength(segment) > maxSegmentBytes) return `has a segment longer than ${maxSegmentBytes} bytes`;
  }
  return null;
}

export function checkBody(key: string, body: Uint8Array, sha256: string, op: string): void {
  const actual = sha256Hex(body);
  if (actual === sha256) return;
  throw new AppError(
    "INTEGRITY_HASH",
    `The ${body.byteLength} bytes given for ${key} have SHA-256 ${actual}, not the announced ${quote(sha256)}; nothing was stored.`,
    { op, details: { key, announced: sha256, actual } },
  );
}

/** First and last byte (inclusive) of a range that was cut to the object's end, as HTTP does. */
export function resolveRange(
  key: string,
  range: { start: number; end: number },
  bytes: number,
  op: string,
): { start: number; end: number } {
  checkRange(key, range, op);
  if (range.start >= bytes) throw rangeRefusal(key, range, op, `it has ${bytes} bytes`);
  return { start: range.start, end: Math.min(range.end, bytes - 1) };
}

export function checkRange(key: string, range: { start: number; end: number }, op: string): void {
  const { start, end } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return;
  throw rangeRefusal(key, range, op, "a range is two whole numbers, first and last byte");
}

export function rangeRefusal(key: string, range: { start: number; end: number }, op: string, why: string): AppError {
  return refusal(op, `Bytes ${range.start}-${range.end} of ${key} cannot be read: ${why}.`, { key, ...range });
}

export function existsError(key: string, op: string, details: Record<string, unknown>): AppError {
  return new AppError(
    "STORE_EXISTS",
    `The store holds another object as ${key}; it was left as it is. Find out who wrote it: two recorders may share one store and one prefix.`,
    { op, details: { key, ...details } },
  );
}

export function lockedError(key: string, why: string, op: string): AppError {
  return new AppError("STORE_REFUSED", `${key} is ${why}: it is not deleted.`, { op, details: { key, why } });
}

export function notFoundError(key: string, op: string, where: string, cause?: unknown): AppError {
  return new AppError("STORE_NOT_FOUND", `There is no object ${key} in ${where}.`, { op, cause, details: { key } });
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function refusal(op: string, message: string, details: Record<string, unknown>): AppError {
  return new AppError("STORE_REFUSED", message, { op, details });
}

function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
