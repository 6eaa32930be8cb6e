// Bytes of the journal: file headers and records. One reader serves the live path (a batch just written) and recovery
// (a whole file). Invariant: a record is valid only with its file's nonce and its CRC, so that neither an earlier use
// of the file nor bytes that a peer sent can pass for one.
//
// File: one 4 KiB header block, then batches, each starting at a multiple of 4 KiB and padded with zeros.
// Record (little-endian), 64 bytes before the payload:
//    0 u32 payload length          32 u8  kind
//    4 u32 CRC-32 of all after it  33 u8  flags
//    8 8 B the file's nonce        36 u32 channel
//   16 16 B session id             34 u16 count of a screen's output records so far
//   40 u48 record number           48 u48 event number    56 u48 time, µs
import { crc32 } from "node:zlib";
import { formatSessionId } from "../../../shared/ids.ts";

export const blockBytes = 4096;
export const recordHeaderBytes = 64;
/** Larger output and input is cut into several records, larger facts are refused. */
export const maxPayloadBytes = 256 * 1024;
const maxRecordPayload = maxPayloadBytes + 1024;
const magic = Buffer.from("CNDTJRN1");

export const recordKind = { stdout: 1, stderr: 2, input: 3, resize: 4, event: 5, close: 6 } as const;

export const flagEncrypted = 1;
/**
 * Of input that somebody other than the session's person typed: the payload, decrypted, begins with the length of their
 * name in bytes (u8) and the name.
 */
export const flagTypist = 2;
const maxTypistBytes = 255;

export function withTypist(name: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.from(name, "utf8").subarray(0, maxTypistBytes);
  return Buffer.concat([Buffer.from([bytes.length]), bytes, data]);
}

export function splitTypist(payload: Buffer): { by: string; data: Buffer } {
  const from = 1 + (payload[0] ?? 0);
  return { by: payload.toString("utf8", 1, from), data: payload.subarray(from) };
}

export interface JournalRecord {
  session: string;
  kind: number;
  flags: number;
  /** Of the output of a screen, whose decoder cannot go on when one is missing: counts them, modulo 65536. */
  outputNo: number;
  channel: number;
  /** Gapless per session: what recovery counts by. */
  recordNo: number;
  /** The event's number in the stored tracks (`s`): consecutive input packets share one. */
  seq: number;
  atUs: number;
  payload: Buffer;
  /** The header's bytes from the session id on: the additional data of an encrypted payload. */
  aad: Buffer;
}

export interface FileHeader {
  order: number;
  nonce: Buffer;
}

export function encodeFileHeader(header: FileHeader): Buffer {
  const block = Buffer.alloc(blockBytes);
  magic.copy(block, 0);
  block.writeUIntLE(header.order, 8, 6);
  header.nonce.copy(block, 16);
  block.writeUInt32LE(crc32(block.subarray(0, 24)), 24);
  return block;
}

export function decodeFileHeader(block: Buffer): FileHeader | null {
  if (block.length < 28 || !block.subarray(0, 8).equals(magic)) return null;
  if (block.readUInt32LE(24) !== crc32(block.subarray(0, 24))) return null;
  return { order: block.readUIntLE(8, 6), nonce: Buffer.from(block.subarray(16, 24)) };
}

/** Writes all but nonce and CRC, which are set by `sealRecord` when the file is known. */
export function writeRecordHeader(
  into: Buffer,
  at: number,
  session: Uint8Array,
  fields: {
    kind: number;
    flags: number;
    outputNo?: number;
    channel: number;
    recordNo: number;
    seq: number;
    atUs: number;
  },
  payloadBytes: number,
): void {
  into.writeUInt32LE(payloadBytes, at);
  into.set(session, at + 16);
  into[at + 32] = fields.kind;
  into[at + 33] = fields.flags;
  into.writeUInt16LE(fields.outputNo ?? 0, at + 34);
  into.writeUInt32LE(fields.channel, at + 36);
  into.writeUIntLE(fields.recordNo, at + 40, 6);
  into.writeUInt16LE(0, at + 46);
  into.writeUIntLE(fields.seq, at + 48, 6);
  into.writeUInt16LE(0, at + 54);
  into.writeUIntLE(fields.atUs, at + 56, 6);
  into.writeUInt16LE(0, at + 62);
}

