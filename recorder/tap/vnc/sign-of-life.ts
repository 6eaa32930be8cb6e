// Which pointers show that somebody is there, for the idle limit: a button or the wheel always, a move only when it leaves
// the place where the last one counted, and moves alone only for so long. Invariant: what keeps a session open is in its
// recording.

/** A hand on the table, a mouse that trembles. */
const leastPixels = 8;
const movesAloneMs = 10 * 60_000;

export class SignOfLife {
  readonly #now: () => number;
  #x = -leastPixels;
  #y = -leastPixels;
  #buttons = 0;
  #actedMs: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#actedMs = now();
  }

  /** A key, a button, the wheel, the clipboard. */
  acted(): void {
    this.#actedMs = this.#now();
  }

  pointer(x: number, y: number, buttons: number): boolean {
    const isMove = buttons === this.#buttons;
    this.#buttons = buttons;
    const isFar = Math.max(Math.abs(x - this.#x), Math.abs(y - this.#y)) >= leastPixels;
    if (!isMove) this.acted();
    else if (!isFar || this.#now() - this.#actedMs > movesAloneMs) return false;
    this.#x = x;
    this.#y = y;
    return true;
  }
}
