// The lines of one terminal as far as they have to be agreed to: what is typed, and what the terminal shows of it, since a
// command that is recalled or completed is not typed. Invariant: a key that ends a line passes unasked only when neither has
// a command that the rules name.
import type { ConfirmRules } from "../../shared/policy/confirm.ts";
import type { Confirm } from "../../shared/policy/policy.ts";
import type { AwaitedConfirmation, CommandLines } from "../tap/tap.ts";
import { ShownLine } from "./shown-line.ts";
import { TypedLine } from "./typed-line.ts";

const pasteBegin = "\u001b[200~";
const pasteEnd = "\u001b[201~";

/** Of what stands before on a command of several lines. */
const maxCarried = 1024;

/** Enter and line feed; Ctrl+O, which shells take for one; Ctrl+D, which hands a line on without its end. */
const lineEnds: ReadonlySet<number> = new Set([0x0d, 0x0a, 0x0f, 0x04]);

const backspace = 0x08;
const tab = 0x09;
/** Shells drop the whole command with it. */
const interrupt = 0x03;

const unseenWords = "a line that cannot be seen, since a program does not read it yet:";

export class ConfirmLines implements CommandLines {
  readonly #rules: ConfirmRules;
  readonly #wait: (command: string, rule: Confirm) => AwaitedConfirmation;
  readonly #decoder = new TextDecoder("utf-8");
  #typed = new TypedLine();
  #shown = new ShownLine();
  /** Found in a piece of a line that was too long to be kept. */
  #overlong: Confirm | null = null;
  /** What the command began with: lines that a backslash goes on from. */
  #carried = "";
  /** The end of what of the line was too long to be kept. */
  #before = "";
  #carriedShown = "";
  #pasting = false;
  /** The last keys, as far as a mark of a paste may have begun with them. */
  #lastKeys = "";
  /** Keys that may have put there what was not typed. */
  #recalled = false;
  #tabbed = false;
  #stoppedAt: { rule: Confirm | null; byte: string } | null = null;

  constructor(rules: ConfirmRules, wait: (command: string, rule: Confirm) => AwaitedConfirmation) {
    this.#rules = rules;
    this.#wait = wait;
  }

  typed(bytes: Uint8Array): number {
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (!lineEnds.has(byte)) continue;
      this.#push(bytes.subarray(from, at));
      from = at;
      const rule = this.#rule();
      if (rule !== null || this.#recalled) {
        this.#stoppedAt = { rule, byte: String.fromCharCode(byte) };
        return at;
      }
      this.#end(String.fromCharCode(byte));
      from = at + 1;
    }
    this.#push(bytes.subarray(from));
    return bytes.length;
  }

  get unseen(): boolean {
    return this.#recalled && this.#shown.hasUnreadKeys(this.#tabbed);
  }

  ask(): AwaitedConfirmation | null {
    if (this.#stoppedAt === null) return null;
    const rule = this.#stoppedAt.rule ?? this.#rule();
    const any = rule === null && this.unseen ? this.#rules.anyCommand : null;
    if (any !== null) return this.#wait(`${unseenWords} ${this.#shown.text.trim()}`, any);
    if (rule === null) return null;
    // What is told and kept is what the terminal shows: a secret that is typed unseen stays so. A paste is shown at its end.
    const line = this.#pasting ? this.#before + this.#typed.line : this.#shown.text;
    return this.#wait(`${this.#carriedShown}${line.trim()}`, rule);
  }

  ended(passes: boolean): void {
    const stopped = this.#stoppedAt;
    this.#stoppedAt = null;
    if (stopped === null) return;
    if (passes) this.#end(stopped.byte);
    else this.#forget();
  }

  get pasting(): boolean {
    return this.#pasting;
  }

  shown(bytes: Uint8Array): void {
    this.#shown.push(bytes);
  }

  #push(bytes: Uint8Array): void {
    this.#recalled ||= bytes.some((byte) => byte < 0x20 && byte !== backspace);
    this.#tabbed ||= bytes.includes(tab);
    if (bytes.includes(interrupt)) this.#carried = "";
    const keys = this.#decoder.decode(bytes, { stream: true });
    this.#followPaste(keys);
    for (const piece of this.#typed.push(keys)) {
      const line = this.#carried + this.#before + piece;
      this.#overlong ??= this.#rules.command(line);
      this.#before = piece.slice(-maxCarried);
    }
  }

  #followPaste(keys: string): void {
    const last = this.#lastKeys + keys;
    const [begins, ends] = [last.lastIndexOf(pasteBegin), last.lastIndexOf(pasteEnd)];
    if (begins >= 0 || ends >= 0) this.#pasting = begins > ends;
    // What is left over is too short to be a whole mark.
    this.#lastKeys = last.slice(-(pasteEnd.length - 1));
  }

  #end(byte: string): void {
    // Ctrl+D and Ctrl+O may leave a line there, and what stands on it is not known.
    if (byte !== "\r" && byte !== "\n") {
      this.#recalled = true;
      return;
    }
    this.#carry();
    this.#typed.push(byte);
    this.#shown = new ShownLine();
    this.#before = "";
    this.#overlong = null;
    this.#recalled = false;
    this.#tabbed = false;
  }

  /** After a backslash the next line goes on where this one was broken. */
  #carry(): void {
    const line = this.#carried + this.#before + this.#typed.line;
    const goesOn = (/\\*$/.exec(line)?.[0].length ?? 0) % 2 === 1;
    this.#carried = goesOn ? line.slice(0, -1).slice(-maxCarried) : "";
    this.#carriedShown = goesOn ? `${this.#carriedShown}${this.#shown.text.trim()}\n`.slice(-maxCarried) : "";
  }

  /** Lines before it that it went on from are at the target still. */
  #forget(): void {
    this.#pasting = false;
    this.#lastKeys = "";
    this.#typed = new TypedLine();
    this.#before = "";
    this.#overlong = null;
    this.#recalled = false;
    this.#tabbed = false;
  }

  #rule(): Confirm | null {
    return (
      this.#overlong ??
      this.#rules.command(this.#carried + this.#before + this.#typed.line) ??
      this.#rules.command(this.#shown.text) ??
      this.#rules.command(this.#shown.written)
    );
  }
}
