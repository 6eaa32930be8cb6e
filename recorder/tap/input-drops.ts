// Input that a held session's target never has, counted for one channel and said in the record. Fed by the channel's
// inbound side. Invariant: every byte counted is in exactly one notice, at most a second after it came, or when the hold or
// the channel ends; a flood costs one notice a second.
import type { RecordingGate } from "./recording-gate.ts";
import type { HoldCode, TapSession } from "./tap.ts";

const sayEveryMs = 1000;

export interface Dropped {
  bytes: number;
  /** Of them, those that stand in the record as input, from before the hold. */
  recorded?: number;
  /** Signals and the like. */
  requests?: number;
  /** Of a screen. */
  messages?: number;
}

export class InputDrops {
  readonly #session: TapSession;
  readonly #gate: RecordingGate;
  readonly #channel: number;
  readonly #by: string | null;
  #counted: Required<Dropped> | undefined;
  #hold: HoldCode | "confirmation" = "frozen";
  #timer: NodeJS.Timeout | undefined;

  /** @param by whose input it is; null: the session's person. */
  constructor(session: TapSession, gate: RecordingGate, channel: number, by: string | null = null) {
    this.#by = by;
    this.#session = session;
    this.#gate = gate;
    this.#channel = channel;
  }

  /** @param why where it is not the session's hold. */
  add({ bytes, recorded = 0, requests = 0, messages = 0 }: Dropped, why?: "confirmation"): void {
    const hold = why ?? this.#session.hold?.code ?? this.#hold;
    if (hold !== this.#hold) this.say();
    this.#hold = hold;
    const before = this.#counted ?? { bytes: 0, recorded: 0, requests: 0, messages: 0 };
    this.#counted = {
      bytes: before.bytes + bytes,
      recorded: before.recorded + recorded,
      requests: before.requests + requests,
      messages: before.messages + messages,
    };
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.say(), sayEveryMs);
    this.#timer.unref();
  }

  /** What is counted and not said yet. @param closed the channel is closed for it. */
  say(closed = false): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counted = this.#counted;
    if (counted === undefined) return;
    this.#counted = undefined;
    const { bytes, ...others } = counted;
    const more = Object.fromEntries(Object.entries(others).filter(([, count]) => count > 0));
    const by = this.#by === null ? {} : { by: this.#by };
    const facts = { bytes, ...more, hold: this.#hold, ...by, ...(closed ? { closed } : {}) };
    try {
      // Past the gate's limit of notices: these come by the clock, not by the peer.
      this.#gate.append({ type: "notice", notice: "input-dropped", channel: this.#channel, facts });
    } catch {
      // The recording has failed, and the connection was told so by the gate.
    }
  }
}
