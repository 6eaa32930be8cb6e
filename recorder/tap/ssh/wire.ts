// The connection protocol's words (RFC 4254) and its string encoding (RFC 4251 §5): what every other file here parses and
// builds messages with. Malformed bytes throw PROTOCOL_MALFORMED; nothing here keeps state.
import { AppError } from "../../../shared/errors.ts";

export const message = {
  disconnect: 1,
  extInfo: 7,
  userauthBanner: 53,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** RFC 4254 §5.1. */
export const openFailure = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
} as const;

/** RFC 4253 §11.1. */
export const disconnectReason = {
  protocolError: 2,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const;

/** RFC 4254 §5.2: the only extended data type there is. */
export const extendedDataStderr = 1;

function malformed(what: string): AppError {
  return new AppError(
    "PROTOCOL_MALFORMED",
    `The peer sent a malformed SSH message (${what}); the connection was ended.`,
    {
      op: "ssh.parse",
    },
  );
}

/** Reads one message from front to back. */
export class WireReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw malformed("it ends too early");
    this.#at++;
    return value;
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    if (this.left < 4) throw malformed("it ends too early");
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A view, not a copy. */
  string(): Buffer {
    const length = this.uint32();
    if (length > this.left) throw malformed("a string is longer than its message");
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  text(): string {
    return this.string().toString("utf8");
  }

  rest(): Buffer {
    const value = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return value;
  }
}

/** Parts of a message: numbers are uint32, booleans one byte, strings and buffers length-prefixed, `raw` as it is. */
export type WirePart = number | boolean | string | Buffer | { raw: Buffer };

/** A payload: the message number, then the parts. */
export function encode(type: number, ...parts: WirePart[]): Buffer {
  return Buffer.concat([Buffer.from([type]), ...parts.map(encodePart)]);
}

export function encodePart(part: WirePart): Buffer {
  if (typeof part === "number") {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(part >>> 0);
    return bytes;
  }
  if (typeof part === "boolean") return Buffer.from([part ? 1 : 0]);
  if (typeof part === "string") return encodePart(Buffer.from(part, "utf8"));
  if (Buffer.isBuffer(part)) {
    const bytes = Buffer.allocUnsafe(4 + part.length);
    bytes.writeUInt32BE(part.length);
    part.copy(bytes, 4);
    return bytes;
  }
  return part.raw;
}
