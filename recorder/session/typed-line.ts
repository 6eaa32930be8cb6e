// The line that somebody types at a terminal, put together from keys: characters, corrections and moves of the cursor. For
// the policy's patterns, which would not find a command that was typed with a slip and mended. Invariant: bounded, and a
// line that grows past its bound is given out and begun anew rather than cut.
const maxLine = 4096;
const escapeKey = "\u001b";

/** Control characters as terminals send them. */
const lineEnds = new Set(["\r", "\n"]);
const emptied = new Set(["\u0003", "\u0015", "\u0018"]);

export class TypedLine {
  #line: string[] = [];
  #cursor = 0;
  /** An escape sequence that is not whole yet. */
  #sequence = "";

  /** As it stands. */
  get line(): string {
    return this.#line.join("");
  }

  /** Lines that were ended by this text, or by their length. */
  push(text: string): string[] {
    const ended: string[] = [];
    for (const character of text) {
      if (this.#sequence !== "" || character === escapeKey) {
        this.#escape(character);
      } else if (lineEnds.has(character)) {
        ended.push(this.#end());
      } else {
        this.#key(character);
        if (this.#line.length >= maxLine) ended.push(this.#end());
      }
    }
    return ended;
  }

  #end(): string {
    const line = this.#line.join("");
    this.#line = [];
    this.#cursor = 0;
    return line;
  }

  #key(character: string): void {
    if (emptied.has(character)) {
      this.#end();
    } else if (character === "\u007f" || character === "\b") {
      if (this.#cursor > 0) this.#line.splice(--this.#cursor, 1);
    } else if (character === "\u0017") {
      this.#deleteWord();
    } else if (character === "\u0001") {
      this.#cursor = 0;
    } else if (character === "\u0005") {
      this.#cursor = this.#line.length;
    } else if (character === "\u0002") {
      this.#cursor = Math.max(0, this.#cursor - 1);
    } else if (character === "\u0006") {
      this.#cursor = Math.min(this.#line.length, this.#cursor + 1);
    } else if (character === "\u000b") {
      this.#line.length = this.#cursor;
    } else if (character >= " " || character === "\t") {
      this.#line.splice(this.#cursor++, 0, character);
    }
  }

  #deleteWord(): void {
    let from = this.#cursor;
    while (from > 0 && this.#line[from - 1] === " ") from--;
    while (from > 0 && this.#line[from - 1] !== " ") from--;
    this.#line.splice(from, this.#cursor - from);
    this.#cursor = from;
  }

  /** ESC [ … final, ESC O final, ESC and a character: those that move the cursor count, the others are passed over. */
  #escape(character: string): void {
    const sequence = this.#sequence + character;
    const isOpen =
      sequence === escapeKey ||
      sequence === `${escapeKey}O` ||
      (sequence.startsWith(`${escapeKey}[`) && (sequence.length === 2 || !/[@-~]$/.test(sequence)));
    // A sequence that never ends must not swallow what is typed.
    this.#sequence = isOpen && sequence.length < 32 ? sequence : "";
    if (!isOpen) this.#move(sequence.slice(1));
  }

  #move(keys: string): void {
    switch (keys) {
      case "[D":
      case "OD":
        this.#cursor = Math.max(0, this.#cursor - 1);
        return;
      case "[C":
      case "OC":
        this.#cursor = Math.min(this.#line.length, this.#cursor + 1);
        return;
      case "[H":
      case "OH":
      case "[1~":
        this.#cursor = 0;
        return;
      case "[F":
      case "OF":
      case "[4~":
        this.#cursor = this.#line.length;
        return;
      case "[3~":
        this.#line.splice(this.#cursor, 1);
    }
  }
}
