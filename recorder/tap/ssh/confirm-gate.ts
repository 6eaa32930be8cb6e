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
  /** The line at the target is emptied, by the gateway, and a paste ended. `done`: that has passed, or never will. */
  clear(pasting: boolean, done: () => void): void;
  tell(sentence: string): void;
  /** A stream may not lose bytes: the channel ends. */
  cut(sentence: string): void;
  failed(error: unknown): void;
}

/** Ctrl+C takes back what waits. */
const interrupt = 0x03;
/** For the target to show what was just typed: what stands on the line is known then. */
const settleMs = 150;
/** For a target that shows nothing of it yet. */
const longestSettleMs = 2000;
const pasteEnd = Buffer.from("\x1b[201~");

interface Waiting {
  /** Null: what the line shows is still awaited. */
  awaited: AwaitedConfirmation | null;
  byte: Buffer;
}

export class ConfirmGate {
  readonly #place: ConfirmGatePlace;
  #waiting: Waiting | null = null;
  /** Behind what waits: in a stream, and on a terminal until it is known whether it waits. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #pasteIsWhole = false;
  #afterwards: (() => void)[] = [];
  #passedMs = Number.NEGATIVE_INFINITY;
  #shownMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(place: ConfirmGatePlace) {
    this.#place = place;
  }

  take(data: Buffer): void {
    const { lines } = this.#place;
    for (let rest = data; rest.length > 0; ) {
      if (this.#waiting !== null) {
        this.#behind(rest, this.#waiting);
        return;
      }
      const count = lines.typed(rest);
      if (count > 0) this.#pass(rest.subarray(0, count));
      if (count === rest.length) return;
      this.#stop(Buffer.from(rest.subarray(count, count + 1)));
      rest = rest.subarray(count + 1);
    }
  }

  /** The target has shown something. */
  shown(): void {
    this.#shownMs = performance.now();
  }

  /** No more comes: `step` once nothing waits. */
  end(step: () => void): void {
    if (this.#waiting === null) step();
    else this.#afterwards.push(step);
  }

  /** The channel is over. */
  stop(): void {
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#kept = [];
    this.#afterwards = [];
    waiting?.awaited?.cancel("channel-closed");
  }

  #pass(bytes: Buffer): void {
    this.#passedMs = performance.now();
    this.#place.pass(bytes);
  }

  #behind(data: Buffer, waiting: Waiting): void {
    const { lines, dropped, isTerminal } = this.#place;
    const at = isTerminal() ? data.indexOf(interrupt) : -1;
    if (at < 0) {
      if (isTerminal() && waiting.awaited !== null) this.#keepPaste(data);
      else this.#keep(data);
      return;
    }
    this.#dropKept();
    dropped(at + 1);
    clearTimeout(this.#timer);
    this.#waiting = null;
    const { pasting } = lines;
    // The key itself empties the line at the target.
    lines.ended(false);
    waiting.awaited?.cancel("taken-back");
    this.#pass(Buffer.concat([...(pasting ? [pasteEnd] : []), Buffer.from([interrupt])]));
    if (at + 1 < data.length) this.take(data.subarray(at + 1));
  }

  /** The rest of a paste belongs to what waits: without its end the target would take all that follows for text. */
  #keepPaste(data: Buffer): void {
    if (!this.#place.lines.pasting || this.#pasteIsWhole) {
      this.#place.dropped(data.length);
      return;
    }
    this.#keep(data);
    this.#dropBehindPaste();
  }

  #dropBehindPaste(): void {
    const kept = Buffer.concat(this.#kept);
    const at = kept.indexOf(pasteEnd);
    if (at < 0) return;
    this.#pasteIsWhole = true;
    const end = at + pasteEnd.length;
    this.#kept = [kept.subarray(0, end)];
    this.#keptBytes = end;
    if (kept.length > end) this.#place.dropped(kept.length - end);
  }

  #keep(data: Buffer): void {
    this.#kept.push(Buffer.from(data));
    this.#keptBytes += data.length;
  }

  #dropKept(): void {
    this.#kept = [];
    this.#pasteIsWhole = false;
    if (this.#keptBytes > 0) this.#place.dropped(this.#keptBytes);
    this.#keptBytes = 0;
  }

  #stop(byte: Buffer): void {
    const { lines, isTerminal } = this.#place;
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#passedMs;
    if ((sinceMs >= settleMs && !lines.unseen) || !isTerminal()) {
      this.#ask(byte);
      return;
    }
    const waiting: Waiting = { awaited: null, byte };
    this.#waiting = waiting;
    this.#settle(waiting, Math.max(0, settleMs - sinceMs), nowMs);
  }

  #settle(waiting: Waiting, forMs: number, stoppedMs: number): void {
    const { byte } = waiting;
    this.#timer = setTimeout(() => {
      if (this.#waiting !== waiting) return;
      const { lines } = this.#place;
      // Of a paste nothing is shown before its end.
      const isDue = lines.pasting || performance.now() - stoppedMs >= longestSettleMs;
      if ((this.#shownMs < this.#passedMs || lines.unseen) && !isDue) {
        this.#settle(waiting, settleMs, stoppedMs);
        return;
      }
      this.#waiting = null;
      this.#attempt(() => {
        this.#ask(byte);
        if (this.#waiting === null) this.#takeKept();
      });
    }, forMs);
  }

  /** What the line shows is known: it passes, or waits. */
  #ask(byte: Buffer): void {
    const { session, lines, tell, isTerminal } = this.#place;
    const awaited = lines.ask();
    if (awaited === null) {
      // While it is held the key is dropped, and the line stands.
      if (!session.frozen) lines.ended(true);
      this.#pass(byte);
      return;
    }
    const waiting: Waiting = { awaited, byte };
    this.#waiting = waiting;
    if (isTerminal() && lines.pasting) this.#dropBehindPaste();
    else if (isTerminal()) this.#dropKept();
    tell(
      isTerminal() ? `${awaited.sentence} Ctrl+C takes it back; what you type meanwhile is dropped.` : awaited.sentence,
    );
    void awaited.answer.then(({ given, sentence }) => {
      if (this.#waiting !== waiting) return;
      this.#waiting = null;
      this.#attempt(() => (given ? this.#given(byte, sentence) : this.#refused(sentence)));
    });
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#place.failed(error);
    }
  }

  #given(byte: Buffer, sentence: string): void {
    const { lines, tell } = this.#place;
    tell(sentence);
    lines.ended(true);
    this.#pass(byte);
    this.#takeKept();
  }

  #takeKept(): void {
    const kept = Buffer.concat(this.#kept);
    this.#kept = [];
    this.#keptBytes = 0;
    this.#pasteIsWhole = false;
    this.take(kept);
    if (this.#waiting === null) for (const step of this.#afterwards.splice(0)) step();
  }

  #refused(sentence: string): void {
    const { session, lines, isTerminal, dropped, tell, clear, cut } = this.#place;
    dropped(1);
    this.#dropKept();
    if (!isTerminal()) {
      cut(sentence);
      return;
    }
    tell(sentence);
    // While it is held nothing empties the line: its end is asked about again.
    if (session.frozen) {
      this.#takeKept();
      return;
    }
    const { pasting } = lines;
    lines.ended(false);
    // What comes next is typed on an empty line, or not at all.
    const clearing: Waiting = { awaited: null, byte: Buffer.alloc(0) };
    this.#waiting = clearing;
    clear(pasting, () => {
      if (this.#waiting !== clearing) return;
      this.#waiting = null;
      this.#attempt(() => this.#takeKept());
    });
  }
}
