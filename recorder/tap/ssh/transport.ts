// One SSH connection as a pipe of payloads: takes the connection protocol's messages (numbers 80 and up) away from ssh2,
// sends ours, and tells when the peer's socket is full. Invariant: a peer that does not read, floods, or never finishes a
// key exchange holds at most `socketHighWater` and what channel windows allow.
import type { Socket } from "node:net";
import { AppError } from "../../../shared/errors.ts";
import { limitTurns } from "../turn-budget.ts";
import { PacketMemory } from "./packet-memory.ts";
import type { ReadMemory } from "./read-memory.ts";
import {
  holdsView,
  protocolOf,
  type Ssh2Protocol,
  sendPayload,
  sendUrgent,
  usePacketMemory,
} from "./ssh2-internals.ts";
import { disconnectReason, encode, message } from "./wire.ts";

const socketHighWaterBytes = 1024 * 1024;
const socketLimitBytes = 8 * 1024 * 1024;
/** Messages that ssh2 queues until a peer has finished its key exchange. */
const maxSentInKeyExchange = 10_000;

export interface TransportEvents {
  /** A message of the connection protocol. A throw ends the connection. */
  onPayload(payload: Buffer): void;
  /** The socket took what it held back: data may be sent again. */
  onDrain(): void;
  /** Once: the connection is gone, in whatever way. */
  onGone(error: Error | undefined): void;
}

export class Transport {
  readonly socket: Socket;
  readonly #protocol: Ssh2Protocol;
  #events: TransportEvents | undefined;
  #early: Buffer[] = [];
  readonly #memory = new PacketMemory();
  readonly #readMemory: ReadMemory | undefined;
  #corked = false;
  #gone = false;
  #lastError: Error | undefined;
  #sentInKeyExchange = 0;

  /**
   * Call before the key exchange ends: ssh2 binds its payload handler to each new set of keys.
   * @param readMemory what the socket reads into, where that is used again.
   * @param connection an ssh2 `Client` that was given its socket, or a server's connection in its `connection` event.
   */
  constructor(connection: NodeJS.EventEmitter, socket: Socket, readMemory?: ReadMemory) {
    this.socket = socket;
    this.#readMemory = readMemory;
    this.#protocol = protocolOf(connection);
    limitTurns(socket);
    const passOn = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload) => {
      const type = payload[0] ?? 0;
      // Replies to global requests stay with ssh2: its keep-alive counts them.
      const ours = type === message.globalRequest || (type >= message.channelOpen && type <= message.channelFailure);
      // A copy, since ssh2 may keep it.
      if (!ours) return passOn(Buffer.from(payload));
      this.#protocol._onPacket();
      if (this.#events === undefined) this.#holdEarly(payload);
      else this.#deliver(payload);
      return undefined;
    };
    connection.on("error", (error: Error) => {
      this.#lastError ??= error;
    });
    connection.on("handshake", () => {
      usePacketMemory(this.#protocol, this.#memory);
      this.#drained();
    });
    socket.on("drain", () => {
      this.#releaseSent();
      this.#drained();
    });
    socket.once("end", () => this.#finish());
    socket.once("close", () => this.#finish());
  }

  /** Starts delivery, with what came in the meantime first. */
  start(events: TransportEvents): void {
    this.#events = events;
    if (this.#readMemory !== undefined) this.#readMemory.heldBySsh2 = (memory) => holdsView(this.#protocol, memory);
    const early = this.#early;
    this.#early = [];
    for (const payload of early) this.#deliver(payload);
    if (this.#gone) events.onGone(this.#lastError);
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** False: keep data back until `onDrain`. Control messages may be sent all the same; they are few. */
  get writable(): boolean {
    return !this.#gone && this.#protocol._kexinit === undefined && this.socket.writableLength < socketHighWaterBytes;
  }

  /** `body` follows `head` in the same payload, copied once into the packet that is encrypted in place. */
  send(head: Buffer, body?: Buffer): void {
    if (this.#gone || this.#protocol._destruct === undefined) return;
    this.#cork();
    sendPayload(this.#protocol, head, body);
    // Data stops at the high water; what is beyond it are answers to a peer that asks and asks and does not read.
    if (this.socket.writableLength > socketLimitBytes) this.#overrun();
    if (this.#protocol._kexinit === undefined) this.#sentInKeyExchange = 0;
    else if (++this.#sentInKeyExchange > maxSentInKeyExchange) this.#overrun();
  }

  /** SSH_MSG_DISCONNECT with words that OpenSSH and PuTTY print, then the end of the connection. */
  disconnect(sentence: string, reason: number = disconnectReason.byApplication): void {
    if (this.#gone) return;
    try {
      sendUrgent(this.#protocol, encode(message.disconnect, reason, sentence, ""));
    } catch {
      // The cipher is gone already: the peer closed in the same moment.
    }
    this.socket.end();
    // A peer that never closes its side must not keep the socket.
    setTimeout(() => this.socket.destroy(), 2000).unref();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #holdEarly(payload: Buffer): void {
    this.#early.push(Buffer.from(payload));
    if (this.#early.length > 256) this.socket.destroy();
  }

  #deliver(payload: Buffer): void {
    if (this.#gone) return;
    try {
      this.#events?.onPayload(payload);
    } catch (error) {
      this.#lastError ??= error as Error;
      this.disconnect(error instanceof Error ? error.message : "protocol error", disconnectReason.protocolError);
      this.#finish();
    }
  }

  #overrun(): void {
    this.#lastError ??= new AppError("PROTOCOL_LIMIT", "A peer asks without end and does not read the answers.", {
      op: "ssh.send",
    });
    this.socket.destroy();
  }

  /** One system call for everything sent in this turn. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.socket.uncork();
      this.#releaseSent();
    });
  }

  /** A destroyed socket's packets may still be in the kernel's hands: theirs are left to the collector. */
  #releaseSent(): void {
    if (this.socket.writableLength === 0 && !this.socket.destroyed) this.#memory.release();
  }

  #drained(): void {
    if (this.writable) this.#events?.onDrain();
  }

  #finish(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#events?.onGone(this.#lastError);
  }
}
