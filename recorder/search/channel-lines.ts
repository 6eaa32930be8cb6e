// One terminal channel: what was run, what else was typed, and what was shown, out of its keys and its output in the order
// of time. A command is what the screen shows behind the prompt when Enter is carried out, since a line that was recalled or
// completed is nowhere among the keys. Invariant: nothing of a secret or of unechoed text comes out, and memory is bounded.
import type { InputLine } from "../../shared/events/stored.ts";
import { TypedLine } from "../session/typed-line.ts";
import { isContinuation, Prompts } from "./prompts.ts";
import { ScreenLines, type ShownLine } from "./screen-lines.ts";
import type { SearchDocument } from "./search-index.ts";

export type Found = Omit<SearchDocument, "session">;

/** Enter was pressed, and the screen has not gone on yet. */
interface Entered {
  atUs: number;
  typed: string;
  /** Null: typed ahead, before its prompt was shown. */
  prompt: string | null;
  /** What stands to the right of the cursor on an empty line. */
  tail: string;
  isHidden: boolean;
  /** It was shown as it was typed, by a program or ahead of its prompt. */
  isEchoed: boolean;
}

interface Ran {
  atUs: number;
  endUs: number | null;
  text: string;
  prompt: string;
  hasShown: boolean;
}

const maxEntered = 256;
const maxRows = 500;
/** The same line within so long is not given again: some programs draw themselves anew and anew. */
const sameForUs = 60_000_000;
const maxRecent = 500;

export class ChannelLines {
  readonly #track: string;
  readonly #give: (found: Found) => void;
  readonly #screen: ScreenLines;
  readonly #prompts = new Prompts();
  readonly #typed = new TypedLine();
  readonly #recent = new Map<string, number>();
  readonly #withCommands: boolean;
  #entered: Entered[] = [];
  /** A line is being typed: its prompt, what stood behind the cursor, and the lines shown since. */
  #editing: { prompt: string | null; tail: string; isHidden: boolean } | null = null;
  #rows: string[] = [];
  #ran: Ran | null = null;
  #isPasting = false;
  #lastOutputUs = 0;
  /** Something was shown since Enter was pressed last. */
  #hasShownSince = false;

  /** @param withCommands the channel has a terminal with somebody at it. */
  constructor(track: string, cols: number, withCommands: boolean, give: (found: Found) => void) {
    this.#track = track;
    this.#withCommands = withCommands;
    this.#give = give;
    this.#screen = new ScreenLines(cols, (line) => this.#line(line));
  }

  resize(cols: number): void {
    this.#screen.resize(cols);
  }

