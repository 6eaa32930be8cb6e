// What is told to whoever watches, beside the picture: lines on standard error, or, where both are one terminal, lines that
// stand out of the picture, as the gateway tells its own. As JSON: every event, a line each, on standard output.

import type { Cli } from "../cli.ts";
import type { Output } from "../output.ts";
import { printable } from "../output.ts";
import type { Size } from "./shown-terminal.ts";

type TerminalOutput = Output["stream"] & { isTTY?: boolean; columns?: number; rows?: number };

export function isTerminalOutput({ stream }: Output): boolean {
  return (stream as TerminalOutput).isTTY === true;
}

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
  readonly #onResize: () => void;
  #session: Size | null = null;
  #said = "";

  constructor(cli: Cli, asJson: boolean) {
    this.#cli = cli;
    this.#asJson = asJson;
    this.#onResize = () => this.#compare();
    cli.out.stream.on("resize", this.#onResize);
  }

  tell(words: string): void {
    if (this.#asJson) return;
    const { out, err } = this.#cli;
    const text = printable(words);
    if (isTerminalOutput(out) && isTerminalOutput(err)) void err.write(`\r\n*** ${text} ***\r\n`);
    else err.line(text);
  }

  event(event: Record<string, unknown>): void {
    if (this.#asJson) this.#cli.out.line(jsonLine(event));
  }

  ask(leftMs: number): void {
    this.tell(`Are you there? Press Enter within ${Math.round(leftMs / 1000)} s.`);
    if (isTerminalOutput(this.#cli.err)) void this.#cli.err.write("\x07");
  }

  resized(size: Size): void {
    this.#session = size;
    this.#compare();
  }

  close(): void {
    this.#cli.out.stream.off("resize", this.#onResize);
  }

  #compare(): void {
    const { columns, rows } = this.#cli.out.stream as TerminalOutput;
    const session = this.#session;
    if (session === null || columns === undefined || rows === undefined) return;
    const isSmaller = columns < session.cols || rows < session.rows;
    const words = isSmaller
      ? `The session's terminal has ${session.cols} columns and ${session.rows} rows, this one ${columns} and ${rows}: it does not show all. Make it larger.`
      : "";
    if (words !== "" && words !== this.#said) this.tell(words);
    this.#said = words;
  }
}
