// What commands print with: lines, tables and JSON, safe against closed pipes and against control characters in data.
import type { Writable } from "node:stream";

export type Cell = string | number | null;

/** Text from people and targets, harmless in a terminal: control characters show as U+XXXX-like escapes. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

export class Output {
  readonly stream: Writable;
  #closed = false;
  #failure: Error | null = null;

  constructor(stream: Writable) {
    this.stream = stream;
    // `conduit recordings list | head`: the reader left, which is its right; the command's own result stands.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      this.#closed = true;
      // A full disk is another matter: what was asked for did not arrive.
      if (error.code !== "EPIPE") this.#failure ??= error;
    });
    stream.on("close", () => {
      this.#closed = true;
    });
  }

  /** Nobody reads any more: long commands stop. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Why writing failed, other than by a reader that left. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Resolves when all that was printed so far is with the system, or cannot be. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || this.stream.destroyed || this.stream.writableEnded) resolve();
      else this.stream.write("", () => resolve());
    });
  }

  /** Resolves when the stream takes more; at once when nobody reads. */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.#closed || this.stream.write(data)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of ["drain", "close", "error"]) this.stream.off(event, done);
        resolve();
      };
      for (const event of ["drain", "close", "error"]) this.stream.once(event, done);
    });
  }

  line(text = ""): void {
    if (!this.#closed) this.stream.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  /** Columns as wide as their widest cell, numbers to the right, the last one ragged. */
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const texts = rows.map((row) => row.map((cell) => (cell === null ? "-" : printable(String(cell)))));
    const widths = head.map((title, i) => Math.max(title.length, ...texts.map((row) => row[i]?.length ?? 0)));
    const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number"));
    const format = (cells: readonly string[]) =>
      cells
        .map((cell, i) => (numeric[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join("  ")
        .trimEnd();
    this.line(format(head));
    for (const row of texts) this.line(format(row));
  }
}

/** `1 key`, `3 keys`. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** `12.3 s`, `4 min 05 s`, `2 h 03 min` */
export function formatDuration(us: number): string {
  const seconds = us / 1e6;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** UTC without fractions, as lists show it. */
export function formatTime(rfc3339: string): string {
  return `${rfc3339.slice(0, 10)} ${rfc3339.slice(11, 19)}Z`;
}

/** Session time as `--at` takes it: `1:02:03`. */
export function sessionClock(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}
