// Prompt editing as people expect it of a shell: echo, backspace, cursor keys, history, completion, bracketed paste.
export interface Line {
  kind: "line" | "interrupt" | "end";
  text: string;
}

const maxLine = 1000;
const maxHistory = 100;
const pasteStart = "\x1b[200~";
const pasteEnd = "\x1b[201~";

export class LineEditor {
  readonly #write: (text: string) => void;
  readonly #complete: (text: string) => string[];
  readonly #history: string[] = [];
  #prompt = "";
  #echo = true;
  #characters: string[] = [];
  #cursor = 0;
  #recalled = 0;
  #pasting = false;
  #done: ((line: Line) => void) | null = null;
  readonly #ahead: string[] = [];

  constructor(write: (text: string) => void, complete: (text: string) => string[]) {
    this.#write = write;
    this.#complete = complete;
  }

  /** Emacs-style control keys, and what terminals send for their named keys. */
  readonly #bindings: Record<string, () => void> = {
    "\r": () => this.#finish("line"),
    "\n": () => this.#finish("line"),
    "\x03": () => this.#interrupt(),
    "\x04": () => this.#endOnEmpty(),
    "\x7f": () => this.#erase(this.#cursor - 1),
    "\b": () => this.#erase(this.#cursor - 1),
    "\x1b[3~": () => this.#erase(this.#cursor),
    "\x01": () => this.#move(0),
    "\x1b[H": () => this.#move(0),
    "\x1bOH": () => this.#move(0),
    "\x05": () => this.#move(this.#characters.length),
    "\x1b[F": () => this.#move(this.#characters.length),
    "\x1bOF": () => this.#move(this.#characters.length),
    "\x02": () => this.#move(this.#cursor - 1),
    "\x1b[D": () => this.#move(this.#cursor - 1),
    "\x1bOD": () => this.#move(this.#cursor - 1),
    "\x06": () => this.#move(this.#cursor + 1),
    "\x1b[C": () => this.#move(this.#cursor + 1),
    "\x1bOC": () => this.#move(this.#cursor + 1),
    "\x10": () => this.#recall(-1),
    "\x1b[A": () => this.#recall(-1),
    "\x1bOA": () => this.#recall(-1),
    "\x0e": () => this.#recall(1),
    "\x1b[B": () => this.#recall(1),
    "\x1bOB": () => this.#recall(1),
    "\x15": () => this.#replace(""),
    "\x17": () => this.#replace(this.#characters.join("").replace(/\S+\s*$/, "")),
    "\x0c": () => this.#write(`\x1b[2J\x1b[H${this.#prompt}${this.#echo ? this.#characters.join("") : ""}`),
    "\t": () => this.#completeWord(),
  };

  /** Resolves with the next line; without echo nothing of it shows, nor is it kept. */
  read(prompt: string, echo: boolean): Promise<Line> {
    this.#prompt = prompt;
    this.#echo = echo;
    this.#characters = [];
    this.#cursor = 0;
    this.#recalled = this.#history.length;
    this.#write(echo ? `\x1b[?2004h${prompt}` : prompt);
    return new Promise((resolve) => {
      this.#done = resolve;
      while (this.#done !== null && this.#ahead.length > 0) this.#take(this.#ahead.shift() ?? "");
    });
  }

  /** What is typed while no line is read waits for the next one, as a terminal's driver keeps it. */
  key(key: string): void {
    if (this.#done !== null) this.#take(key);
    else if (this.#ahead.length < maxLine) this.#ahead.push(key);
  }

  #take(key: string): void {
    if (key === pasteStart) this.#pasting = true;
    else if (key === pasteEnd) this.#pasting = false;
    else if (this.#pasting) this.#insert(key === "\r" || key === "\n" ? " " : key);
    else this.#edit(key);
  }

  #edit(key: string): void {
    const bound = this.#bindings[key];
    if (bound === undefined) this.#insert(key);
    else bound();
  }

  #interrupt(): void {
    this.#write("^C");
    this.#finish("interrupt");
  }

  #endOnEmpty(): void {
    if (this.#characters.length === 0) this.#finish("end");
  }

  #finish(kind: Line["kind"]): void {
    const text = this.#characters.join("");
    this.#write(this.#echo ? "\r\n\x1b[?2004l\r" : "\r\n");
    if (kind === "line" && this.#echo && text.trim() !== "" && this.#history.at(-1) !== text) {
      this.#history.push(text);
      if (this.#history.length > maxHistory) this.#history.shift();
    }
    const done = this.#done;
    this.#done = null;
    done?.({ kind, text });
  }

  #insert(key: string): void {
    if (key < " " || key.startsWith("\x1b") || this.#characters.length >= maxLine) return;
    this.#characters.splice(this.#cursor, 0, key);
    this.#cursor++;
    if (!this.#echo) return;
    const tail = this.#characters.slice(this.#cursor);
    this.#write(key + tail.join("") + (tail.length > 0 ? `\x1b[${tail.length}D` : ""));
  }

  #erase(index: number): void {
    if (index < 0 || index >= this.#characters.length) return;
    const back = this.#cursor - index;
    this.#characters.splice(index, 1);
    this.#cursor = index;
    if (!this.#echo) return;
    const tail = this.#characters.slice(index).join("");
    this.#write(`${"\b".repeat(back)}${tail}\x1b[K${tail.length > 0 ? `\x1b[${tail.length}D` : ""}`);
  }

  #move(index: number): void {
    const next = Math.max(0, Math.min(this.#characters.length, index));
    const distance = next - this.#cursor;
    this.#cursor = next;
    if (distance !== 0 && this.#echo) this.#write(`\x1b[${Math.abs(distance)}${distance < 0 ? "D" : "C"}`);
  }

  #recall(step: number): void {
    const next = this.#recalled + step;
    if (!this.#echo || next < 0 || next > this.#history.length) return;
    this.#recalled = next;
    this.#replace(this.#history[next] ?? "");
  }

  #replace(text: string): void {
    this.#characters = [...text];
    this.#cursor = this.#characters.length;
    if (this.#echo) this.#write(`\r${this.#prompt}${text}\x1b[K`);
  }

  #completeWord(): void {
    if (!this.#echo || this.#cursor !== this.#characters.length) return;
    const text = this.#characters.join("");
    const found = this.#complete(text);
    if (found.length === 1) this.#replace(`${found[0]} `);
    else if (found.length > 1) this.#write(`\r\n${found.join("   ")}\r\n${this.#prompt}${text}`);
  }
}
