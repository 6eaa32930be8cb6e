// What a program without a terminal is sent, where somebody else has to agree to commands in it. Fed with what the person
// sends. Invariants: a line passes whole or, where nobody agreed to it, not at all and nothing behind it, since a program may
// act on the beginning of a line when its input ends; what waits weighs on the channel's window.
import type { AwaitedConfirmation, CommandStream, StreamLook } from "../tap.ts";

export interface StreamGatePlace {
  stream: CommandStream;
  /** On its way to the target, unless the session is held. */
  pass(bytes: Buffer): void;
  /** Never passes. */
  dropped(bytes: number): void;
  tell(sentence: string): void;
  /** The channel ends: its program may not lose bytes. */
  cut(sentence: string): void;
  /** Input may pass: at once (null), or from when it resolves on. */
  opens(): Promise<void> | null;
  failed(error: unknown): void;
}

/** For the rest of a line to come; then what is there passes, if it may. */
const restOfLineMs = 20;
const longestLine = 4096;

export class ConfirmStreamGate {
  readonly #place: StreamGatePlace;
  #held: Buffer[] = [];
  #waits = false;
  #awaited: AwaitedConfirmation | null = null;
  #timer: NodeJS.Timeout | undefined;
  #atEnd: (() => void) | null = null;
  #stopped = false;

  constructor(place: StreamGatePlace) {
    this.#place = place;
  }

  take(data: Buffer): void {
    if (this.#stopped) return;
    this.#held.push(Buffer.from(data));
    if (!this.#waits) this.#look(false);
  }

  /** No more comes. `step` when all of it has passed. */
  end(step: () => void): void {
    if (this.#stopped) return;
    this.#atEnd = step;
    if (!this.#waits) this.#look(true);
  }

  /** The person has closed the channel: what may still pass does. */
  flush(): void {
    if (!this.#waits && !this.#stopped) this.#look(true);
  }

  /** The channel is over. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#held = [];
    this.#atEnd = null;
    const awaited = this.#awaited;
    this.#awaited = null;
    awaited?.cancel("channel-closed");
  }

  #look(isDue: boolean): void {
    clearTimeout(this.#timer);
    const all = Buffer.concat(this.#held);
    // Programs that send zero bytes speak no lines, and wait for answers.
    const isAll = isDue || this.#atEnd !== null || all.length > longestLine || all.includes(0);
    const { passes, asks } = this.#place.stream.look(all, isAll);
    const rest = all.subarray(passes);
    this.#held = rest.length > 0 ? [rest] : [];
    if (passes > 0) this.#place.pass(all.subarray(0, passes));
    if (asks !== null) this.#wait(rest, asks);
    else if (rest.length > 0) {
      this.#timer = setTimeout(() => this.#attempt(() => this.#look(true)), restOfLineMs);
    } else {
      const end = this.#atEnd;
      this.#atEnd = null;
      end?.();
    }
  }

  #wait(rest: Buffer, asks: NonNullable<StreamLook["asks"]>): void {
    this.#waits = true;
    const opens = this.#place.opens();
    if (opens === null) this.#ask(rest, asks);
    else void opens.then(() => this.#attempt(() => this.#ask(rest, asks)));
  }

  #ask(rest: Buffer, { waits, ask, agreed }: NonNullable<StreamLook["asks"]>): void {
    if (this.#stopped) return;
    const { pass, tell, cut, dropped } = this.#place;
    const awaited = ask();
    this.#awaited = awaited;
    tell(awaited.sentence);
    void awaited.answer.then(({ given, sentence }) => {
      if (this.#awaited !== awaited) return;
      this.#awaited = null;
      this.#attempt(() => {
        if (!given) {
          const bytes = this.#held.reduce((sum, { length }) => sum + length, 0);
          this.stop();
          dropped(bytes);
          cut(sentence);
          return;
        }
        tell(sentence);
        agreed();
        this.#waits = false;
        this.#held = [rest.subarray(waits), ...this.#held.slice(1)];
        pass(rest.subarray(0, waits));
        this.#look(false);
      });
    });
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#place.failed(error);
    }
  }
}