  output(text: string, atUs: number): void {
    this.#screen.write(text, atUs);
    this.#lastOutputUs = atUs;
    this.#hasShownSince = true;
    const ran = this.#ran;
    if (ran === null || ran.endUs !== null || this.#editing !== null || this.#entered.length > 0) return;
    if (this.#prompts.isKnown(this.#screen.beforeCursor)) ran.endUs = atUs;
  }

  input({ k, d, enc, name, by, t }: InputLine): void {
    if (by === "conduit") return;
    if (k === "secret") {
      this.#forgetLine();
    } else if (k === "unechoed") {
      this.#begin();
      if (this.#editing !== null) this.#editing.isHidden = true;
    } else if (k === "key") {
      this.#key(name ?? "", d ?? "", t);
    } else if ((k === "text" || k === "paste") && d !== undefined && enc === undefined) {
      this.#text(d, t);
    }
  }

  end(): void {
    this.#screen.end();
    if (this.#editing !== null && !this.#editing.isHidden) this.#typedText(this.#typed.line, this.#lastOutputUs);
    this.#settle();
    this.#giveRan();
  }

  #key(name: string, bytes: string, t: number): void {
    if (name === "PasteStart" || name === "PasteEnd") {
      this.#isPasting = name === "PasteStart";
      this.#begin();
    } else if (name === "Enter" || name === "Ctrl+J") {
      this.#enter(t);
    } else if (name === "Ctrl+C" || name === "Ctrl+D") {
      this.#forgetLine();
    } else {
      this.#begin();
      this.#typed.push(bytes);
    }
  }

  #text(text: string, t: number): void {
    // Within a marked paste the line editor takes line ends as text.
    const pieces = this.#isPasting ? [text] : text.split(/(?<=[\r\n])/);
    for (const piece of pieces) {
      const isEnded = !this.#isPasting && /[\r\n]$/.test(piece);
      this.#begin();
      for (const long of this.#typed.push(
        this.#isPasting ? piece.replaceAll(/[\r\n]+/g, " ") : piece.replace(/[\r\n]+$/, ""),
      )) {
        this.#typedText(long, t);
      }
      if (isEnded) this.#enter(t);
    }
  }

  #begin(): void {
    if (this.#editing !== null) return;
    const before = this.#screen.beforeCursor;
    const isAhead = this.#entered.length > 0 && !(this.#hasShownSince && this.#prompts.looksLikeOne(before));
    if (!isAhead) {
      this.#settle();
      if (this.#ran !== null) this.#ran.endUs ??= this.#lastOutputUs;
    }
    const tail = isAhead ? "" : this.#screen.afterCursor.trim();
    this.#editing = { prompt: isAhead ? null : before, tail, isHidden: false };
    this.#rows = [];
  }

  #enter(atUs: number): void {
    this.#begin();
    const { prompt, tail, isHidden } = this.#editing ?? { prompt: null, tail: "", isHidden: false };
    const typed = this.#typed.line;
    this.#typed.push("\r");
    this.#editing = null;
    if (this.#screen.isFullScreen || !this.#withCommands) {
      if (!isHidden) this.#typedText(typed, atUs);
      return;
    }
    this.#entered.push({ atUs, typed, prompt, tail, isHidden, isEchoed: false });
    this.#hasShownSince = false;
    if (this.#entered.length > maxEntered) this.#unresolved(this.#entered.shift());
  }

  #forgetLine(): void {
    this.#typed.push("\u0003");
    this.#editing = null;
    this.#rows = [];
  }

  #line(line: ShownLine): void {
    const entered = this.#entered[0];
    if (entered === undefined || !line.isEnded) {
      if (this.#editing !== null && this.#rows.length < maxRows) this.#rows.push(line.text);
      if (!this.#isOfPrompt(line.text)) this.#shown(line);
      return;
    }
    const prompt = this.#promptOf(entered, line.text);
    if (prompt !== null) {
      this.#entered.shift();
      this.#command(entered, prompt, this.#joined(prompt, line.text, entered.tail));
      this.#rows = [];
    } else if (!this.#isEcho(line.text)) this.#shown(line);
  }

  /** What a program that reads lines shows again; or typed ahead, and shown once more behind its prompt. */
  #isEcho(text: string): boolean {
    const shown = text.trim();
    const entered = this.#entered.find(({ typed, isEchoed }) => !isEchoed && typed.trim() === shown);
    if (shown === "" || entered === undefined) return false;
    entered.isEchoed = true;
    return true;
  }

  #isOfPrompt(text: string): boolean {
    const prompt = this.#editing?.prompt?.trimEnd() ?? "";
    return prompt !== "" && text.startsWith(prompt);
  }

  /** The prompt before the command that has just been carried out; null: this line is no such one. */
  #promptOf({ prompt }: Entered, line: string): string | null {
    const own = prompt?.trimEnd() ?? "";
    if (own !== "" && (line.startsWith(own) || this.#rows.some((row) => row.startsWith(own)))) return own;
    return this.#prompts.beginning(line);
  }

  /** A command of several lines, as the line editor shows them: from the last prompt on. */
  #joined(prompt: string, line: string, tail: string): string {
    const rows = [...this.#rows, line];
    const first = rows.findLastIndex((row) => row.startsWith(prompt));
    const shown = rows.slice(Math.max(0, first)).map((row, i) => (i === 0 ? row.slice(prompt.length) : row));
    const text = shown.join("\n").trim();
    return tail !== "" && text.endsWith(tail) ? text.slice(0, -tail.length).trimEnd() : text;
  }

  #command(entered: Entered, prompt: string, text: string): void {
    const { atUs, typed, isHidden } = entered;
    if (text === "" || isHidden) return;
    if (!this.#prompts.accepts(prompt)) {
      this.#typedText(typed, atUs);
      return;
    }
    const before = this.#ran;
    const goesOn = isContinuation(prompt) && before !== null && !before.hasShown && before.prompt !== prompt;
    if (goesOn && before.text.length < 8_000) {
      before.text += `\n${text}`;
      before.endUs = null;
      return;
    }
    this.#prompts.learn(prompt);
    if (before !== null) before.endUs ??= atUs;
    this.#giveRan();
    this.#ran = { atUs, endUs: null, text, prompt, hasShown: false };
  }

  /** Lines that were entered and that the screen never showed behind a prompt. */
  #settle(): void {
    for (const entered of this.#entered) this.#unresolved(entered);
    this.#entered = [];
  }

  #unresolved(entered: Entered | undefined): void {
    if (entered !== undefined && !entered.isHidden) this.#typedText(entered.typed, entered.atUs);
  }

  #typedText(text: string, atUs: number): void {
    if (text.trim() !== "") this.#give({ kind: "typed", atUs, text: text.trim(), track: this.#track });
  }

  #giveRan(): void {
    if (this.#ran === null) return;
    const { atUs, endUs, text } = this.#ran;
    const end = endUs ?? (this.#lastOutputUs > atUs ? this.#lastOutputUs : null);
    this.#give({ kind: "command", atUs, ...(end === null ? {} : { endUs: end }), text, track: this.#track });
    this.#ran = null;
  }

  #shown({ text, atUs }: ShownLine): void {
    if (text.trim() === "" || this.#prompts.isKnown(text)) return;
    if (this.#ran !== null && this.#editing === null) this.#ran.hasShown = true;
    const last = this.#recent.get(text);
    if (last !== undefined && atUs - last < sameForUs) return;
    this.#recent.delete(text);
    this.#recent.set(text, atUs);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= maxRecent) break;
      this.#recent.delete(oldest);
    }
    this.#give({ kind: "output", atUs, text, track: this.#track });
  }
}
