// The viewer's messages after ClientInit, fed with bytes in any split and given as whole messages. What may be long is
// bounded: a clipboard beyond the limit and the contents of a file transfer are skipped and never kept.
import type { AppError } from "../../shared/errors.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ClientMessage, ClientMessageBody, ScreenLayout } from "./client-messages.ts";
import { readExtendedClipboard } from "./extended-clipboard.ts";
import { readPixelFormat } from "./pixel-format.ts";
import { atOffset, malformed, overLimit, rfbError } from "./rfb-error.ts";

export interface ClientLimits {
  /** Clipboard messages up to this length are given whole. */
  maxCutTextBytes: number;
  /** Longer clipboards and file transfers are skipped up to this length; beyond it the parser throws. */
  maxSkippedBytes: number;
  maxEncodings: number;
}

const defaultLimits: ClientLimits = {
  maxCutTextBytes: 1024 * 1024,
  maxSkippedBytes: 64 * 1024 * 1024,
  maxEncodings: 1024,
};

const maxFenceBytes = 64;

/** What the first bytes of a message tell of it. */
interface Measured {
  bytes: number;
  /** Bytes that follow and are dropped. */
  skip?: number;
}

export class ClientParser {
  readonly #limits: ClientLimits;
  readonly #queue = new ByteQueue();
  /** Bytes that `#queue` must have before it is worth another look. */
  #wanted = 1;
  #skip = 0;
  /** Stream offset of the first byte in `#queue`. */
  #offset = 0;
  #failure: AppError | undefined;

  constructor(limits: Partial<ClientLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /** True when no message is half read. */
  get atBoundary(): boolean {
    return this.#queue.length === 0 && this.#skip === 0;
  }

  push(data: Uint8Array): ClientMessage[] {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#parse(data);
    } catch (error) {
      this.#failure = atOffset(error, "inbound", this.#offset);
      throw this.#failure;
    }
  }

  #parse(data: Uint8Array): ClientMessage[] {
    const messages: ClientMessage[] = [];
    const queue = this.#queue;
    queue.push(data);
    for (;;) {
      this.#drop();
      if (queue.length < this.#wanted) break;
      const bytes = queue.bytes.subarray(queue.at, queue.end);
      const measured = this.#measure(bytes);
      if (measured === undefined) break;
      if (bytes.length < measured.bytes) {
        this.#wanted = measured.bytes;
        break;
      }
      const raw = Buffer.from(bytes.subarray(0, measured.bytes));
      messages.push({ ...this.#read(raw, measured.skip), raw });
      this.#skip = measured.skip ?? 0;
      this.#wanted = 1;
      this.#advance(measured.bytes);
    }
    queue.settle();
    return messages;
  }

  #drop(): void {
    const dropped = Math.min(this.#skip, this.#queue.length);
    this.#skip -= dropped;
    this.#advance(dropped);
  }

  #advance(count: number): void {
    this.#queue.at += count;
    this.#offset += count;
  }

  /** The message's length, or undefined while too little of it is there (then `#wanted` says how much is needed). */
  #measure(bytes: Buffer): Measured | undefined {
    const type = bytes[0]!;
    switch (type) {
      case 0:
        return { bytes: 20 };
      case 2:
        return this.#has(bytes, 4) ? { bytes: 4 + 4 * this.#encodingCount(bytes) } : undefined;
      case 3:
      case 150:
        return { bytes: 10 };
      case 4:
        return { bytes: 8 };
      case 5:
        return { bytes: 6 };
      case 6:
        return this.#has(bytes, 8) ? this.#measureCutText(bytes.readInt32BE(4)) : undefined;
      case 7:
        return this.#has(bytes, 12) ? this.#skipped("UltraVNC file transfer", 12, bytes.readUInt32BE(8)) : undefined;
      case 130:
      case 131:
      case 132:
      case 133:
      case 134:
      case 135:
      case 136:
        return this.#measureTightFile(type, bytes);
      case 248:
        return this.#has(bytes, 9) ? { bytes: 9 + fenceLength(bytes[8]!) } : undefined;
      case 250:
        return { bytes: 4 };
      case 251:
        return this.#has(bytes, 8) ? { bytes: 8 + 16 * bytes[6]! } : undefined;
      case 255:
        return this.#measureQemu(bytes);
      default:
        throw rfbError("PROTOCOL_UNKNOWN_MESSAGE", `The viewer sent a message of unknown type ${type}`, { type });
    }
  }

