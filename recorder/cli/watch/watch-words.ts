// What is told to whoever watches, beside the picture: lines on standard error, or, where both are one terminal, lines that
// stand out of the picture, as the gateway tells its own. As JSON: every event, a line each, on standard output.

import type { Cli } from "../cli.ts";
import { printable } from "../output.ts";
import { isTerminalOutput, type Size, sizeOf, spareLines } from "./terminal-size.ts";

/** C1 and format characters, which `JSON.stringify` leaves as they are, act on terminals too. */
export function jsonLine(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) =>
    [...Array(found.length).keys()].map((i) => escaped(found.charAt(i))).join(""),
  );
}

export class WatchWords {
  readonly #cli: Cli;
  readonly #asJson: boolean;
  #session: Size | null = null;
  #said = "";
  #told = 0;

  constructor(cli: Cli, asJson: boolean) {
    this.#cli = cli;
    this.#asJson = asJson;
  }

  tell(words: string): void {
    if (this.#asJson) return;
    const { out, err } = this.#cli;
    const text = printable(words);
    const own = isTerminalOutput(err) ? sizeOf(out) : null;
    if (own === null) err.line(text);
    else void err.write(this.#besidePicture(text, own));
  }

  /** Below the picture where there is room, each on the next line; else as a line of it. */
  #besidePicture(text: string, own: Size): string {
    const spare = this.#session === null ? 0 : spareLines(this.#cli.out, this.#session);
    if (spare === 0) return `\r\n*** ${text} ***\r\n`;
    const line = own.rows - spare + 1 + (this.#told++ % spare);
    return `\x1b7\x1b[?6l\x1b[${line};1H\x1b[0;7m\x1b[K${text.slice(0, own.cols)}\x1b8`;
  }

  event(event: Record<string, unknown>): void {
    if (this.#asJson) this.#cli.out.line(jsonLine(event));
  }

  ask(leftMs: number): void {
    this.tell(`Are you there? Press Enter within ${Math.round(leftMs / 1000)} s.`);
    if (isTerminalOutput(this.#cli.err)) void this.#cli.err.write("\x07");
  }

  /** Of the session's terminal, or of the watcher's. */
  resized(size: Size): void {
    this.#session = size;
    const own = sizeOf(this.#cli.out);
    if (own === null) return;
    const isSmaller = own.cols < size.cols || own.rows < size.rows;
    const words = isSmaller
      ? `The session's terminal has ${size.cols} columns and ${size.rows} rows, this one ${own.cols} and ${own.rows}: it does not show all. Make it larger.`
      : "";
    if (words !== "" && words !== this.#said) this.tell(words);
    this.#said = words;
  }
}
