// Turns of those who write in this process, one after another: of a pool's connections at most one waits for the database's
// lock, and the others are there for who reads.

export class Turns {
  readonly #limitMs: number;
  #last: Promise<void> = Promise.resolve();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @returns the turn's end; null where it did not come within the limit. */
  async take(): Promise<(() => void) | null> {
    const before = this.#last;
    let end = (): void => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<"too long">((resolve) => {
      timer = setTimeout(resolve, this.#limitMs, "too long");
    });
    const came = await Promise.race([before, tooLong]);
    clearTimeout(timer);
    if (came !== "too long") return end;
    // Who comes after it waits for those before it still.
    void before.then(end);
    return null;
  }
}
