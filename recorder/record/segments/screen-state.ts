// What lies beside a screen's newest closed segment in the spool, so that a crash costs no picture: the decoder's state
// at that cut. Together with the pixels that the segment ends with, the decoder goes on exactly; the checksum of those
// pixels says whether they are the ones. Layout: "CNDTSCR1", u32 CRC-32 of all after it, u32 length of the JSON facts,
// the facts, the decoder's checkpoint, and where something was stored with loss the target's pixels, deflated.
import { crc32, deflateSync, inflateSync } from "node:zlib";

export interface ScreenStateFacts {
  width: number;
  height: number;
  /** CRC-32 of the pixels, RGBA. */
  pixels: number;
  /** The output record that comes next, as the journal counts them. */
  outputNo: number;
  /** Why there is no checkpoint: the decoder gave up, or the segment had to close within a message. */
  without?: "failed" | "torn";
  /** Who watches as it goes on. */
  watches?: readonly string[];
  /** Length of the checkpoint, where pixels follow it. */
  checkpoint?: number;
}

export interface ScreenState {
  facts: ScreenStateFacts;
  checkpoint: Uint8Array;
  /** Undefined: those that the segment ends with. */
  pixels?: Uint32Array | undefined;
}

const magic = Buffer.from("CNDTSCR1");
const headBytes = magic.length + 8;

export function encodeScreenState(
  facts: ScreenStateFacts,
  checkpoint: Uint8Array = new Uint8Array(),
  pixels?: Uint32Array,
): Uint8Array {
  const json = Buffer.from(JSON.stringify(pixels ? { ...facts, checkpoint: checkpoint.length } : facts));
  const packed = pixels ? deflateSync(bytesOf(pixels), { level: 1 }) : new Uint8Array();
  const state = Buffer.concat([magic, Buffer.alloc(8), json, checkpoint, packed]);
  state.writeUInt32LE(json.length, magic.length + 4);
  state.writeUInt32LE(crc32(state.subarray(magic.length + 4)), magic.length);
  return state;
}

/** Null where the bytes are not those that were written. */
export function decodeScreenState(state: Buffer): ScreenState | null {
  if (state.length < headBytes || !state.subarray(0, magic.length).equals(magic)) return null;
  if (state.readUInt32LE(magic.length) !== crc32(state.subarray(magic.length + 4))) return null;
  const end = headBytes + state.readUInt32LE(magic.length + 4);
  const facts = JSON.parse(state.toString("utf8", headBytes, end)) as ScreenStateFacts;
  if (facts.checkpoint === undefined) return { facts, checkpoint: state.subarray(end) };
  const pixels = new Uint32Array(facts.width * facts.height);
  const unpacked = inflateSync(state.subarray(end + facts.checkpoint), { maxOutputLength: pixels.byteLength });
  new Uint8Array(pixels.buffer).set(unpacked);
  return { facts, checkpoint: state.subarray(end, end + facts.checkpoint), pixels };
}

export function pixelsCrc(pixels: Uint32Array): number {
  return crc32(bytesOf(pixels));
}

function bytesOf(pixels: Uint32Array): Uint8Array {
  return new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
}
