// A decoder's state between two messages, without the pixels, as bytes: "RFBD", version 1, u32 length of a JSON head,
// the head, then the blobs whose lengths it gives: colour map, the zlib streams' last output, the cursor's pixels.
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { streamPlaces } from "./decoders/context.ts";
import type { Framebuffer } from "./framebuffer.ts";
import type { InflateState } from "./inflate-stream.ts";
import { colourMapEntries } from "./pixel-codec.ts";
import { type PixelFormat, readPixelFormat, writePixelFormat } from "./pixel-format.ts";
import type { CursorShape } from "./screen-outlet.ts";

export interface DecoderState {
  width: number;
  height: number;
  format: PixelFormat;
  colourMap: Uint32Array;
  /** By place; undefined where a stream was never used. */
  streams: (InflateState | undefined)[];
  cursor: CursorShape | null | undefined;
  name: string | undefined;
}

const magic = "RFBD";
const version = 1;
const prefixBytes = 9;
const maxHistoryBytes = 32 * 1024;
const mapBytes = 4 * colourMapEntries;

const side = z.int().min(0).max(0xffff);
const Head = z.strictObject({
  width: side,
  height: side,
  format: z.base64(),
  name: z.string().optional(),
  streams: z
    .array(z.strictObject({ started: z.boolean(), bytes: z.int().min(0).max(maxHistoryBytes) }).nullable())
    .length(streamPlaces),
  cursor: z.strictObject({ hotX: side, hotY: side, width: side, height: side }).nullable().optional(),
});
type Head = z.infer<typeof Head>;

export function writeCheckpoint(state: DecoderState): Uint8Array {
  const head: Head = {
    width: state.width,
    height: state.height,
    format: writePixelFormat(state.format).toString("base64"),
    streams: state.streams.map((stream) =>
      stream === undefined ? null : { started: stream.started, bytes: stream.history.length },
    ),
  };
  if (state.name !== undefined) head.name = state.name;
  if (state.cursor === null) head.cursor = null;
  else if (state.cursor !== undefined) {
    const { hotX, hotY, width, height } = state.cursor;
    head.cursor = { hotX, hotY, width, height };
  }
  const text = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.alloc(prefixBytes);
  prefix.write(magic, "latin1");
  prefix.writeUInt8(version, 4);
  prefix.writeUInt32LE(text.length, 5);
  const colourMap = Buffer.alloc(mapBytes);
  for (const [entry, colour] of state.colourMap.entries()) colourMap.writeUInt32LE(colour, 4 * entry);
  const histories = state.streams.map((stream) => stream?.history ?? new Uint8Array(0));
  return Buffer.concat([prefix, text, colourMap, ...histories, state.cursor?.rgba ?? new Uint8Array(0)]);
}

/** `framebuffer` must have the size that the checkpoint was taken with. */
export function readCheckpoint(bytes: Uint8Array, framebuffer: Framebuffer): DecoderState {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < prefixBytes || data.toString("latin1", 0, 4) !== magic || data[4] !== version) {
    throw unreadable("it is none of this version");
  }
  const textEnd = prefixBytes + data.readUInt32LE(5);
  const head = readHead(data.subarray(prefixBytes, textEnd));
  if (head.width !== framebuffer.width || head.height !== framebuffer.height) {
    throw unreadable(
      `it is of ${head.width}×${head.height}, the picture of ${framebuffer.width}×${framebuffer.height}`,
    );
  }
  const cursorBytes = 4 * (head.cursor?.width ?? 0) * (head.cursor?.height ?? 0);
  const total = head.streams.reduce((sum, stream) => sum + (stream?.bytes ?? 0), textEnd + mapBytes + cursorBytes);
  if (total !== data.length) throw unreadable(`it has ${data.length} bytes instead of ${total}`);
  let at = textEnd;
  const blob = (length: number): Buffer => {
    at += length;
    return data.subarray(at - length, at);
  };
  const map = blob(mapBytes);
  const streams = head.streams.map((stream) =>
    stream === null ? undefined : { started: stream.started, history: Uint8Array.from(blob(stream.bytes)) },
  );
  return {
    width: head.width,
    height: head.height,
    format: readPixelFormat(Buffer.from(head.format, "base64"), 0),
    colourMap: Uint32Array.from({ length: colourMapEntries }, (_, entry) => map.readUInt32LE(4 * entry)),
    streams,
    cursor:
      head.cursor === undefined || head.cursor === null
        ? head.cursor
        : { ...head.cursor, rgba: Uint8Array.from(blob(cursorBytes)) },
    name: head.name,
  };
}

function readHead(text: Buffer): Head {
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch {
    throw unreadable("its head is no JSON");
  }
  const head = Head.safeParse(value);
  if (!head.success || Buffer.from(head.data.format, "base64").length !== 16)
    throw unreadable("its head has another form");
  return head.data;
}

function unreadable(why: string): AppError {
  return new AppError("INTEGRITY_FORMAT", `A checkpoint of a screen cannot be read: ${why}`, { op: "rfb.checkpoint" });
}
