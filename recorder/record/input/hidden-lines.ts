// How many lines of a channel may be hidden as secrets: whoever prints prompts and switches the echo off would else hide
// whatever is typed. Asked in the order of the lines. Invariant: a piece of a line shares the fate of its beginning,
// unless the line has become longer than any secret.

/** A password, and the new one twice; or three attempts. */
const mostInARow = 3;
const mostChars = 128;

export class HiddenLines {
  #inARow = 0;
  #overlong = false;
  #hiding = true;
  #lineChars = 0;

  /** True when a line, or a piece that goes on with one, that looks like a secret of `chars` characters is hidden. */
  hides(chars: number, goesOn: boolean): boolean {
    if (!goesOn) {
      this.#hiding = !this.suspected;
      this.#lineChars = 0;
      if (this.#hiding) this.#inARow++;
    } else if (this.#lineChars > mostChars) {
      this.#hiding = false;
    }
    this.#lineChars += chars;
    if (this.#lineChars > mostChars) this.#overlong = true;
    return this.#hiding;
  }

  get suspected(): boolean {
    return this.#overlong || this.#inARow >= mostInARow;
  }

  /** Input was echoed as usual: what comes next is looked at afresh. */
  echoed(): void {
    this.#inARow = 0;
    this.#overlong = false;
  }
}
