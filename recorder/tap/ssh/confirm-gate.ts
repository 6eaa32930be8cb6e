// Lines of one channel's input that somebody else has to agree to, before anything of them is recorded or passes: the key
// that ends such a line is kept. Fed with what the person sends. Invariants: what follows a kept key never passes before it;
// on a terminal it is dropped, in a stream it waits within the channel's window or the channel ends; the person is told.
import type { AwaitedConfirmation, CommandLines, TapSession } from "../tap.ts";

export interface ConfirmGatePlace {
  session: TapSession;
  lines: CommandLines;
  isTerminal(): boolean;
  /** On its way to the target, unless the session is held. */
  pass(bytes: Buffer): void;
  /** Never passes. */
  dropped(bytes: number): void;
  /** The line at the target is emptied, by the gateway. */
  clear(): void;
  tell(sentence: string): void;
  /** A stream may not lose bytes: the channel ends. */
  cut(sentence: string): void;
  failed(error: unknown): void;
}

/** Ctrl+C takes back what waits. */
const interrupt = 0x03;

export class ConfirmGate {
  readonly #place: ConfirmGatePlace;
  #waiting: { awaited: AwaitedConfirmation; byte: Buffer } | null = null;
  /** Behind what waits, in a stream. */
  #kept: Buffer[] = [];
  #afterwards: (() => void)[] = [];

  constructor(place: ConfirmGatePlace) {
    this.#place = place;
  }

  take(data: Buffer): void {
    const { lines, pass, dropped, isTerminal } = this.#place;
    if (this.#waiting !== null) {
      if (!isTerminal()) {
        this.#kept.push(Buffer.from(data));
        return;
      }
      const at = data.indexOf(interrupt);
      dropped(at < 0 ? data.length : at);
      if (at < 0) return;
      const { awaited } = this.#waiting;
      this.#waiting = null;
      dropped(1);
      // The key itself empties the line at the target.
      lines.ended(false);
      awaited.cancel("taken-back");
      pass(Buffer.from([interrupt]));
      if (at + 1 < data.length) this.take(data.subarray(at + 1));
      return;
    }
    const count = lines.typed(data);
    if (count > 0) pass(count === data.length ? data : data.subarray(0, count));
    if (count === data.length) return;
    this.#wait(data.subarray(count));
  }

  /** Once nothing waits any more. */
  whenClear(step: () => void): void {
    if (this.#waiting === null) step();
    else this.#afterwards.push(step);
  }

  /** The channel is over. */
  stop(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#kept = [];
    this.#afterwards = [];
    waiting?.awaited.cancel("channel-closed");
  }

  #wait(data: Buffer): void {
    const { lines, tell, dropped, isTerminal } = this.#place;
    const awaited = lines.ask();
    if (awaited === null) throw new Error("a line has to be agreed to, and nothing asks for it");
    const waiting = { awaited, byte: Buffer.from(data.subarray(0, 1)) };
    this.#waiting = waiting;
    if (data.length > 1) {
      if (isTerminal()) dropped(data.length - 1);
      else this.#kept.push(Buffer.from(data.subarray(1)));
    }
    tell(
      isTerminal() ? `${awaited.sentence} Ctrl+C takes it back; what you type meanwhile is dropped.` : awaited.sentence,
    );
    awaited.answer
      .then(({ given, sentence }) => {
        if (this.#waiting !== waiting) return;
        this.#waiting = null;
        if (given) this.#given(waiting.byte, sentence);
        else this.#refused(sentence);
      })
      .catch((error: unknown) => this.#place.failed(error));
  }

  #given(byte: Buffer, sentence: string): void {
    const { lines, pass, tell } = this.#place;
    tell(sentence);
    lines.ended(true);
    pass(byte);
    const kept = this.#kept;
    this.#kept = [];
    for (const data of kept) this.take(data);
    if (this.#waiting === null) for (const step of this.#afterwards.splice(0)) step();
  }

  #refused(sentence: string): void {
    const { session, lines, isTerminal, dropped, tell, clear, cut } = this.#place;
    dropped(1);
    if (!isTerminal()) {
      for (const data of this.#kept.splice(0)) dropped(data.length);
      cut(sentence);
      return;
    }
    tell(sentence);
    // While it is held nothing empties the line: its end is asked about again.
    if (!session.frozen) {
      lines.ended(false);
      clear();
    }
    for (const step of this.#afterwards.splice(0)) step();
  }
}
