// One end of one channel (RFC 4254 §5): windows, the queue of what waits for the peer's window, half-close and close.
// Invariant: the queue never holds more than the other end's window gave out, because `consumed` returns credit only for
// bytes that left; end-of-file and close wait behind the data, so nothing is cut short.
import { AppError } from "../../../shared/errors.ts";
import { retainDelivered } from "./read-memory.ts";
import type { Transport } from "./transport.ts";
import { encode, encodePart, extendedDataStderr, message, type WireReader } from "./wire.ts";

export const windowBytes = 2 * 1024 * 1024;
export const maxPacketBytes = 32 * 1024;
/** Credit is given back in steps: fewer messages, and the window never runs dry. */
const creditStepBytes = 256 * 1024;
/** Small pieces that wait are copied together, so that a window of single bytes costs its bytes and not its objects. */
const coalesceBelowBytes = 1024;
const coalesceBlockBytes = 16 * 1024;
const maxRequestsAwaitingReply = 256;

export type Stream = "stdout" | "stderr";

export interface ChannelHandlers {
  /** `data` is good during the call: keep a copy, or hand it to another end's `write`, which sees to it. */
  onData(stream: Stream, data: Buffer): void;
  onEof(): void;
  /** Once: the peer closed the channel, or the connection is gone. Answer with `close()` when nothing is left to say. */
  onClose(): void;
  /** `payload`, too, is good during the call. */
  onRequest(type: string, wantReply: boolean, payload: Buffer): void;
  /** So many bytes of what was written have left for the peer. */
  onSent(bytes: number): void;
}

type Queued =
  | { kind: "data"; stream: Stream; data: Buffer; filled: number; release(): void }
  | { kind: "message"; payload: Buffer }
  | { kind: "eof" }
  | { kind: "close" };

export class ChannelEnd {
  readonly localId: number;
  readonly #transport: Transport;
  readonly #forget: () => void;
  #remoteId = 0;
  #sendWindow = 0;
  #sendPacketBytes = 0;
  #receiveWindow = windowBytes;
  #credit = 0;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #replies: ((ok: boolean) => void)[] = [];
  #sentEof = false;
  #sentClose = false;
  #gotClose = false;
  #open = false;
  #paused = false;
  handlers: ChannelHandlers | undefined;

  constructor(transport: Transport, localId: number, forget: () => void) {
    this.#transport = transport;
    this.localId = localId;
    this.#forget = forget;
  }

  /** The peer's side is known: from its CHANNEL_OPEN or its confirmation. */
  opened(remoteId: number, window: number, packetBytes: number): void {
    if (packetBytes < 1) throw malformed("a channel whose packets hold nothing");
    this.#remoteId = remoteId;
    this.#sendWindow = window;
    this.#sendPacketBytes = Math.min(packetBytes, maxPacketBytes);
    this.#open = true;
    this.flush();
  }

  get remoteId(): number {
    return this.#remoteId;
  }

  /** The peer takes no more data. After its close it still takes requests: sshd sends exit-status then. */
  get ended(): boolean {
    return this.#sentClose || this.#gotClose;
  }

  /** @param release called once the bytes are needed no more; without it, bytes being delivered are kept as needed. */
  write(stream: Stream, data: Buffer, release?: () => void): void {
    const rest = this.ended ? undefined : this.#queue.length > 0 ? data : this.#sendNow(stream, data);
    if (rest === undefined || rest.length === 0) release?.();
    else this.#enqueueData(stream, rest, release);
  }

  /** In order behind the data that waits: exit-status and its like. */
  requestAfterData(type: string, payload: Buffer): void {
    if (this.#sentClose) return;
    this.#queue.push({
      kind: "message",
      payload: encode(message.channelRequest, this.#remoteId, type, false, { raw: payload }),
    });
    this.flush();
  }

