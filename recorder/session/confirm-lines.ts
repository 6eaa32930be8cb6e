// The lines of one terminal as far as they have to be agreed to: what is typed, and what the terminal shows of it, since a
// command that is recalled or completed is not typed. Invariant: a key that ends a line passes unasked only when neither has
// a command that the rules name.
import type { ConfirmRules } from "../../shared/policy/confirm.ts";
import type { Confirm } from "../../shared/policy/policy.ts";
import type { AwaitedConfirmation, CommandLines } from "../tap/tap.ts";
import { ShownLine } from "./shown-line.ts";
import { TypedLine } from "./typed-line.ts";

/** Enter and line feed; Ctrl+O, which shells take for one; Ctrl+D, which hands a line on without its end. */
const lineEnds: ReadonlySet<number> = new Set([0x0d, 0x0a, 0x0f, 0x04]);

export class ConfirmLines implements CommandLines {
  readonly #rules: ConfirmRules;
  readonly #wait: (command: string, rule: Confirm) => AwaitedConfirmation;
  readonly #decoder = new TextDecoder("utf-8");
  #typed = new TypedLine();
  readonly #shown = new ShownLine();
  /** Found in a piece of a line that was too long to be kept. */
  #overlong: Confirm | null = null;
  #stoppedAt: { rule: Confirm; byte: string } | null = null;

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
      if (rule !== null) {
        this.#stoppedAt = { rule, byte: String.fromCharCode(byte) };
        return at;
      }
      this.#end(String.fromCharCode(byte));
      from = at + 1;
    }
    this.#push(bytes.subarray(from));
    return bytes.length;
  }

  ask(): AwaitedConfirmation | null {
    if (this.#stoppedAt === null) return null;
    // What is told and kept is what the terminal shows: a secret that is typed unseen stays so.
    return this.#wait(this.#shown.text.trim(), this.#stoppedAt.rule);
  }

  ended(passes: boolean): void {
    const stopped = this.#stoppedAt;
    this.#stoppedAt = null;
    if (stopped === null) return;
    if (passes) this.#end(stopped.byte);
    else this.#forget();
  }

  shown(bytes: Uint8Array): void {
    this.#shown.push(bytes);
  }

  #push(bytes: Uint8Array): void {
    for (const piece of this.#typed.push(this.#decoder.decode(bytes, { stream: true }))) {
      this.#overlong ??= this.#rules.command(piece);
    }
  }

  #end(byte: string): void {
    // Ctrl+D and Ctrl+O end no line that is put together from keys.
    this.#typed.push(byte === "\r" || byte === "\n" ? byte : "\r");
    this.#overlong = null;
  }

  #forget(): void {
    this.#typed = new TypedLine();
    this.#overlong = null;
  }

  #rule(): Confirm | null {
    return (
      this.#overlong ??
      this.#rules.command(this.#typed.line) ??
      this.#rules.command(this.#shown.text) ??
      this.#rules.command(this.#shown.written)
    );
  }
}
