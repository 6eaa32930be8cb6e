// Single keys of whoever watches in a terminal. Nothing of them reaches the session.
import type { Readable } from "node:stream";

export interface WatchKeys {
  leave(): void;
  enter(): void;
}

/** @returns gives the terminal back. */
export function takeKeys(stdin: Readable, { leave, enter }: WatchKeys): () => void {
  const terminal = stdin as Readable & { setRawMode(raw: boolean): void };
  const onKey = (data: Buffer) => {
    for (const key of data.toString("latin1")) {
      if (key === "q" || key === "\x03" || key === "\x04") leave();
      else if (key === "\r" || key === "\n") enter();
    }
  };
  terminal.setRawMode(true);
  terminal.on("data", onKey);
  terminal.on("end", leave);
  terminal.resume();
  return () => {
    terminal.off("data", onKey);
    terminal.off("end", leave);
    terminal.setRawMode(false);
    terminal.pause();
  };
}