export function sealRecord(into: Buffer, at: number, nonce: Buffer): void {
  nonce.copy(into, at + 8);
  const end = at + recordHeaderBytes + into.readUInt32LE(at);
  into.writeUInt32LE(crc32(into.subarray(at + 8, end)), at + 4);
}

function decodeRecord(from: Buffer, at: number, payloadBytes: number): JournalRecord {
  return {
    session: formatSessionId(from.subarray(at + 16, at + 32)),
    kind: from[at + 32] ?? 0,
    flags: from[at + 33] ?? 0,
    outputNo: from.readUInt16LE(at + 34),
    channel: from.readUInt32LE(at + 36),
    recordNo: from.readUIntLE(at + 40, 6),
    seq: from.readUIntLE(at + 48, 6),
    atUs: from.readUIntLE(at + 56, 6),
    payload: from.subarray(at + recordHeaderBytes, at + recordHeaderBytes + payloadBytes),
    aad: from.subarray(at + 16, at + recordHeaderBytes),
  };
}

/** The records of one batch that this process wrote itself. */
export function* batchRecords(batch: Buffer, length: number): Generator<JournalRecord> {
  let at = 0;
  while (at + recordHeaderBytes <= length) {
    const payloadBytes = batch.readUInt32LE(at);
    yield decodeRecord(batch, at, payloadBytes);
    at += recordHeaderBytes + payloadBytes;
  }
}

export interface ScannedRecord {
  record: JournalRecord;
  /** Header and payload as they lie in the file. */
  bytes: Buffer;
}

/**
 * Every valid record of a whole journal file in order of place. What is torn, damaged or of an earlier use is stepped
 * over, and costs no record but its own: batches are written at block boundaries, two of them at a time, so that a hole
 * may have valid batches after it.
 */
export function* scanFile(file: Buffer, nonce: Buffer): Generator<ScannedRecord> {
  let at = blockBytes;
  while (at + recordHeaderBytes <= file.length) {
    const length = validRecordAt(file, at, nonce);
    if (length === null) {
      const next = recordAfter(file, at, nonce);
      if (next === null) return;
      at = next;
      continue;
    }
    const end = at + recordHeaderBytes + length;
    yield { record: decodeRecord(file, at, length), bytes: file.subarray(at, end) };
    at = end;
  }
}

/**
 * Where reading goes on after a place without a valid record: wherever the file's nonce stands next, which no peer knows.
 * The length there says nothing: it may be what is damaged, or of an earlier use of the file.
 */
function recordAfter(file: Buffer, at: number, nonce: Buffer): number | null {
  for (let found = file.indexOf(nonce, at + 9); found >= 0; found = file.indexOf(nonce, found + 1)) {
    if (validRecordAt(file, found - 8, nonce) !== null) return found - 8;
  }
  return null;
}

function validRecordAt(file: Buffer, at: number, nonce: Buffer): number | null {
  if (at + recordHeaderBytes > file.length) return null;
  if (!file.subarray(at + 8, at + 16).equals(nonce)) return null;
  const length = file.readUInt32LE(at);
  const end = at + recordHeaderBytes + length;
  if (length > maxRecordPayload || end > file.length) return null;
  return crc32(file.subarray(at + 8, end)) === file.readUInt32LE(at + 4) ? length : null;
}

/** So far into a file its first whole batch is looked for when the header is damaged: behind the largest that is lost. */
const firstBatchBytes = 2 * maxPayloadBytes;

/** For a file whose header is damaged: the nonce of its first whole record at a batch's place. */
export function nonceOfFirstRecord(file: Buffer): Buffer | null {
  const last = Math.min(file.length - recordHeaderBytes, firstBatchBytes);
  for (let at = blockBytes; at <= last; at += blockBytes) {
    const nonce = Buffer.from(file.subarray(at + 8, at + 16));
    if (nonce.some((byte) => byte !== 0) && validRecordAt(file, at, nonce) !== null) return nonce;
  }
  return null;
}
