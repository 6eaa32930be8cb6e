// The connection protocol of one connection: its table of channels, opens and refusals, global requests (RFC 4254 §4–5).
// Fed by a Transport. Whoever answers
// an offer keeps the number of channels bounded.
import { AppError } from "../../../shared/errors.ts";
import { ChannelEnd, maxPacketBytes, windowBytes } from "./channel-end.ts";
import type { Transport } from "./transport.ts";
import { encode, message, WireReader } from "./wire.ts";

/** A channel that the peer asks for; answer with `accept` or `refuse`. */
export interface ChannelOffer {
  type: string;
  /** Type-specific data (RFC 4254 §7.2 for direct-tcpip). */
  payload: Buffer;
  accept(): ChannelEnd;
  refuse(reason: number, sentence: string): void;
}

export interface MuxEvents {
  onOffer(offer: ChannelOffer): void;
  onGlobalRequest(name: string, payload: Buffer, reply: (ok: boolean) => void): void;
  onGone(error: Error | undefined): void;
}

export class Mux {
  readonly transport: Transport;
  readonly #events: MuxEvents;
  readonly #channels = new Map<number, ChannelEnd>();
  readonly #opening = new Map<number, { channel: ChannelEnd; settle: (error?: AppError) => void }>();
  #nextId = 0;
  /** Replies to global requests leave in the order of the requests. */
  #replies: { ok: boolean | undefined }[] = [];

  constructor(transport: Transport, events: MuxEvents) {
    this.transport = transport;
    this.#events = events;
    transport.start({
      onPayload: (payload) => this.#onPayload(payload),
      onDrain: () => {
        for (const channel of this.#channels.values()) channel.flush();
      },
      onGone: (error) => this.#onGone(error),
    });
  }

  get size(): number {
    return this.#channels.size + this.#opening.size;
  }

  /**
   * Resolves when the peer confirmed; rejects with its words.
   * @param onOpen called with the confirmation itself: the peer's first bytes may be in the same packet, and would come
   * before the promise is heard. Handlers are set here.
   */
  open(type: string, payload: Buffer = Buffer.alloc(0), onOpen?: (channel: ChannelEnd) => void): Promise<ChannelEnd> {
    const id = this.#nextId++;
    const channel = new ChannelEnd(this.transport, id, () => this.#channels.delete(id));
    return new Promise((resolve, reject) => {
      if (this.transport.gone) {
        reject(unreachable("The connection to the target is gone."));
        return;
      }
      this.#opening.set(id, {
        channel,
        settle: (error) => {
          this.#opening.delete(id);
          if (error !== undefined) {
            reject(error);
            return;
          }
          onOpen?.(channel);
          resolve(channel);
        },
      });
      this.transport.send(encode(message.channelOpen, type, id, windowBytes, maxPacketBytes, { raw: payload }));
    });
  }

  #onPayload(payload: Buffer): void {
    const type = payload[0] ?? 0;
    if (type === message.globalRequest) {
      this.#globalRequest(new WireReader(payload, 1));
      return;
    }
    if (type === message.channelOpen) {
      this.#offer(new WireReader(payload, 1));
      return;
    }
    const reader = new WireReader(payload, 1);
    const id = reader.uint32();
    if (type === message.channelOpenConfirmation || type === message.channelOpenFailure) {
      this.#settleOpen(id, type, reader);
      return;
    }
    // A message for a channel that was just closed from our side crosses the close: nothing to do.
    this.#channels.get(id)?.received(type, reader);
  }

  #settleOpen(id: number, type: number, reader: WireReader): void {
    const entry = this.#opening.get(id);
    if (entry === undefined) return;
    if (type === message.channelOpenFailure) {
      reader.uint32();
      entry.settle(
        unreachable(`The target refused to open the channel: ${reader.text().slice(0, 200) || "no reason given"}.`),
      );
      return;
    }
    this.#channels.set(id, entry.channel);
    entry.channel.opened(reader.uint32(), reader.uint32(), reader.uint32());
    entry.settle();
  }

  #offer(reader: WireReader): void {
    const type = reader.text();
    const sender = reader.uint32();
    const window = reader.uint32();
    const packetBytes = reader.uint32();
    const refuse = (reason: number, sentence: string): void => {
      this.transport.send(encode(message.channelOpenFailure, sender, reason, sentence, ""));
    };
    this.#events.onOffer({
      type,
      payload: Buffer.from(reader.rest()),
      refuse,
      accept: () => {
        const id = this.#nextId++;
        const channel = new ChannelEnd(this.transport, id, () => this.#channels.delete(id));
        this.#channels.set(id, channel);
        this.transport.send(encode(message.channelOpenConfirmation, sender, id, windowBytes, maxPacketBytes));
        channel.opened(sender, window, packetBytes);
        return channel;
      },
    });
  }

  #globalRequest(reader: WireReader): void {
    const name = reader.text();
    const wantReply = reader.boolean();
    const entry: { ok: boolean | undefined } = { ok: undefined };
    if (wantReply) this.#replies.push(entry);
    if (this.#replies.length > 256) {
      throw new AppError("PROTOCOL_LIMIT", "The peer sent too many global requests; the connection was ended.", {
        op: "ssh.mux",
      });
    }
    this.#events.onGlobalRequest(name, Buffer.from(reader.rest()), (ok) => {
      entry.ok ??= ok;
      if (wantReply) this.#sendReplies();
    });
  }

  #sendReplies(): void {
    while (this.#replies[0]?.ok !== undefined) {
      const ok = this.#replies.shift()?.ok === true;
      this.transport.send(encode(ok ? message.requestSuccess : message.requestFailure));
    }
  }

  #onGone(error: Error | undefined): void {
    // First the whole, so that each channel's end is not taken for one of its own.
    this.#events.onGone(error);
    for (const entry of [...this.#opening.values()]) entry.settle(unreachable("The connection to the target is gone."));
    for (const channel of [...this.#channels.values()]) channel.lost();
  }
}

function unreachable(sentence: string): AppError {
  return new AppError("PROTOCOL_TARGET_UNREACHABLE", sentence, { op: "ssh.open-channel" });
}
