// The watcher's own terminal.
import type { Output } from "../output.ts";

export interface Size {
  cols: number;
  rows: number;
}

type TerminalOutput = Output["stream"] & { isTTY?: boolean; columns?: number; rows?: number };

export function isTerminalOutput({ stream }: Output): boolean {
  return (stream as TerminalOutput).isTTY === true;
}

/** Null where it is no terminal. */
export function sizeOf({ stream }: Output): Size | null {
  const { columns, rows } = stream as TerminalOutput;
  return columns === undefined || rows === undefined ? null : { cols: columns, rows };
}

/** Lines that it has beyond those of the session's. */
export function spareLines(out: Output, session: Size): number {
  const own = sizeOf(out);
  return own === null ? 0 : Math.max(0, own.rows - session.rows);
}
