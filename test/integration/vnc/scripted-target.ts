// A target that does what a test says: RFB 3.8 without a password, then whatever is written into its connection.
import { createServer, type Server, type Socket } from "node:net";
import type { ClientMessage } from "../../../recorder/rfb/client-messages.ts";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { writePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import type { PixelFormat } from "../../../shared/events/session-event.ts";

export const trueColour32: PixelFormat = {
  bitsPerPixel: 32,
  depth: 24,
  bigEndian: false,
  trueColour: true,
  redMax: 255,
  greenMax: 255,
  blueMax: 255,
  redShift: 16,
  greenShift: 8,
  blueShift: 0,
};

export interface ScriptedTargetOptions {
  size?: { width: number; height: number };
  /** Instead of the handshake: what is done with a new connection. */
  serve?(socket: Socket): void;
}

export class ScriptedTarget {
  readonly host = "127.0.0.1";
  port = 0;
  socket: Socket | undefined;
  /** In the order in which they came, from all connections. */
  readonly messages: ClientMessage[] = [];
  /** Called for each message. */
  onMessage: (message: ClientMessage) => void = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #size: { width: number; height: number };

  constructor({ size = { width: 64, height: 48 }, serve }: ScriptedTargetOptions) {
    this.#size = size;
    this.#server = createServer((socket) => {
      this.socket = socket;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
      if (serve === undefined) this.#handshake(socket);
      else serve(socket);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, this.host, resolve));
    const address = this.#server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
    return this;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  send(...parts: (Buffer | number[])[]): void {
    this.socket?.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #handshake(socket: Socket): void {
    const parser = new ClientParser();
    let step = 0;
    let held = Buffer.alloc(0);
    socket.write("RFB 003.008\n");
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const needed = [12, 1, 1];
      while (step < 3 && held.length >= (needed[step] ?? 0)) {
        held = held.subarray(needed[step]);
        if (step === 0) socket.write(Buffer.from([1, 1]));
        else if (step === 1) socket.write(Buffer.alloc(4));
        else socket.write(serverInit(this.#size));
        step++;
      }
      if (step < 3) return;
      for (const message of parser.push(held)) {
        this.messages.push(message);
        this.onMessage(message);
      }
      held = Buffer.alloc(0);
    });
  }
}

export function startScriptedTarget(options: ScriptedTargetOptions = {}): Promise<ScriptedTarget> {
  return new ScriptedTarget(options).listen();
}

export function serverInit({ width, height }: { width: number; height: number }, name = "scripted"): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(width, 0);
  size.writeUInt16BE(height, 2);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([size, writePixelFormat(trueColour32), length, Buffer.from(name)]);
}

/** One Raw rectangle of one colour. */
export function rawUpdate(x: number, y: number, width: number, height: number, bytesPerPixel = 4, fill = 0): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(x, 4);
  head.writeUInt16BE(y, 6);
  head.writeUInt16BE(width, 8);
  head.writeUInt16BE(height, 10);
  return Buffer.concat([head, Buffer.alloc(width * height * bytesPerPixel, fill)]);
}

export function cutText(type: 3 | 6, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = type;
  head.writeUInt32BE(text.length, 4);
  return Buffer.concat([head, Buffer.from(text, "latin1")]);
}
