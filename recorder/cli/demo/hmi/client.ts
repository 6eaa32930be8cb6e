// An RFB client for the scripted session: keeps the picture up to date and works mouse and keys as a person would. Speaks
// RFB 3.8 over any stream, so that only the way to the server changes: a socket, or a portal's WebSocket.
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ownFormat, writeFormat } from "./encode.ts";
import { answerChallenge, challengeBytes } from "./vnc-auth.ts";

export interface ScreenClientOptions {
  /** For a server that offers VncAuth; one that asks for none needs none. */
  password?: string;
  signal?: AbortSignal;
}

interface Wish {
  bytes: number;
  give(data: Buffer): void;
}

const raw = 0;
const copyRect = 1;
const desktopName = -307;
const stepTimeoutMs = 15_000;
const maxText = 1024 * 1024;
const keysyms: Record<string, number> = { "\r": 0xff0d, "\b": 0xff08, "\t": 0xff09, "\x1b": 0xff1b };

export class ScreenClient {
  readonly #stream: Duplex;
  #width = 0;
  #height = 0;
  #pixels = new Uint32Array(0);
  #name = "";
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #wish: Wish | null = null;
  #ended: Error | null = null;
  #fail: (error: Error) => void = () => {};
  #updates = 0;

  private constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (data: Buffer) => {
      this.#pending.push(data);
      this.#pendingBytes += data.length;
      this.#satisfy();
    });
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => this.#end(new Error("the screen's server hung up")));
  }

  static async connect(stream: Duplex, options: ScreenClientOptions = {}): Promise<ScreenClient> {
    const client = new ScreenClient(stream);
    const stop = () => client.close();
    options.signal?.addEventListener("abort", stop);
    stream.once("close", () => options.signal?.removeEventListener("abort", stop));
    const late = setTimeout(() => client.#end(new Error("the screen's server did not answer")), stepTimeoutMs);
    try {
      await client.#handshake(options.password);
    } finally {
      clearTimeout(late);
    }
    void client.#readOn().catch((error: unknown) => client.#end(error as Error));
    return client;
  }

  get width(): number {
    return this.#width;
  }

  get height(): number {
    return this.#height;
  }

  get name(): string {
    return this.#name;
  }

  /** As RGBA in memory. */
  get pixels(): Uint32Array {
    return this.#pixels;
  }

  get updates(): number {
    return this.#updates;
  }

  get ended(): boolean {
    return this.#ended !== null;
  }

  pointer(x: number, y: number, buttons: number): void {
    this.#write([5, buttons, x >> 8, x & 255, y >> 8, y & 255]);
  }

  /** Along a straight line, in steps as a hand makes them. */
  async moveTo(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const steps = Math.max(2, Math.round(Math.abs(to[0] - from[0]) / 60 + Math.abs(to[1] - from[1]) / 60));
    for (let i = 1; i <= steps; i++) {
      const share = i / steps;
      this.pointer(Math.round(from[0] + (to[0] - from[0]) * share), Math.round(from[1] + (to[1] - from[1]) * share), 0);
      await sleep(25);
    }
  }

  async click(x: number, y: number): Promise<void> {
    this.pointer(x, y, 1);
    await sleep(90);
    this.pointer(x, y, 0);
  }

  async type(text: string): Promise<void> {
    let rhythm = 11;
    for (const character of text) {
      const keysym = keysyms[character] ?? character.codePointAt(0) ?? 0;
      this.#key(keysym, true);
      await sleep(30);
      this.#key(keysym, false);
      rhythm = (rhythm * 31 + 17) % 71;
      await sleep(60 + rhythm);
    }
  }

  close(): void {
    this.#stream.end();
    this.#stream.destroy();
  }

  #key(keysym: number, down: boolean): void {
    this.#write([4, down ? 1 : 0, 0, 0, keysym >>> 24, (keysym >>> 16) & 255, (keysym >>> 8) & 255, keysym & 255]);
  }

  #write(bytes: readonly number[] | Buffer): void {
    if (!this.#stream.destroyed) this.#stream.write(Buffer.from(bytes));
  }

  async #handshake(password: string | undefined): Promise<void> {
    const version = (await this.#read(12)).toString("latin1");
    if (!/^RFB 003\.\d{3}\n$/.test(version)) throw new Error("this is no RFB server");
    this.#write(Buffer.from("RFB 003.008\n"));
    const [count = 0] = await this.#read(1);
    if (count === 0) throw new Error(`refused: ${await this.#readText()}`);
    const offered = [...(await this.#read(count))];
    const security = password !== undefined && offered.includes(2) ? 2 : offered.includes(1) ? 1 : 0;
    if (security === 0) throw new Error(`the server offers security types ${offered.join(", ")}, none of them ours`);
    this.#write([security]);
    if (security === 2) this.#write(answerChallenge(password ?? "", await this.#read(challengeBytes)));
    if ((await this.#read(4)).readUInt32BE(0) !== 0) throw new Error(`refused: ${await this.#readText()}`);
    this.#write([1]);
    const init = await this.#read(20);
    this.#resize(init.readUInt16BE(0), init.readUInt16BE(2));
    this.#name = await this.#readText();
    const wanted = [copyRect, raw, desktopName, -239, -223].map((encoding) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(encoding);
      return bytes;
    });
    this.#write(Buffer.concat([Buffer.from([0, 0, 0, 0]), writeFormat(ownFormat)]));
    this.#write(Buffer.concat([Buffer.from([2, 0, 0, wanted.length]), ...wanted]));
    this.#ask(false);
  }

  #resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#pixels = new Uint32Array(width * height);
  }

  #ask(incremental: boolean): void {
    const { width, height } = this;
    this.#write([3, incremental ? 1 : 0, 0, 0, 0, 0, width >> 8, width & 255, height >> 8, height & 255]);
  }

  async #readOn(): Promise<void> {
    for (;;) {
      const [type = 0] = await this.#read(1);
      if (type === 0) await this.#update();
      else if (type === 3) {
        await this.#read(3);
        await this.#readText();
      } else if (type !== 2) throw new Error(`the screen's server sent message ${type}, which was not asked for`);
    }
  }

  async #update(): Promise<void> {
    const rects = (await this.#read(3)).readUInt16BE(1);
    for (let i = 0; i < rects; i++) await this.#rect(await this.#read(12));
    this.#updates++;
    this.#ask(true);
  }

  async #rect(head: Buffer): Promise<void> {
    const [x, y, width, height] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at)) as [number, number, number, number];
    const encoding = head.readInt32BE(8);
    if (encoding === raw) this.#place(x, y, width, await this.#read(width * height * 4));
    else if (encoding === copyRect) {
      const from = await this.#read(4);
      this.#copy(from.readUInt16BE(0), from.readUInt16BE(2), x, y, width, height);
    } else if (encoding === desktopName) this.#name = await this.#readText();
    else if (encoding === -239) await this.#read(width * height * 4 + Math.ceil(width / 8) * height);
    else if (encoding === -223) this.#resize(width, height);
    else throw new Error(`the screen's server sent encoding ${encoding}, which was not asked for`);
  }

  #place(x: number, y: number, width: number, data: Buffer): void {
    for (let i = 0; i < data.length; i += 4) {
      const column = (i / 4) % width;
      const row = Math.floor(i / 4 / width);
      const value = data.readUInt32LE(i);
      const swapped = (value & 0xff00) | ((value & 0xff) << 16) | ((value >>> 16) & 0xff) | 0xff000000;
      this.#pixels[(y + row) * this.#width + x + column] = swapped >>> 0;
    }
  }

  #copy(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void {
    const rows = Array.from({ length: height }, (_, row) => {
      const at = (fromY + row) * this.#width + fromX;
      return this.#pixels.slice(at, at + width);
    });
    for (const [row, data] of rows.entries()) this.#pixels.set(data, (y + row) * this.#width + x);
  }

  async #readText(): Promise<string> {
    const length = (await this.#read(4)).readUInt32BE(0);
    if (length > maxText) throw new Error("the screen's server sent a text that is too long");
    return (await this.#read(length)).toString("utf8");
  }

  #read(bytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      this.#fail = reject;
      this.#wish = { bytes, give: resolve };
      this.#satisfy();
    });
  }

  #satisfy(): void {
    const wish = this.#wish;
    if (wish === null || this.#pendingBytes < wish.bytes) return;
    const all = this.#pending.length === 1 ? (this.#pending[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#pending);
    const rest = all.subarray(wish.bytes);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    this.#wish = null;
    wish.give(all.subarray(0, wish.bytes));
  }

  #end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#stream.destroy();
    this.#wish = null;
    this.#fail(error);
  }
}
