// Replies to channel requests leave in the order of the requests (RFC 4254 §5.4), though the target answers some of them
// and the gateway others.
import type { ChannelEnd } from "./channel-end.ts";

export class ReplyQueue {
  readonly #channel: ChannelEnd;
  readonly #slots: { ok: boolean | undefined }[] = [];

  constructor(channel: ChannelEnd) {
    this.#channel = channel;
  }

  /** The answer counts once; without `wantReply` it goes nowhere. */
  reserve(wantReply: boolean): (ok: boolean) => void {
    if (!wantReply) return () => undefined;
    const slot: { ok: boolean | undefined } = { ok: undefined };
    this.#slots.push(slot);
    return (ok) => {
      slot.ok ??= ok;
      while (this.#slots[0]?.ok !== undefined) this.#channel.reply(this.#slots.shift()?.ok === true);
    };
  }
}
