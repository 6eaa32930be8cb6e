// What a screen has besides pixels: cursor, pointer, name, bell. Kept twice: what the target said last, and what a
// reader was told; a keyframe repeats the latter.
import {
  asciiJson,
  type CursorShape,
  type EncodedRecord,
  type ScreenCode,
  type ScreenRect,
  screenCode,
  screenLimits,
} from "../../shared/screen/format.ts";
import { ByteWriter } from "./byte-writer.ts";

const noPayload = new Uint8Array(0);
const furthest = 0xffff;

export class ScreenFacts {
  #cursor: CursorShape | null = null;
  #pointer: { x: number; y: number } | null = null;
  #name: string | null = null;
  #cursorWaits: { shape: CursorShape | null } | null = null;
  #pointerWaits: { x: number; y: number } | null = null;
  #nameWaits: string | null = null;
  #bellWaits = false;

  cursor(shape: CursorShape | null): void {
    const { cursorSide } = screenLimits;
    const fits =
      shape !== null && shape.width <= cursorSide && shape.height <= cursorSide && shape.width * shape.height > 0;
    this.#cursorWaits = {
      shape: fits
        ? {
            hotX: Math.min(shape.hotX, cursorSide),
            hotY: Math.min(shape.hotY, cursorSide),
            width: shape.width,
            height: shape.height,
            rgba: shape.rgba.slice(0, shape.width * shape.height * 4),
          }
        : null,
    };
  }

  pointer(x: number, y: number): void {
    this.#pointerWaits = { x: within(x), y: within(y) };
  }

  name(name: string): void {
    this.#nameWaits = name.slice(0, screenLimits.nameChars);
  }

  bell(): void {
    this.#bellWaits = true;
  }

  get waiting(): boolean {
    return this.#bellWaits || this.#cursorWaits !== null || this.#pointerWaits !== null || this.#nameWaits !== null;
  }

  /** What the reader has not been told yet. */
  tell(records: EncodedRecord[]): void {
    if (this.#cursorWaits) {
      this.#cursor = this.#cursorWaits.shape;
      this.#cursorWaits = null;
      records.push(recordOf(screenCode.cursor, (to) => (this.#cursor ? putCursor(to, this.#cursor) : to.byte(0))));
    }
    if (this.#pointerWaits) {
      const pointer = this.#pointerWaits;
      this.#pointer = pointer;
      this.#pointerWaits = null;
      records.push(recordOf(screenCode.pointer, (to) => putPointer(to, pointer)));
    }
    if (this.#nameWaits !== null) {
      const name = this.#nameWaits;
      this.#name = name;
      this.#nameWaits = null;
      records.push(recordOf(screenCode.name, (to) => putText(to, name)));
    }
    if (this.#bellWaits) {
      this.#bellWaits = false;
      records.push({ code: screenCode.bell, payload: noPayload });
    }
  }

  /** In a keyframe: flags and what they announce. */
  put(to: ByteWriter): void {
    to.byte((this.#cursor ? 1 : 0) | (this.#pointer ? 2 : 0) | (this.#name === null ? 0 : 4));
    if (this.#cursor) putCursor(to, this.#cursor);
    if (this.#pointer) putPointer(to, this.#pointer);
    if (this.#name !== null) putText(to, this.#name);
  }
}

/** A record that says that something is missing from here to the next keyframe. */
export function gapRecord(reason: string): EncodedRecord {
  return recordOf(screenCode.gap, (to) => putText(to, reason.slice(0, screenLimits.nameChars)));
}

export function lossyRecord(origin: number, areas: readonly ScreenRect[]): EncodedRecord {
  return recordOf(screenCode.lossy, (to) => {
    to.byte(origin);
    putAreas(to, areas);
  });
}

export function putAreas(to: ByteWriter, areas: readonly ScreenRect[]): void {
  to.varint(areas.length);
  for (const { x, y, width, height } of areas) for (const part of [x, y, width, height]) to.varint(part);
}

function recordOf(code: ScreenCode, put: (to: ByteWriter) => void): EncodedRecord {
  const writer = new ByteWriter(64);
  put(writer);
  return { code, payload: writer.written() };
}

function within(value: number): number {
  return Math.min(furthest, Math.max(0, Math.floor(value)));
}

function putCursor(to: ByteWriter, shape: CursorShape): void {
  to.byte(1);
  to.varint(shape.hotX);
  to.varint(shape.hotY);
  to.varint(shape.width);
  to.varint(shape.height);
  to.append(shape.rgba);
}

function putPointer(to: ByteWriter, at: { x: number; y: number }): void {
  to.varint(at.x);
  to.varint(at.y);
}

function putText(to: ByteWriter, text: string): void {
  const json = asciiJson(text);
  to.varint(json.length);
  to.ascii(json);
}
