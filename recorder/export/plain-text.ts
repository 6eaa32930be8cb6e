// Terminal output as text for reading and searching: escape sequences left out, carriage returns and backspaces carried
// out on the line. Full-screen programs do not come out as a picture; that is what the replay is for.

const ESC = "\x1b";

type State = "text" | "escape" | "csi" | "string" | "string-escape" | "charset";

export class PlainText {
  #state: State = "text";
  #parameters = "";
  #line: string[] = [];
  #column = 0;

  /** Finished lines of what was written so far, each with its newline. */
  write(output: string): string {
    let done = "";
    for (const character of output) done += this.#next(character);
    return done;
  }

  /** The last line, which had no newline. */
  end(): string {
    return this.#line.length === 0 ? "" : this.#takeLine();
  }

  #next(character: string): string {
    switch (this.#state) {
      case "text":
        return this.#text(character);
      case "escape":
        this.#state = stateAfterEscape(character);
        this.#parameters = "";
        return "";
      case "charset":
        this.#state = "text";
        return "";
      case "csi":
        if (character >= "@" && character <= "~") this.#endOfCsi(character);
        else this.#parameters += this.#parameters.length < 64 ? character : "";
        return "";
      case "string":
        // OSC, DCS, APC, PM, SOS end with BEL or ST (ECMA-48 §5.6).
        if (character === "\x07" || character === "\x9c") this.#state = "text";
        else if (character === ESC) this.#state = "string-escape";
        return "";
      case "string-escape":
        this.#state = character === "\\" ? "text" : stateAfterEscape(character);
        return "";
    }
  }

  #text(character: string): string {
    switch (character) {
      case ESC:
        this.#state = "escape";
        return "";
      case "\n":
        return this.#takeLine();
      case "\r":
        this.#column = 0;
        return "";
      case "\b":
        this.#column = Math.max(0, this.#column - 1);
        return "";
      case "\t":
        this.#put("\t");
        return "";
      default:
        if (character >= " " && character !== "\x7f" && !(character >= "\x80" && character <= "\x9f"))
          this.#put(character);
        return "";
    }
  }

  #put(character: string): void {
    while (this.#line.length < this.#column) this.#line.push(" ");
    this.#line[this.#column++] = character;
  }

  #takeLine(): string {
    const text = this.#line.join("").trimEnd();
    this.#line = [];
    this.#column = 0;
    return `${text}\n`;
  }

  #endOfCsi(final: string): void {
    this.#state = "text";
    const count = Math.min(Math.max(Number.parseInt(this.#parameters, 10) || 1, 1), 1_000);
    if (final === "C") this.#column += count;
    else if (final === "D") this.#column = Math.max(0, this.#column - count);
    else if (final === "G") this.#column = count - 1;
    else if (final === "K" && (this.#parameters === "" || this.#parameters === "0"))
      this.#line.length = Math.min(this.#line.length, this.#column);
    else if (final === "P") this.#line.splice(this.#column, count);
    else if (final === "@") this.#line.splice(this.#column, 0, ...Array<string>(count).fill(" "));
  }
}

function stateAfterEscape(character: string): State {
  if (character === "[") return "csi";
  if ("]PX^_".includes(character)) return "string";
  if ("()*+-./#% ".includes(character)) return "charset";
  return character === ESC ? "escape" : "text";
}
