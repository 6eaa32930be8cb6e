// A viewer that writes down what a VNC server sends, as the encoder's bench replays it: Raw and CopyRect rectangles with
// their times. A second one only counts what the same screen costs in another encoding. Both ask at most 30 times a
// second.

import { closeSync, openSync, writeSync } from "node:fs";
import { createConnection, type Socket } from "node:net";

export const encodings = { raw: [1, 0], tight: [1, 7, 0], zrle: [1, 16, 0] } as const;

const askEveryMs = 33;

/** Bytes of a socket, asked for by number. */
class Stream {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #length = 0;
  #wake: (() => void) | null = null;
  #closed = false;
  received = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => {
      this.#parts.push(data);
      this.#length += data.length;
      this.received += data.length;
      this.#wake?.();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  async read(length: number): Promise<Buffer> {
    while (this.#length < length) {
      if (this.#closed) throw new Error("closed");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const whole = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = length < whole.length ? [whole.subarray(length)] : [];
    this.#length -= length;
    return whole.subarray(0, length);
  }
}

export interface CaptureResult {
  /** After ServerInit. */
  bytes: number;
}

/** Watches until `untilMs` (performance.now). With a path it asks for Raw and writes; without it counts. */
export async function watch(
  port: number,
  wanted: readonly number[],
  untilMs: number,
  path: string | null,
): Promise<CaptureResult> {
  const socket = createConnection(port, "127.0.0.1");
  const stream = new Stream(socket);
  const file = path === null ? null : openSync(path, "w");
  try {
    const { width, height } = await greet(stream, wanted);
    if (file !== null) writeHead(file, [width, height]);
    const before = stream.received;
    const startMs = performance.now();
    const timer = setTimeout(() => stream.close(), untilMs - startMs);
    try {
      let incremental = false;
      for (;;) {
        stream.send(updateRequest(incremental, width, height));
        incremental = true;
        const askedMs = performance.now();
        await update(stream, file, startMs);
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, askedMs + askEveryMs - performance.now())));
      }
    } catch (error) {
      if (!(error instanceof Error) || error.message !== "closed") throw error;
    } finally {
      clearTimeout(timer);
    }
    return { bytes: stream.received - before };
  } finally {
    socket.destroy();
    if (file !== null) closeSync(file);
  }
}

async function greet(stream: Stream, wanted: readonly number[]): Promise<{ width: number; height: number }> {
  await stream.read(12);
  stream.send(Buffer.from("RFB 003.008\n"));
  const types = await stream.read((await stream.read(1)).readUInt8(0));
  if (!types.includes(1)) throw new Error("the server wants a password");
  stream.send(Buffer.from([1]));
  await stream.read(4);
  stream.send(Buffer.from([1]));
  const init = Buffer.from(await stream.read(24));
  await stream.read(init.readUInt32BE(20));
  // 32 bits, depth 24, little-endian, red in the lowest byte: the words of the framebuffer.
  stream.send(Buffer.from([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0]));
  const setEncodings = Buffer.alloc(4 + 4 * wanted.length);
  setEncodings[0] = 2;
  setEncodings.writeUInt16BE(wanted.length, 2);
  wanted.forEach((encoding, i) => {
    setEncodings.writeInt32BE(encoding, 4 + 4 * i);
  });
  stream.send(setEncodings);
  return { width: init.readUInt16BE(0), height: init.readUInt16BE(2) };
}

function updateRequest(incremental: boolean, width: number, height: number): Buffer {
  const request = Buffer.alloc(10);
  request[0] = 3;
  request[1] = incremental ? 1 : 0;
  request.writeUInt16BE(width, 6);
  request.writeUInt16BE(height, 8);
  return request;
}

/** Reads messages up to the end of a FramebufferUpdate. */
async function update(stream: Stream, file: number | null, startMs: number): Promise<void> {
  for (;;) {
    const type = (await stream.read(1)).readUInt8(0);
    if (type === 2) continue;
    if (type === 3) {
      await stream.read((await stream.read(7)).readUInt32BE(3));
      continue;
    }
    if (type !== 0) throw new Error(`message ${type}`);
    const count = (await stream.read(3)).readUInt16BE(1);
    const ms = Math.round(performance.now() - startMs);
    for (let i = 0; i < count; i++) await rectangle(stream, file, ms);
    return;
  }
}

async function rectangle(stream: Stream, file: number | null, ms: number): Promise<void> {
  const head = await stream.read(12);
  const [x, y, width, height] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at)) as [number, number, number, number];
  const encoding = head.readInt32BE(8);
  if (encoding === 0) {
    const pixels = await stream.read(width * height * 4);
    if (file !== null) {
      writeHead(file, [ms, 0, x, y, width, height]);
      writeSync(file, pixels);
    }
  } else if (encoding === 1) {
    const from = await stream.read(4);
    if (file !== null) writeHead(file, [ms, 1, x, y, width, height, from.readUInt16BE(0), from.readUInt16BE(2)]);
  } else if (encoding === 16) {
    await stream.read((await stream.read(4)).readUInt32BE(0));
  } else if (encoding === 7) {
    await tight(stream, width, height);
  } else {
    throw new Error(`encoding ${encoding}`);
  }
}

async function tight(stream: Stream, width: number, height: number): Promise<void> {
  const control = (await stream.read(1)).readUInt8(0);
  if (control >> 4 === 8) {
    await stream.read(3);
    return;
  }
  if (control & 0x80) throw new Error("JPEG was not asked for");
  const filter = control & 0x40 ? (await stream.read(1)).readUInt8(0) : 0;
  let bytes = width * height * 3;
  if (filter === 1) {
    const colours = (await stream.read(1)).readUInt8(0) + 1;
    await stream.read(colours * 3);
    bytes = colours === 2 ? Math.ceil(width / 8) * height : width * height;
  }
  if (bytes < 12) {
    await stream.read(bytes);
    return;
  }
  let length = 0;
  for (let shift = 0; shift < 21; shift += 7) {
    const next = (await stream.read(1)).readUInt8(0);
    length |= (shift === 14 ? next : next & 0x7f) << shift;
    if (next < 0x80) break;
  }
  await stream.read(length);
}

function writeHead(file: number, numbers: readonly number[]): void {
  writeSync(file, Buffer.from(Uint32Array.from(numbers).buffer));
}