  /** Past the data that waits. `onReply` given: a reply is wanted, and false is told too when the channel ends first. */
  request(type: string, payload: Buffer, onReply?: (ok: boolean) => void): void {
    if (this.#sentClose) {
      onReply?.(false);
      return;
    }
    if (onReply !== undefined) {
      if (this.#replies.length >= maxRequestsAwaitingReply) throw tooMuch("requests that wait for their reply");
      this.#replies.push(onReply);
    }
    this.#transport.send(encode(message.channelRequest, this.#remoteId, type, onReply !== undefined, { raw: payload }));
  }

  reply(ok: boolean): void {
    if (this.#sentClose) return;
    this.#transport.send(encode(ok ? message.channelSuccess : message.channelFailure, this.#remoteId));
  }

  eof(): void {
    if (this.ended || this.#sentEof) return;
    this.#queue.push({ kind: "eof" });
    this.flush();
  }

  close(): void {
    if (this.#sentClose) return;
    this.#queue.push({ kind: "close" });
    this.flush();
  }

  /** Drops what waits and closes. */
  abandon(): void {
    this.#dropData(true);
    this.close();
  }

  /** Until `resume` no data and no end-of-file leaves; requests and a close are not held. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.flush();
  }

  /** Of what was written, what has not left for the peer. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Data that has not left never does. Answers how much it was. */
  dropQueued(): number {
    const dropped = this.#queuedBytes;
    this.#dropData(false);
    return dropped;
  }

  /**
   * The bytes that came in by `onData` are dealt with: the peer may send as many again.
   * @param atOnce tell it of these, however few: saved up they would come back in one go.
   */
  consumed(bytes: number, atOnce = false): void {
    this.#credit += bytes;
    if (this.#credit < (atOnce ? 1 : creditStepBytes) || this.ended) return;
    this.#receiveWindow += this.#credit;
    this.#transport.send(encode(message.channelWindowAdjust, this.#remoteId, this.#credit));
    this.#credit = 0;
  }

  flush(): void {
    while (this.#open) {
      const head = this.#queue[0];
      if (head === undefined) return;
      if (this.#paused && (head.kind === "data" || head.kind === "eof")) return;
      if (head.kind === "data") {
        const data = head.filled === head.data.length ? head.data : head.data.subarray(0, head.filled);
        this.#queuedBytes -= data.length;
        const rest = this.#sendNow(head.stream, data);
        if (rest !== undefined) {
          this.#queuedBytes += rest.length;
          this.#queue[0] = { ...head, data: rest, filled: rest.length };
          return;
        }
        this.#queue.shift();
        head.release();
        continue;
      }
      this.#queue.shift();
      if (head.kind === "message") this.#transport.send(head.payload);
      else if (head.kind === "eof") this.#sendEof();
      else this.#sendClose();
    }
  }

  // --- from the peer, by the mux ---

  received(type: number, reader: WireReader): void {
    switch (type) {
      case message.channelData:
        this.#receiveData("stdout", reader.string());
        return;
      case message.channelExtendedData: {
        const dataType = reader.uint32();
        const data = reader.string();
        // Other types do not exist; their bytes count against the window all the same.
        if (dataType === extendedDataStderr) this.#receiveData("stderr", data);
        else if (this.#receive(data.length)) this.consumed(data.length);
        return;
      }
      case message.channelWindowAdjust:
        this.#sendWindow = Math.min(this.#sendWindow + reader.uint32(), 0xffffffff);
        this.flush();
        return;
      case message.channelEof:
        this.handlers?.onEof();
        return;
      case message.channelClose:
        if (this.#gotClose) return;
        this.#gotClose = true;
        this.#dropData(true);
        this.#forgetIfClosed();
        this.handlers?.onClose();
        return;
      case message.channelRequest: {
        const name = reader.text();
        const wantReply = reader.boolean();
        this.handlers?.onRequest(name, wantReply, reader.rest());
        return;
      }
      case message.channelSuccess:
      case message.channelFailure:
        this.#replies.shift()?.(type === message.channelSuccess);
        return;
      default:
        throw malformed(`message ${type} for a channel`);
    }
  }

  /** The connection is gone. Idempotent. */
  lost(): void {
    const told = this.#gotClose;
    this.#gotClose = true;
    this.#sentClose = true;
    this.#dropData(true);
    this.#forgetIfClosed();
    const replies = this.#replies;
    this.#replies = [];
    for (const reply of replies) reply(false);
    if (!told) this.handlers?.onClose();
  }

  #receiveData(stream: Stream, data: Buffer): void {
    if (!this.#receive(data.length)) return;
    if (this.handlers === undefined) this.consumed(data.length);
    else this.handlers.onData(stream, data);
  }

  #receive(bytes: number): boolean {
    if (bytes === 0) return false;
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) throw tooMuch("bytes beyond the channel's window");
    return !this.#gotClose;
  }

  /** Sends what window, packet size and socket allow; returns the rest. */
  #sendNow(stream: Stream, data: Buffer): Buffer | undefined {
    let at = 0;
    while (at < data.length && this.#open && !this.#paused && this.#sendWindow > 0 && this.#transport.writable) {
      const length = Math.min(data.length - at, this.#sendWindow, this.#sendPacketBytes);
      const slice = at === 0 && length === data.length ? data : data.subarray(at, at + length);
      this.#transport.send(this.#dataHead(stream, length), slice);
      this.#sendWindow -= length;
      at += length;
    }
    if (at > 0) this.handlers?.onSent(at);
    return at === data.length ? undefined : data.subarray(at);
  }

  #dataHead(stream: Stream, length: number): Buffer {
    const extended = stream === "stderr";
    const head = Buffer.allocUnsafe(extended ? 13 : 9);
    head[0] = extended ? message.channelExtendedData : message.channelData;
    head.writeUInt32BE(this.#remoteId, 1);
    if (extended) head.writeUInt32BE(extendedDataStderr, 5);
    head.writeUInt32BE(length, extended ? 9 : 5);
    return head;
  }

  #enqueueData(stream: Stream, data: Buffer, release: (() => void) | undefined): void {
    this.#queuedBytes += data.length;
    const tail = this.#queue[this.#queue.length - 1];
    if (data.length < coalesceBelowBytes) {
      if (tail?.kind === "data" && tail.stream === stream && tail.data.length - tail.filled >= data.length) {
        tail.filled += data.copy(tail.data, tail.filled);
        release?.();
        return;
      }
      const block = Buffer.allocUnsafe(coalesceBlockBytes);
      this.#queue.push({ kind: "data", stream, data: block, filled: data.copy(block), release: nothing });
      release?.();
      return;
    }
    this.#queue.push({ kind: "data", stream, data, filled: data.length, release: release ?? retainDelivered() });
  }

  #sendEof(): void {
    if (this.#sentEof || this.#sentClose) return;
    this.#sentEof = true;
    this.#transport.send(encode(message.channelEof, this.#remoteId));
  }

  #sendClose(): void {
    if (this.#sentClose || !this.#open) return;
    this.#sentClose = true;
    this.#transport.send(encode(message.channelClose, this.#remoteId));
    this.#forgetIfClosed();
  }

  #forgetIfClosed(): void {
    if (this.#sentClose && this.#gotClose) this.#forget();
  }

  /** What is not data stays: an exit status is told even to who has closed. @param andEof it closes anyway. */
  #dropData(andEof: boolean): void {
    const dropped = this.#queuedBytes;
    for (const queued of this.#queue) if (queued.kind === "data") queued.release();
    this.#queue = this.#queue.filter(({ kind }) => kind !== "data" && !(andEof && kind === "eof"));
    this.#queuedBytes = 0;
    if (dropped > 0) this.handlers?.onSent(dropped);
  }
}

const nothing = (): void => undefined;

/** The payload of a request that carries strings and numbers only. */
export function requestPayload(...parts: (string | number | boolean)[]): Buffer {
  return Buffer.concat(parts.map(encodePart));
}

function malformed(what: string): AppError {
  return new AppError("PROTOCOL_MALFORMED", `The peer sent ${what}; the connection was ended.`, { op: "ssh.channel" });
}

function tooMuch(what: string): AppError {
  return new AppError("PROTOCOL_LIMIT", `The peer sent too many ${what}; the connection was ended.`, {
    op: "ssh.channel",
  });
}
