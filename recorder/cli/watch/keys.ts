// Single keys of whoever watches in a terminal. Nothing of them reaches the session but while they have control of it.
import type { Readable } from "node:stream";

export interface WatchKeys {
  leave(): void;
  enter(): void;
  /** Keys go to the session. */
  hasControl(): boolean;
  type(text: string): void;
  giveBack(): void;
  takeControl(): void;
  /** To what has waited longest to be agreed to. */
  agree(given: boolean): void;
}

/** Ctrl-], as of telnet: no shell has a use for it. */
const escapeKey = "\x1d";

/** @returns gives the terminal back. */
export function takeKeys(stdin: Readable, keys: WatchKeys): () => void {
  const terminal = stdin as Readable & { setRawMode(raw: boolean): void };
  const decoder = new TextDecoder("utf-8");
  const onKey = (data: Buffer) => {
    const text = decoder.decode(data, { stream: true });
    if (keys.hasControl()) {
      const end = text.indexOf(escapeKey);
      if (end !== 0 && text !== "") keys.type(end < 0 ? text : text.slice(0, end));
      if (end >= 0) keys.giveBack();
      return;
    }
    for (const key of text) own(key, keys);
  };
  terminal.setRawMode(true);
  terminal.on("data", onKey);
  terminal.on("end", keys.leave);
  terminal.resume();
  return () => {
    terminal.off("data", onKey);
    terminal.off("end", keys.leave);
    terminal.setRawMode(false);
    terminal.pause();
  };
}

function own(key: string, { leave, enter, takeControl, agree }: WatchKeys): void {
  switch (key) {
    case "q":
    case "\x03":
    case "\x04":
      leave();
      return;
    case "\r":
    case "\n":
      enter();
      return;
    case "t":
      takeControl();
      return;
    case "y":
    case "n":
      agree(key === "y");
  }
}
