// What a terminal's output reads like line by line, as a line editor leaves it: recalled, completed, mended, wrapped at the
// terminal's width. Fed with output in any split. Invariant: memory is bounded by one line's bound, and work by the output's
// length, whatever comes; what a full-screen program draws on the other screen is no line.

export interface ShownLine {
  text: string;
  /** When its first character was written. */
  atUs: number;
  /** False: the cursor was placed elsewhere before the line had an end. */
  isEnded: boolean;
}

const maxCells = 4_096;
const maxParameters = 64;
const maxAbove = 50;
/** Cells that each character of output may have filled, moved or erased besides its own; what no program needs is saved up. */
const cellsPerCharacter = 16;
const maxSavedCells = 1_000_000;
const ESC = "\u001b";
const alternate = new Set(["47", "1047", "1049"]);

type State = "text" | "escape" | "csi" | "string" | "string-escape" | "charset";

export class ScreenLines {
  readonly #onLine: (line: ShownLine) => void;
  #cols: number;
  #state: State = "text";
  #parameters = "";
  #stringLength = 0;
  #cells: string[] = [];
  #cursor = 0;
  /** Lines that were given out last, for a line editor that goes back up to them; and those that it left below. */
  #above: string[][] = [];
  #below: string[][] = [];
  /** The last column was written: the cursor stands on it until the next character. */
  #isPending = false;
  #atUs = 0;
  #isFullScreen = false;
  #savedCells = maxSavedCells;

  constructor(cols: number, onLine: (line: ShownLine) => void) {
    this.#cols = bounded(cols);
    this.#onLine = onLine;
  }

  get isFullScreen(): boolean {
    return this.#isFullScreen;
  }

  get beforeCursor(): string {
    return this.#cells.slice(0, this.#cursor).join("");
  }

  get afterCursor(): string {
    return this.#cells.slice(this.#cursor).join("");
  }

  resize(cols: number): void {
    this.#cols = bounded(cols);
  }

