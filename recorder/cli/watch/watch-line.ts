// A watch's line to the running service: a WebSocket over the admin socket, read message by message. Invariant: what has come
// and is not read yet is bounded: beyond that the line stands still, and the service cuts it loose and begins it anew.
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { AppError } from "../../../shared/errors.ts";
import { decodeFrame, type WatchFrame } from "../../../shared/live/frame.ts";
import { type WatcherMessage, WatchMessage } from "../../../shared/live/messages.ts";
import { adminRefusal, adminUnreachable } from "../../admin-socket.ts";
import { type AskedWatch, watchPath } from "../../admin-watch.ts";

export type Received = { said: WatchMessage } | { frame: WatchFrame };

export interface WatchLine {
  /** Null: nothing more comes. */
  next(): Promise<Received | null>;
  send(message: WatcherMessage): void;
  /** Resolves when the service knows that the watch is over, or cannot be told. */
  close(): Promise<void>;
}

const openMs = 10_000;
const farewellMs = 1000;
/** An open segment comes in one message; the service begins no watch with more than 16 MiB of them. */
const mostMessageBytes = 64 * 1024 * 1024;
const mostWaitingBytes = 1024 * 1024;
const refusalBytes = 16 * 1024;

/** SERVICE_UNREACHABLE where nothing answers; the service's own codes where it refuses. */
export async function openWatchLine(path: string, asked: AskedWatch): Promise<WatchLine> {
  const socket = new WebSocket(`ws://admin.invalid${watchPath(asked)}`, {
    createConnection: () => connect(path),
    handshakeTimeout: openMs,
    maxPayload: mostMessageBytes,
    perMessageDeflate: false,
  });
  const line = new Line(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", (cause: NodeJS.ErrnoException) => reject(adminUnreachable(path, cause)));
    socket.once("unexpected-response", (request, response: IncomingMessage) => {
      refusalOf(response).then(reject, reject);
      response.once("close", () => request.destroy());
    });
  });
  return line;
}

async function refusalOf(response: IncomingMessage): Promise<AppError> {
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > refusalBytes) break;
  }
  try {
    return adminRefusal(JSON.parse(text) as { code?: string; message?: string });
  } catch {
    return adminRefusal({});
  }
}

class Line implements WatchLine {
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;
  #waiting: Array<{ data: Buffer; isBinary: boolean }> = [];
  #bytes = 0;
  #over = false;
  #wake: (() => void) | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#over = true;
        this.#wake?.();
        resolve();
      });
    });
    socket.on("error", () => socket.terminate());
    socket.on("message", (data: Buffer, isBinary) => {
      this.#waiting.push({ data, isBinary });
      this.#bytes += data.length;
      if (this.#bytes > mostWaitingBytes) socket.pause();
      this.#wake?.();
    });
  }

  async next(): Promise<Received | null> {
    while (this.#waiting.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const first = this.#waiting.shift();
    if (first === undefined) return null;
    this.#bytes -= first.data.length;
    if (this.#socket.isPaused && this.#bytes <= mostWaitingBytes) this.#socket.resume();
    return received(first.data, first.isBinary);
  }

  send(message: WatcherMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  async close(): Promise<void> {
    this.#waiting = [];
    this.#bytes = 0;
    // A line that stands still would not hear the answer.
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close();
    const timer = setTimeout(() => this.#socket.terminate(), farewellMs);
    await this.#closed;
    clearTimeout(timer);
  }
}

function received(data: Buffer, isBinary: boolean): Received {
  const frame = isBinary ? decodeFrame(data) : null;
  if (frame !== null) return { frame };
  const said = isBinary ? undefined : WatchMessage.safeParse(parsed(data)).data;
  if (said !== undefined) return { said };
  const message = "the service says what this command does not understand: they are of different versions";
  throw new AppError("INTERNAL", message, { op: "cli.watch" });
}

function parsed(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString("utf8")) as unknown;
  } catch {
    return null;
  }
}
