// SFTP packets whole, as the gateway reads and builds them when it is the end point of a file's bytes. Fed chunk by chunk,
// however they are split. Invariant: at most one packet of `maxPacketBytes` is put together at a time.
import { malformedSftp, maxPacketBytes, packet } from "../sftp/protocol.ts";
import { encode, type WirePart, type WireReader } from "../wire.ts";

export class PacketAssembler {
  readonly #onPacket: (type: number, body: Buffer) => void;
  readonly #head = Buffer.alloc(4);
  #headBytes = 0;
  #packet: Buffer | undefined;
  #filled = 0;

  /** @param onPacket `body` is without length and type, and the receiver's to keep. */
  constructor(onPacket: (type: number, body: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#packet === undefined) {
        const bytes = chunk.copy(this.#head, this.#headBytes, at, at + 4 - this.#headBytes);
        at += bytes;
        this.#headBytes += bytes;
        if (this.#headBytes < 4) return;
        const length = this.#head.readUInt32BE(0);
        if (length < 5 || length > maxPacketBytes) throw malformedSftp(`a packet of ${length} bytes`);
        this.#headBytes = 0;
        this.#packet = Buffer.allocUnsafeSlow(length);
        this.#filled = 0;
      }
      const whole: Buffer = this.#packet;
      const bytes = chunk.copy(whole, this.#filled, at);
      at += bytes;
      this.#filled += bytes;
      if (this.#filled < whole.length) return;
      this.#packet = undefined;
      this.#onPacket(whole[0] ?? 0, whole.subarray(1));
    }
  }
}

/** What a packet of this body weighed on the channel. */
export function packetBytes(body: Buffer): number {
  return body.length + 5;
}

export function sftpPacket(type: number, ...parts: WirePart[]): Buffer {
  const payload = encode(type, ...parts);
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

export const statusCode = { ok: 0, eof: 1, noSuchFile: 2, permissionDenied: 3, failure: 4, unsupported: 8 } as const;

export function statusPacket(id: number, code: number, sentence: string): Buffer {
  return sftpPacket(packet.status, id, code, sentence, "en");
}

export function dataPacket(id: number, data: Buffer): Buffer {
  const head = Buffer.allocUnsafe(13);
  head.writeUInt32BE(9 + data.length, 0);
  head[4] = packet.data;
  head.writeUInt32BE(id, 5);
  head.writeUInt32BE(data.length, 9);
  return Buffer.concat([head, data]);
}

/** uint64 as an encoded part. */
export function uint64(value: number): WirePart {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return { raw: bytes };
}

/** ATTRS (draft §5) as far as the gateway keeps and builds them. */
export interface Attrs {
  size?: number;
  owner?: [uid: number, gid: number];
  permissions?: number;
  times?: [accessed: number, modified: number];
}

export function parseAttrs(reader: WireReader): Attrs {
  const attrs: Attrs = {};
  const flags = reader.uint32();
  if ((flags & 0x1) !== 0) attrs.size = reader.uint32() * 2 ** 32 + reader.uint32();
  if ((flags & 0x2) !== 0) attrs.owner = [reader.uint32(), reader.uint32()];
  if ((flags & 0x4) !== 0) attrs.permissions = reader.uint32();
  if ((flags & 0x8) !== 0) attrs.times = [reader.uint32(), reader.uint32()];
  return attrs;
}

export function attrsPart({ size, owner, permissions, times }: Attrs): WirePart {
  const flags =
    (size === undefined ? 0 : 0x1) |
    (owner === undefined ? 0 : 0x2) |
    (permissions === undefined ? 0 : 0x4) |
    (times === undefined ? 0 : 0x8);
  const parts: WirePart[] = [flags];
  if (size !== undefined) parts.push(uint64(size));
  parts.push(...(owner ?? []), ...(permissions === undefined ? [] : [permissions]), ...(times ?? []));
  return { raw: encode(0, ...parts).subarray(1) };
}

export function isEmptyAttrs(attrs: Attrs): boolean {
  return Object.keys(attrs).length === 0;
}

const fileTypeMask = 0o170000;
const regularFile = 0o100000;

/** Where the server says what it is. */
export function isRegular(attrs: Attrs): boolean {
  const type = (attrs.permissions ?? regularFile) & fileTypeMask;
  return type === regularFile || type === 0;
}
