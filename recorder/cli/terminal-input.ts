// Reads secrets and answers from a terminal without echo, or from a pipe. Nothing typed here is printed or logged.
import type { Readable } from "node:stream";
import { AppError } from "../../shared/errors.ts";
import type { Output } from "./output.ts";

/** Ctrl-C at a prompt. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

const maxPipedBytes = 1024 * 1024;

type TerminalStream = Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => void };

export function isTerminal(stream: Readable): boolean {
  return (stream as TerminalStream).isTTY === true;
}

/** All of a pipe, without its last line break. */
export async function readPiped(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const data = Buffer.from(chunk as Uint8Array);
    bytes += data.length;
    if (bytes > maxPipedBytes)
      throw new AppError("REQUEST_INVALID", "standard input is larger than 1 MiB", { op: "cli.stdin" });
    chunks.push(data);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

/** One line typed without echo. */
export async function promptHidden(stdin: Readable, prompts: Output, question: string): Promise<string> {
  const terminal = stdin as TerminalStream;
  await prompts.write(question);
  terminal.setRawMode?.(true);
  try {
    return await typedLine(terminal);
  } finally {
    terminal.setRawMode?.(false);
    terminal.pause();
    prompts.line();
  }
}

function typedLine(terminal: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const stop = () => {
      terminal.off("data", take);
      terminal.off("end", gone);
    };
    const gone = () => {
      stop();
      reject(new Interrupted("input ended"));
    };
    const take = (data: Buffer) => {
      for (const character of data.toString("utf8")) {
        if (character === "\r" || character === "\n") {
          stop();
          return resolve(typed.join(""));
        }
        if (character === "\x03" || character === "\x04") return gone();
        if (character === "\x15") typed = [];
        else if (character === "\x7f" || character === "\b") typed.pop();
        else if (character >= " ") typed.push(character);
      }
    };
    terminal.on("data", take);
    terminal.on("end", gone);
    terminal.resume();
  });
}

/** From a pipe as it is; at a terminal typed twice. */
export async function readNewSecret(stdin: Readable, prompts: Output, what: string): Promise<string> {
  if (!isTerminal(stdin)) return readPiped(stdin);
  const first = await promptHidden(stdin, prompts, `${what}: `);
  const second = await promptHidden(stdin, prompts, `${what} again: `);
  if (first !== second)
    throw new AppError("REQUEST_INVALID", "the two entries differ; nothing was changed", { op: "cli.prompt" });
  return first;
}
