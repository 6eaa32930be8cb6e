// A viewer's side of RFB 3.8 for the VNC bench: over a socket (a one-time ticket where one is asked for) or a WebSocket.
// What comes after ServerInit is counted or handed on as it is.
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocket } from "ws";
import { type PixelFormat, readPixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { setEncodings } from "../../../recorder/tap/vnc/encodings-filter.ts";
import { vncAuthResponse } from "../../../recorder/tap/vnc/vnc-auth.ts";

/** How a path is entered; plain data, so that it can be told to another process. */
export type Way =
  | { kind: "tcp"; port: number; password?: string }
  | { kind: "ws"; url: string; protocols: string[]; cookie?: string; origin?: string };

export class RfbClient {
  readonly stream: Duplex;
  width = 0;
  height = 0;
  format: PixelFormat | undefined;
  /** Since the last `read`. */
  #parts: Buffer[] = [];
  #length = 0;
  #wanted = 0;
  #wake: ((gone: Error | null) => void) | null = null;
  #taker: ((bytes: Buffer) => void) | null = null;
  #gone: Error | null = null;

  private constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("data", (bytes: Buffer) => this.#take(bytes));
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => this.#end(new Error("the other side hung up")));
  }

  static async connect(way: Way, encodings: readonly number[]): Promise<RfbClient> {
    const client = new RfbClient(open(way));
    await client.#greet(way.kind === "tcp" ? way.password : undefined);
    client.send(setEncodings(encodings));
    return client;
  }

  send(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  ask(incremental: boolean, x = 0, y = 0, width = this.width, height = this.height): void {
    this.send(updateRequest(incremental, x, y, width, height));
  }

  close(): void {
    this.stream.destroy();
  }

  /** From now on bytes go there, and `read` is over. */
  handOn(taker: (bytes: Buffer) => void): void {
    this.#taker = taker;
    const held = this.#parts;
    this.#parts = [];
    this.#length = 0;
    for (const part of held) taker(part);
  }

  /** Resolves when so many bytes came, which are then forgotten. */
  async skip(bytes: number): Promise<void> {
    await this.#until(bytes);
    let left = bytes;
    while (left > 0) {
      const first = this.#parts[0];
      if (first === undefined) return;
      if (first.length <= left) this.#parts.shift();
      else this.#parts[0] = first.subarray(left);
      left -= Math.min(left, first.length);
    }
    this.#length -= bytes;
  }

  async read(bytes: number): Promise<Buffer> {
    await this.#until(bytes);
    const whole = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = whole.length > bytes ? [whole.subarray(bytes)] : [];
    this.#length -= bytes;
    return whole.subarray(0, bytes);
  }

  async #greet(password: string | undefined): Promise<void> {
    await this.read(12);
    this.send(Buffer.from("RFB 003.008\n"));
    const offered = await this.read((await this.read(1)).readUInt8());
    const type = password === undefined ? 1 : 2;
    if (!offered.includes(type)) throw new Error(`security type ${type} is not among ${[...offered].join(", ")}`);
    this.send(Buffer.from([type]));
    if (password !== undefined) this.send(vncAuthResponse(password, await this.read(16)));
    if ((await this.read(4)).readUInt32BE() !== 0) throw new Error("the log-in was refused");
    this.send(Buffer.from([1]));
    const init = Buffer.from(await this.read(24));
    this.width = init.readUInt16BE(0);
    this.height = init.readUInt16BE(2);
    this.format = readPixelFormat(init, 4);
    await this.read(init.readUInt32BE(20));
  }

  #until(bytes: number): Promise<void> {
    if (this.#length >= bytes) return Promise.resolve();
    if (this.#gone !== null) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#wanted = bytes;
      this.#wake = (gone) => {
        this.#wake = null;
        if (gone === null) resolve();
        else reject(gone);
      };
    });
  }

  #take(bytes: Buffer): void {
    if (this.#taker !== null) {
      this.#taker(bytes);
      return;
    }
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= this.#wanted) this.#wake?.(null);
  }

  #end(error: Error): void {
    this.#gone ??= error;
    this.#wake?.(this.#gone);
  }
}

export function updateRequest(incremental: boolean, x: number, y: number, width: number, height: number): Buffer {
  const request = Buffer.from([3, incremental ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  for (const [i, value] of [x, y, width, height].entries()) request.writeUInt16BE(value, 2 + 2 * i);
  return request;
}

function open(way: Way): Duplex {
  if (way.kind === "tcp") return connect({ port: way.port, host: "127.0.0.1", noDelay: true });
  const webSocket = new WebSocket(way.url, way.protocols, {
    perMessageDeflate: false,
    headers: {
      ...(way.cookie === undefined ? {} : { cookie: way.cookie }),
      ...(way.origin === undefined ? {} : { origin: way.origin }),
    },
  });
  return createWebSocketStream(webSocket);
}
