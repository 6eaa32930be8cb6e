// The line that a terminal's cursor is on, as line editors write and mend it: for what is recalled or completed rather than
// typed. Fed with output in any split. Invariant: bounded; where a line has grown beyond a screen's width, what was written
// since its beginning counts beside what it reads like, since editors then move between rows.
const maxLine = 4096;
const maxSequence = 256;
const wideFrom = 60;

export class ShownLine {
  readonly #decoder = new TextDecoder("utf-8");
  #line: string[] = [];
  #cursor = 0;
  #written = "";
  /** It was gone back in or left for another row: what it reads like may not be all of it. */
  #isMoved = false;
  /** A sequence that is not whole yet. */
  #sequence = "";
  /** On this line, since an editor said that it reads keys. */
  #sinceEditor = "";

  get text(): string {
    return this.#line.join("");
  }

  /** Empty where `text` says it all. */
  get written(): string {
    return this.#written.length >= wideFrom ? this.#written : "";
  }

  /**
   * Keys that recall or complete stand there as a terminal echoes what nobody has read: whoever reads it later makes of them
   * what is not known. A tab counts where one was typed.
   */
  hasUnreadKeys(tabs: boolean): boolean {
    return /\^\[[[O]|\^[NPRS]/.test(this.#sinceEditor) || (tabs && this.#sinceEditor.includes("\t"));
  }

  push(bytes: Uint8Array): void {
    for (const character of this.#decoder.decode(bytes, { stream: true })) {
      if (this.#sequence !== "" || character === "\u001b") this.#escape(character);
      else this.#take(character);
    }
  }

  #take(character: string): void {
    this.#sinceEditor = character === "\n" ? "" : (this.#sinceEditor + character).slice(-maxLine);
    if (character === "\n") {
      this.#line = [];
      this.#cursor = 0;
      this.#written = "";
      this.#isMoved = false;
    } else if (character === "\r") {
      this.#isMoved = true;
      this.#cursor = 0;
    } else if (character === "\b") {
      this.#cursor = Math.max(0, this.#cursor - 1);
    } else if (character >= " " && character !== "\u007f") {
      if (this.#cursor < maxLine) this.#line[this.#cursor++] = character;
      this.#written = (this.#written + character).slice(-maxLine);
    }
  }

  #escape(character: string): void {
    const sequence = this.#sequence + character;
    const kind = sequence[1];
    const isString = kind === "]" || kind === "P" || kind === "X" || kind === "^" || kind === "_";
    const isWhole = isString
      ? character === "\u0007" || sequence.endsWith("\u001b\\")
      : kind === "["
        ? sequence.length > 2 && character >= "@" && character <= "~"
        : sequence.length > 1 && !(character >= " " && character <= "/");
    this.#sequence = isWhole || sequence.length > maxSequence ? "" : sequence;
    if (isWhole && kind === "[") this.#control(sequence.slice(2, -1), character);
  }

  #control(parameters: string, final: string): void {
    const count = Math.min(maxLine, Number.parseInt(parameters, 10) || 1);
    switch (final) {
      case "C":
        this.#cursor = Math.min(maxLine, this.#cursor + count);
        while (this.#line.length < this.#cursor) this.#line.push(" ");
        return;
      case "D":
        this.#cursor = Math.max(0, this.#cursor - count);
        return;
      case "G":
        this.#cursor = Math.min(this.#line.length, count - 1);
        return;
      case "P":
        this.#line.splice(this.#cursor, count);
        return;
      case "@":
        this.#line.splice(this.#cursor, 0, ...Array.from({ length: count }, () => " "));
        this.#line.length = Math.min(this.#line.length, maxLine);
        return;
      case "A":
      case "B":
      case "d":
        this.#isMoved = true;
        return;
      case "K":
        if (parameters === "" || parameters === "0") {
          this.#line.length = Math.min(this.#line.length, this.#cursor);
          // On one row nothing else stands there.
          if (!this.#isMoved) this.#written = this.text;
        } else if (parameters === "2") this.#line = this.#line.map(() => " ");
        return;
      case "h":
        // Bracketed paste: editors turn it on when they begin to read a line.
        if (parameters === "?2004") this.#sinceEditor = "";
        return;
      case "J":
      case "H":
        // Drawn anew: what the line is begins here.
        if (final === "H" || parameters === "2") {
          this.#line = [];
          this.#cursor = 0;
        }
    }
  }
}
