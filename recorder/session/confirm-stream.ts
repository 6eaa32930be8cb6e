// The lines that a program without a terminal is sent, as far as they have to be agreed to. Nothing edits them on their way:
// what is sent is what the program reads. Invariants: no byte passes unasked with which what was sent of a line has a command
// that the rules name, whether the line has ended or not; bounded.
import type { ConfirmRules } from "../../shared/policy/confirm.ts";
import type { Confirm } from "../../shared/policy/policy.ts";
import type { AwaitedConfirmation, CommandStream, StreamLook } from "../tap/tap.ts";

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const maxCarried = 4096;

export class ConfirmStream implements CommandStream {
  readonly #rules: ConfirmRules;
  readonly #wait: (command: string, rule: Confirm) => AwaitedConfirmation;
  /** Of the same command, passed: lines that a backslash goes on from, and the beginning of the line. */
  #carried = "";

  constructor(rules: ConfirmRules, wait: (command: string, rule: Confirm) => AwaitedConfirmation) {
    this.#rules = rules;
    this.#wait = wait;
  }

  look(bytes: Uint8Array, isAll: boolean): StreamLook {
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte !== lineFeed && byte !== carriageReturn) continue;
      const command = this.#carried + textOf(bytes.subarray(from, at));
      const rule = command === "" ? null : this.#rules.command(command);
      if (rule !== null) return this.#stopped(from, at + 1 - from, command, rule);
      this.#ended(command);
      from = at + 1;
    }
    if (!isAll || from === bytes.length) return { passes: from, asks: null };
    const command = this.#carried + textOf(bytes.subarray(from));
    const rule = this.#rules.command(command);
    if (rule !== null) return this.#stopped(from, bytes.length - from, command, rule);
    this.#carried = command.slice(-maxCarried);
    return { passes: bytes.length, asks: null };
  }

  #stopped(passes: number, waits: number, command: string, rule: Confirm): StreamLook {
    const ask = (): AwaitedConfirmation => this.#wait(command.trim(), rule);
    return { passes, asks: { waits, ask, agreed: () => this.#ended(command) } };
  }

  /** After a backslash the next line goes on where this one was broken. */
  #ended(command: string): void {
    const slashes = /\\*$/.exec(command)?.[0].length ?? 0;
    this.#carried = slashes % 2 === 1 ? command.slice(0, -1).slice(-maxCarried) : "";
  }
}

/** Shells read over zero bytes. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").replaceAll("\0", "");
}