  write(output: string, atUs: number): void {
    for (const character of output) {
      if (this.#savedCells < maxSavedCells) this.#savedCells += cellsPerCharacter;
      if (this.#state !== "text") this.#sequence(character, atUs);
      else if (character === ESC) this.#state = "escape";
      else this.#text(character, atUs);
    }
  }

  /** The last line, which has no end. */
  end(): void {
    this.#give(false);
  }

  #text(character: string, atUs: number): void {
    if (character >= " " && character !== "\u007f" && !(character >= "\u0080" && character <= "\u009f")) {
      this.#put(character, atUs);
    } else if (character === "\n") {
      if (this.#row() < this.#lastRow()) {
        this.#cursor += this.#cols;
        this.#isPending = false;
      } else if (this.#below.length > 0) this.#goDown();
      else this.#give(true);
    } else if (character === "\r") {
      this.#cursor = this.#row() * this.#cols;
      this.#isPending = false;
    } else if (character === "\b") {
      this.#cursor = Math.max(0, this.#cursor - 1);
      this.#isPending = false;
    } else if (character === "\t") {
      const stop = this.#cursor + 8 - (this.#cursor % 8);
      while (this.#cursor < stop) {
        if (this.#cursor < this.#cells.length) this.#cursor++;
        else this.#put(" ", atUs);
      }
    }
  }

  #put(character: string, atUs: number): void {
    if (this.#isFullScreen) return;
    if (this.#cursor >= maxCells) this.#give(true);
    if (this.#cells.length === 0) this.#atUs = atUs;
    const gap = this.#cursor - this.#cells.length;
    if (gap > 0) {
      // Without the work for all of the gap, the character stands further to the left.
      const filled = this.#spend(gap);
      this.#cursor -= gap - filled;
      for (let i = 0; i < filled; i++) this.#cells.push(" ");
    }
    this.#cells[this.#cursor++] = character;
    this.#isPending = this.#cursor % this.#cols === 0;
  }

  /** How many of so many cells may be worked on. */
  #spend(cells: number): number {
    const spent = Math.min(cells, this.#savedCells);
    this.#savedCells -= spent;
    return spent;
  }

  #row(): number {
    return Math.floor((this.#cursor - (this.#isPending ? 1 : 0)) / this.#cols);
  }

  #lastRow(): number {
    return Math.floor(Math.max(0, this.#cells.length - 1) / this.#cols);
  }

  #give(isEnded: boolean): void {
    const text = this.#cells.join("").trimEnd();
    const atUs = this.#atUs;
    if (isEnded) this.#above = [...this.#above.slice(1 - maxAbove), this.#cells];
    else this.#above = [];
    this.#below = [];
    this.#cells = [];
    this.#cursor = 0;
    this.#isPending = false;
    if (!this.#isFullScreen && (isEnded || text !== "")) this.#onLine({ text, atUs, isEnded });
  }

  #sequence(character: string, atUs: number): void {
    switch (this.#state) {
      case "escape":
        this.#state = afterEscape(character);
        this.#parameters = "";
        this.#stringLength = 0;
        // A full reset.
        if (character === "c") this.#moved();
        return;
      case "charset":
        this.#state = "text";
        return;
      case "csi":
        if (character >= "@" && character <= "~") {
          this.#state = "text";
          this.#control(character, atUs);
        } else if (this.#parameters.length < maxParameters) this.#parameters += character;
        // One that never ends hides nothing.
        else this.#state = "text";
        return;
      case "string":
        if (character === "\u0007" || character === "\u009c" || ++this.#stringLength > maxCells) this.#state = "text";
        else if (character === ESC) this.#state = "string-escape";
        return;
      case "string-escape":
        this.#state = character === "\\" ? "text" : afterEscape(character);
        this.#parameters = "";
        return;
      case "text":
    }
  }

  #control(final: string, atUs: number): void {
    const [first = ""] = this.#parameters.split(";");
    const count = Math.min(Math.max(Number.parseInt(first, 10) || 1, 1), maxCells);
    const { length } = this.#cells;
    switch (final) {
      case "C":
        this.#moveTo(Math.min(maxCells, this.#cursor + count));
        return;
      case "D":
        this.#moveTo(Math.max(0, this.#cursor - count));
        return;
      case "G":
        this.#moveTo(Math.min(maxCells, this.#row() * this.#cols + count - 1));
        return;
      case "A":
        this.#goUp(this.#spend(count));
        return;
      case "B":
        if (this.#row() + count <= this.#lastRow()) this.#moveTo(this.#cursor + count * this.#cols);
        else if (this.#below.length > 0) this.#goDown();
        return;
      case "P":
        if (this.#affords(length - this.#cursor)) this.#cells.splice(this.#cursor, count);
        return;
      case "X":
        this.#blank(this.#cursor, Math.min(length, this.#cursor + count));
        return;
      case "@":
        if (this.#cursor < length && this.#affords(length - this.#cursor + count))
          this.#cells.splice(this.#cursor, 0, ...Array<string>(count).fill(" "));
        this.#cells.length = Math.min(this.#cells.length, maxCells);
        return;
      case "K":
        this.#eraseRow(first);
        return;
      case "J":
        if (first === "" || first === "0") this.#cells.length = Math.min(length, this.#cursor);
        else if (first === "2" || first === "3") this.#moved();
        return;
      case "H":
      case "f":
        this.#moved();
        return;
      case "h":
      case "l":
        this.#mode(final === "h", atUs);
    }
  }

  #moveTo(cursor: number): void {
    this.#cursor = cursor;
    this.#isPending = false;
  }

  /** Rows of this line, and then lines that stand above it. */
  #goUp(count: number): void {
    const column = (this.#cursor - (this.#isPending ? 1 : 0)) % this.#cols;
    for (let i = 0; i < count; i++) {
      if (this.#row() > 0) this.#moveTo(this.#cursor - this.#cols);
      else {
        const line = this.#above.pop();
        if (line === undefined) return;
        this.#below.push(this.#cells);
        this.#cells = line;
        this.#moveTo(this.#lastRow() * this.#cols + column);
      }
    }
  }

  /** To a line that was given out before: it is not given again. */
  #goDown(): void {
    const column = this.#cursor % this.#cols;
    this.#above.push(this.#cells);
    this.#cells = this.#below.pop() ?? [];
    this.#moveTo(column);
  }

  #eraseRow(what: string): void {
    const row = this.#row();
    const end = Math.min(this.#cells.length, (row + 1) * this.#cols);
    const from = what === "1" || what === "2" ? row * this.#cols : this.#cursor;
    const to = what === "1" ? Math.min(end, this.#cursor + 1) : end;
    if (to === this.#cells.length) this.#cells.length = Math.min(this.#cells.length, from);
    else this.#blank(from, to);
  }

  #blank(from: number, to: number): void {
    const end = from + this.#spend(Math.max(0, to - from));
    for (let i = from; i < end; i++) this.#cells[i] = " ";
  }

  #affords(cells: number): boolean {
    if (cells > this.#savedCells) return false;
    this.#savedCells -= Math.max(0, cells);
    return true;
  }

  /** The cursor is anywhere on the screen now: another line begins. */
  #moved(): void {
    this.#give(false);
  }

  #mode(isSet: boolean, _atUs: number): void {
    if (!this.#parameters.startsWith("?")) return;
    if (
      !this.#parameters
        .slice(1)
        .split(";")
        .some((mode) => alternate.has(mode))
    )
      return;
    if (isSet && !this.#isFullScreen) this.#give(false);
    this.#isFullScreen = isSet;
    this.#cells = [];
    this.#moveTo(0);
  }
}

function bounded(cols: number): number {
  return Math.min(Math.max(cols, 2), maxCells);
}

function afterEscape(character: string): State {
  if (character === "[") return "csi";
  if ("]PX^_".includes(character)) return "string";
  if ("()*+-./#% ".includes(character)) return "charset";
  return character === ESC ? "escape" : "text";
}
