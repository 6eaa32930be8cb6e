// SFTP while its session is stopped: requests of handles that are open go on their way (and wait there), all others are
// refused. Fed with the operator's bytes, before anything else sees them. Invariant: what passes are whole packets in
// their order; of a refused one no byte passes, and a packet that began before the stop is never torn.
import { WireReader } from "../wire.ts";
import { maxPacketBytes, packet } from "./protocol.ts";
import { parseRequest, type SftpRequest } from "./requests.ts";

export interface FrozenRequestsHandlers {
  /** True: nothing new begins now. */
  stopped(): boolean;
  pass(bytes: Buffer): void;
  /** `bytes`: what the packet weighed on the channel. */
  refuse(request: SftpRequest, bytes: number): void;
}

const ofHandle: ReadonlySet<number> = new Set([
  packet.init,
  packet.close,
  packet.read,
  packet.write,
  packet.fstat,
  packet.fsetstat,
  packet.readdir,
]);
const handleExtensions: ReadonlySet<string> = new Set(["fsync@openssh.com", "fstatvfs@openssh.com"]);
const headBytes = 5;

export class FrozenRequests {
  readonly #handlers: FrozenRequestsHandlers;
  /** Length and type of the packet that begins. */
  readonly #head = Buffer.alloc(headBytes);
  #headFilled = 0;
  /** Its first byte came while nothing new might begin: it is looked at before it passes. */
  #looking = false;
  /** Of the packet's body. */
  #left = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  /** What cannot be followed passes, and ends the channel where it is parsed. */
  #lost = false;

  constructor(handlers: FrozenRequestsHandlers) {
    this.#handlers = handlers;
  }

  feed(chunk: Buffer): void {
    /** What of the chunk passes as it is, and has not yet. */
    let from = 0;
    let at = 0;
    const passUpTo = (end: number): void => {
      if (end > from) this.#handlers.pass(chunk.subarray(from, end));
    };
    while (at < chunk.length && !this.#lost) {
      if (this.#left > 0) {
        const bytes = Math.min(this.#left, chunk.length - at);
        if (this.#body !== undefined) {
          this.#bodyFilled += chunk.copy(this.#body, this.#bodyFilled, at, at + bytes);
          from = at + bytes;
        }
        at += bytes;
        this.#left -= bytes;
        if (this.#left === 0 && this.#body !== undefined) this.#whole();
        continue;
      }
      if (this.#headFilled === 0) {
        this.#looking = this.#handlers.stopped();
        if (this.#looking) passUpTo(at);
      }
      const bytes = chunk.copy(this.#head, this.#headFilled, at, at + headBytes - this.#headFilled);
      this.#headFilled += bytes;
      at += bytes;
      if (this.#looking) from = at;
      if (this.#headFilled === headBytes) this.#begin();
    }
    passUpTo(chunk.length);
  }

  #begin(): void {
    this.#headFilled = 0;
    const length = this.#head.readUInt32BE(0);
    this.#left = length - 1;
    this.#lost = length < headBytes || length > maxPacketBytes;
    if (!this.#looking) return;
    if (this.#lost || ofHandle.has(this.#head[4] ?? 0)) {
      this.#handlers.pass(Buffer.from(this.#head));
      return;
    }
    this.#body = Buffer.allocUnsafe(this.#left);
    this.#bodyFilled = 0;
  }

  #whole(): void {
    const body = this.#body as Buffer;
    this.#body = undefined;
    const type = this.#head[4] ?? 0;
    if (type === packet.extended && isOfHandle(body)) {
      this.#handlers.pass(Buffer.concat([this.#head, body]));
    } else {
      this.#handlers.refuse(parseRequest(type, body), headBytes + body.length);
    }
  }
}

function isOfHandle(body: Buffer): boolean {
  const reader = new WireReader(body);
  reader.uint32();
  return handleExtensions.has(reader.text());
}

/** Where one packet ends and the next begins, in a stream that passes. */
export class PacketBoundary {
  readonly #length = Buffer.alloc(4);
  #filled = 0;
  #left = 0;

  /** Nothing of a packet has passed that has not passed whole. */
  get isHere(): boolean {
    return this.#filled === 0 && this.#left === 0;
  }

  /** Answers after how many bytes of `chunk` the first packet in it ends; -1 where none does. */
  feed(chunk: Buffer): number {
    let first = -1;
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const bytes = Math.min(this.#left, chunk.length - at);
        this.#left -= bytes;
        at += bytes;
      } else {
        const bytes = chunk.copy(this.#length, this.#filled, at, at + 4 - this.#filled);
        this.#filled += bytes;
        at += bytes;
        if (this.#filled < 4) break;
        this.#filled = 0;
        this.#left = this.#length.readUInt32BE(0);
      }
      if (this.#left === 0 && first < 0) first = at;
    }
    return first;
  }
}