  #has(bytes: Buffer, count: number): boolean {
    if (bytes.length >= count) return true;
    this.#wanted = count;
    return false;
  }

  #encodingCount(bytes: Buffer): number {
    const count = bytes.readUInt16BE(2);
    if (count > this.#limits.maxEncodings) {
      throw overLimit("SetEncodings", `${count} encodings; at most ${this.#limits.maxEncodings} are accepted`);
    }
    return count;
  }

  /** A negative length is that of an extended clipboard message. */
  #measureCutText(signed: number): Measured {
    const length = Math.abs(signed);
    if (length > this.#limits.maxCutTextBytes) return this.#skipped("ClientCutText", 8, length);
    if (signed < 0 && length < 4) throw malformed("ClientCutText", `extended, with ${length} bytes; its flags need 4`);
    return { bytes: 8 + length };
  }

  #skipped(what: string, header: number, length: number): Measured {
    if (length > this.#limits.maxSkippedBytes) {
      throw overLimit(what, `${length} bytes; at most ${this.#limits.maxSkippedBytes} are skipped`);
    }
    return { bytes: header, skip: length };
  }

  #measureTightFile(type: number, bytes: Buffer): Measured | undefined {
    if (!this.#has(bytes, 4)) return undefined;
    const what = "TightVNC file transfer";
    switch (type) {
      case 131:
      case 132:
        return this.#skipped(what, 4, 4 + bytes.readUInt16BE(2));
      case 133: {
        if (!this.#has(bytes, 6)) return undefined;
        const stored = bytes.readUInt16BE(4);
        return this.#skipped(what, 6, bytes.readUInt16BE(2) === 0 && stored === 0 ? 4 : stored);
      }
      default:
        return this.#skipped(what, 4, bytes.readUInt16BE(2));
    }
  }

  #measureQemu(bytes: Buffer): Measured | undefined {
    if (!this.#has(bytes, 4)) return undefined;
    if (bytes[1] === 0) return { bytes: 12 };
    if (bytes[1] !== 1) {
      throw rfbError("PROTOCOL_UNKNOWN_MESSAGE", `The viewer sent a QEMU message of unknown subtype ${bytes[1]}`, {
        type: 255,
        subtype: bytes[1],
      });
    }
    const operation = bytes.readUInt16BE(2);
    if (operation > 2) throw malformed("QEMU audio", `unknown operation ${operation}`);
    return { bytes: operation === 2 ? 10 : 4 };
  }

  #read(raw: Buffer, skip: number | undefined): ClientMessageBody {
    const type = raw[0]!;
    switch (type) {
      case 0:
        return { type: "set-pixel-format", format: readPixelFormat(raw, 4) };
      case 2:
        return { type: "set-encodings", encodings: signedList(raw, 4) };
      case 3:
        return { type: "update-request", incremental: raw[1] !== 0, ...area(raw) };
      case 4:
        return { type: "key", down: raw[1] !== 0, sym: raw.readUInt32BE(4) };
      case 5:
        return { type: "pointer", buttons: raw[1]!, x: raw.readUInt16BE(2), y: raw.readUInt16BE(4) };
      case 6:
        return readCutText(raw, skip);
      case 7:
        return { type: "file-transfer", family: "ultravnc", number: type, bytes: skip ?? 0 };
      case 150:
        return { type: "continuous-updates", enable: raw[1] !== 0, ...area(raw) };
      case 248:
        return { type: "fence", flags: raw.readUInt32BE(4), payload: raw.subarray(9) };
      case 250:
        return { type: "xvp", version: raw[2]!, code: raw[3]! };
      case 251:
        return {
          type: "set-desktop-size",
          width: raw.readUInt16BE(2),
          height: raw.readUInt16BE(4),
          screens: readScreens(raw, 8, raw[6]!),
        };
      case 255:
        return raw[1] === 0
          ? {
              type: "qemu-key",
              down: raw.readUInt16BE(2) !== 0,
              sym: raw.readUInt32BE(4),
              keycode: raw.readUInt32BE(8),
            }
          : { type: "qemu-audio", operation: raw.readUInt16BE(2) };
      default:
        return { type: "file-transfer", family: "tightvnc", number: type, bytes: skip ?? 0 };
    }
  }
}

/** Screens of SetDesktopSize and ExtendedDesktopSize: 16 bytes each. */
export function readScreens(bytes: Buffer, at: number, count: number): ScreenLayout[] {
  return Array.from({ length: count }, (_, index) => {
    const start = at + 16 * index;
    return {
      id: bytes.readUInt32BE(start),
      x: bytes.readUInt16BE(start + 4),
      y: bytes.readUInt16BE(start + 6),
      width: bytes.readUInt16BE(start + 8),
      height: bytes.readUInt16BE(start + 10),
      flags: bytes.readUInt32BE(start + 12),
    };
  });
}

/** A fence's payload is at most 64 bytes long. */
export function fenceLength(length: number): number {
  if (length > maxFenceBytes)
    throw malformed("Fence", `a payload of ${length} bytes; at most ${maxFenceBytes} are allowed`);
  return length;
}

function readCutText(raw: Buffer, skip: number | undefined): ClientMessageBody {
  if (skip !== undefined) return { type: "cut-text-oversize", bytes: skip };
  if (raw.readInt32BE(4) >= 0) return { type: "cut-text", text: raw.toString("latin1", 8) };
  return { type: "cut-text-extended", clipboard: readExtendedClipboard(raw.subarray(8)) };
}

function area(raw: Buffer): { x: number; y: number; width: number; height: number } {
  return { x: raw.readUInt16BE(2), y: raw.readUInt16BE(4), width: raw.readUInt16BE(6), height: raw.readUInt16BE(8) };
}

function signedList(raw: Buffer, at: number): number[] {
  return Array.from({ length: (raw.length - at) / 4 }, (_, index) => raw.readInt32BE(at + 4 * index));
}
