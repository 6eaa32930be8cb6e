// SFTP while its session is stopped: requests of handles that are open go on their way (and wait there), all others are
// refused. Where somebody else has to agree to uploads, the opening of a file to be written waits, and all behind it. Fed
// with the operator's bytes, before anything else sees them. Invariant: what passes are whole packets in their order; of a
// refused one no byte passes, and a packet that began before the stop is never torn.
import { WireReader } from "../wire.ts";
import { maxPacketBytes, packet } from "./protocol.ts";
import { parseRequest, type SftpRequest } from "./requests.ts";

export interface FrozenRequestsHandlers {
  /** True: nothing new begins now. */
  stopped(): boolean;
  /** Somebody else has to agree to files that are written. */
  asksUploads(): boolean;
  /** Null: this one passes. Else resolves with why it does not, or null. */
  ask(request: SftpRequest): Promise<string | null> | null;
  pass(bytes: Buffer): void;
  /** `bytes`: what the packet weighed on the channel. `why`: nobody agreed to it. */
  refuse(request: SftpRequest, bytes: number, why?: string): void;
  failed(error: unknown): void;
}

const writing: ReadonlySet<string> = new Set(["write", "append", "creat", "trunc"]);

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
  /** Its first byte came while nothing new might begin, or somebody may have to agree: it is looked at before it passes. */
  #looking: "stopped" | "asking" | null = null;
  /** Of the packet's body. */
  #left = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  /** What cannot be followed passes, and ends the channel where it is parsed. */
  #lost = false;
  /** Behind a request that somebody has to agree to; null: none waits. It weighs on the channel's window. */
  #kept: Buffer[] | null = null;

  constructor(handlers: FrozenRequestsHandlers) {
    this.#handlers = handlers;
  }

  feed(chunk: Buffer): void {
    if (this.#kept !== null) {
      this.#kept.push(Buffer.from(chunk));
      return;
    }
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
        if (this.#left === 0 && this.#body !== undefined && this.#whole()) {
          this.#kept = at < chunk.length ? [Buffer.from(chunk.subarray(at))] : [];
          return;
        }
        continue;
      }
      if (this.#headFilled === 0) {
        this.#looking = this.#handlers.stopped() ? "stopped" : this.#handlers.asksUploads() ? "asking" : null;
        if (this.#looking !== null) passUpTo(at);
      }
      const bytes = chunk.copy(this.#head, this.#headFilled, at, at + headBytes - this.#headFilled);
      this.#headFilled += bytes;
      at += bytes;
      if (this.#looking !== null) from = at;
      if (this.#headFilled === headBytes) this.#begin();
    }
    passUpTo(chunk.length);
  }

  #begin(): void {
    this.#headFilled = 0;
    const length = this.#head.readUInt32BE(0);
    this.#left = length - 1;
    this.#lost = length < headBytes || length > maxPacketBytes;
    if (this.#looking === null) return;
    const type = this.#head[4] ?? 0;
    const passes = this.#looking === "stopped" ? ofHandle.has(type) : type !== packet.open;
    if (this.#lost || passes) {
      this.#handlers.pass(Buffer.from(this.#head));
      return;
    }
    this.#body = Buffer.allocUnsafe(this.#left);
    this.#bodyFilled = 0;
  }

  /** True: it waits for somebody to agree, and all behind it. */
  #whole(): boolean {
    const body = this.#body as Buffer;
    this.#body = undefined;
    const type = this.#head[4] ?? 0;
    const whole = Buffer.concat([this.#head, body]);
    if (this.#looking === "stopped" || this.#handlers.stopped()) {
      if (type === packet.extended && isOfHandle(body)) this.#handlers.pass(whole);
      else this.#handlers.refuse(parseRequest(type, body), whole.length);
      return false;
    }
    const request = type === packet.open ? parseRequest(type, body) : undefined;
    const writes = request?.facts.flags?.some((flag) => writing.has(flag)) === true;
    const answer = request !== undefined && writes ? this.#handlers.ask(request) : null;
    if (request === undefined || answer === null) {
      this.#handlers.pass(whole);
      return false;
    }
    answer
      .then((why) => {
        if (why === null) this.#handlers.pass(whole);
        else this.#handlers.refuse(request, whole.length, why);
        const kept = this.#kept ?? [];
        this.#kept = null;
        for (const chunk of kept) this.feed(chunk);
      })
      .catch((error: unknown) => this.#handlers.failed(error));
    return true;
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
