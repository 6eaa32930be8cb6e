// Reads the records of one decompressed screen segment in order. Fed by the browser, the export, the tests and the
// encoder's own restart; allocates nothing but the records' views.
import type { SegmentHeader } from "../events/stored.ts";
import { ByteReader } from "./byte-reader.ts";
import { damaged, fitsScreenLimits, readHeaderLine, type ScreenCode, type ScreenRecord, screenCode } from "./format.ts";

const lastCode = Math.max(...Object.values(screenCode));

export class ScreenReader {
  readonly header: SegmentHeader["conduit"];
  /** The screen's size at the segment's start. */
  readonly width: number;
  readonly height: number;
  readonly #reader: ByteReader;
  #atUs: number;
  #first = true;

  /** @param segment decompressed. */
  constructor(segment: Uint8Array) {
    const { header, width, height, length } = screenHeader(segment);
    this.header = header;
    this.width = width;
    this.height = height;
    this.#atUs = header.startUs;
    this.#reader = new ByteReader(segment, 0, length);
  }

  /** The next record, or null at the end. */
  next(): ScreenRecord | null {
    const reader = this.#reader;
    if (reader.done) {
      if (this.#first) throw damaged(reader.offset, "is missing: the segment has no keyframe");
      return null;
    }
    const record = readRecord(reader, this.#first, this.#atUs);
    this.#first = false;
    this.#atUs = record.atUs;
    return record;
  }
}

/** @param first it has to be a keyframe, and no other has. @param sinceUs time of the record before it. */
export function readRecord(reader: ByteReader, first: boolean, sinceUs: number): ScreenRecord {
  const atUs = sinceUs + reader.varint();
  if (atUs > Number.MAX_SAFE_INTEGER) reader.fail("follows a time that is too large");
  const code = reader.byte();
  if (code > lastCode) reader.fail(`follows the unknown code ${code}; a newer version of this software may know it`);
  if (first !== (code === screenCode.keyframe)) reader.fail("follows a keyframe that is not the first record");
  const length = reader.varint();
  const offset = reader.offset;
  const payload = reader.take(length, "a record");
  return { atUs, code: code as ScreenCode, payload, offset };
}

/** What a screen segment's header says. */
export function screenHeader(segment: Uint8Array): {
  header: SegmentHeader["conduit"];
  width: number;
  height: number;
  length: number;
} {
  const { header, length } = readHeaderLine(segment);
  const { width, height } = header;
  if (typeof width !== "number" || typeof height !== "number" || !isSize(width, height)) {
    throw damaged(0, "begins a header without a width and height that a screen can have");
  }
  return { header: header.conduit, width, height, length };
}

function isSize(width: number, height: number): boolean {
  return Number.isInteger(width) && Number.isInteger(height) && fitsScreenLimits(width, height);
}
