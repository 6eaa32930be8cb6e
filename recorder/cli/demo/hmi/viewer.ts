// One viewer of the demo HMI: RFB 3.3, 3.7 or 3.8 with VncAuth (RFC 6143). Fed with its socket's bytes and with the
// picture's changes. Invariant: nothing is sent that was not asked for, and an update is held back while the last waits.
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { constants, createDeflate, type Deflate } from "node:zlib";
import type { Pixels } from "../../../export/video/glyph-table.ts";
import { DirtyTiles } from "./dirty-tiles.ts";
import { hextile, ownFormat, PixelWriter, raw, readFormat, writeFormat, zrleTiles } from "./encode.ts";
import type { Box } from "./paint.ts";
import type { Copy } from "./picture.ts";
import { arrow } from "./pointer-shape.ts";
import { answerChallenge, challengeBytes } from "./vnc-auth.ts";

export interface ViewerEvents {
  pixels: Pixels;
  password: string;
  name(): string;
  key(keysym: number): void;
  pointer(x: number, y: number, buttons: number): void;
  /** The viewer is let in: from now on it wants changes. */
  ready(): void;
}

const encodings = { raw: 0, copyRect: 1, hextile: 5, zrle: 16, cursor: -239, name: -307 };
const maxPending = 256 * 1024;
const maxCutText = 64 * 1024;
const maxEncodings = 1024;
/** More than this waiting in the socket: the next update waits too. */
const maxUnsent = 4 * 1024 * 1024;
const securityVncAuth = 2;

type Step = (bytes: Buffer) => number;

export class Viewer {
  readonly #socket: Socket;
  readonly #events: ViewerEvents;
  readonly #dirty: DirtyTiles;
  #pending: Buffer = Buffer.alloc(0);
  #step: Step;
  #minor = 8;
  #challenge = randomBytes(challengeBytes);
  #writer = new PixelWriter(ownFormat);
  #wanted = new Set<number>();
  #encoding: number = encodings.raw;
  #copies: Copy[] = [];
  #asked = false;
  #sending = false;
  #zlib: Deflate | null = null;
  #nameSent: string;
  #cursorSent = false;

  constructor(socket: Socket, events: ViewerEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#dirty = new DirtyTiles(events.pixels.width, events.pixels.height);
    this.#nameSent = events.name();
    this.#step = (bytes) => this.#version(bytes);
    socket.on("data", (data: Buffer) => this.#feed(data));
    socket.on("drain", () => this.#send());
    socket.on("close", () => this.#zlib?.close());
    socket.write("RFB 003.008\n");
  }

  /** What changed in the picture since the last call; `moved` came first. */
  changed(moved: Copy | null, tiles: readonly Box[]): void {
    if (moved !== null) {
      const source = { ...moved, x: moved.fromX, y: moved.fromY };
      if (this.#wanted.has(encodings.copyRect) && !this.#dirty.touches(source) && this.#copies.length === 0)
        this.#copies.push(moved);
      else this.#dirty.mark(moved);
    }
    for (const tile of tiles) this.#dirty.mark(tile);
    this.#send();
  }

  #feed(data: Buffer): void {
    this.#pending = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    while (this.#pending.length > 0 && !this.#socket.destroyed) {
      const taken = this.#step(this.#pending);
      if (taken === 0) break;
      this.#pending = this.#pending.subarray(taken);
    }
    if (this.#pending.length > maxPending) this.#socket.destroy();
  }

  #version(bytes: Buffer): number {
    if (bytes.length < 12) return 0;
    const version = /^RFB 003\.(\d{3})\n$/.exec(bytes.toString("latin1", 0, 12));
    if (version === null) return this.#leave();
    this.#minor = Number(version[1]) >= 8 ? 8 : Number(version[1]) === 7 ? 7 : 3;
    if (this.#minor === 3) return this.#challengeAfter(Buffer.from([0, 0, 0, securityVncAuth]), 12);
    this.#socket.write(Buffer.from([1, securityVncAuth]));
    this.#step = (next) => (next[0] === securityVncAuth ? this.#challengeAfter(Buffer.alloc(0), 1) : this.#leave());
    return 12;
  }

  #challengeAfter(before: Buffer, taken: number): number {
    this.#socket.write(Buffer.concat([before, this.#challenge]));
    this.#step = (bytes) => this.#answer(bytes);
    return taken;
  }

  #answer(bytes: Buffer): number {
    if (bytes.length < challengeBytes) return 0;
    const right = answerChallenge(this.#events.password, this.#challenge);
    if (!timingSafeEqual(right, bytes.subarray(0, challengeBytes))) {
      const reason = Buffer.from("wrong password");
      const tail = this.#minor === 8 ? [u32(reason.length), reason] : [];
      this.#socket.end(Buffer.concat([u32(1), ...tail]));
      this.#step = (rest) => rest.length;
      return challengeBytes;
    }
    this.#socket.write(u32(0));
    this.#step = () => this.#clientInit();
    return challengeBytes;
  }

  #clientInit(): number {
    const { pixels } = this.#events;
    const name = Buffer.from(this.#nameSent);
    this.#socket.write(
      Buffer.concat([u16(pixels.width), u16(pixels.height), writeFormat(ownFormat), u32(name.length), name]),
    );
    this.#step = (bytes) => this.#message(bytes);
    this.#events.ready();
    return 1;
  }

  #message(bytes: Buffer): number {
    switch (bytes[0]) {
      case 0:
        return bytes.length < 20 ? 0 : this.#setFormat(bytes.subarray(4, 20));
      case 2:
        return this.#setEncodings(bytes);
      case 3:
        return bytes.length < 10 ? 0 : this.#request(bytes);
      case 4:
        if (bytes.length < 8) return 0;
        if (bytes[1] !== 0) this.#events.key(bytes.readUInt32BE(4));
        return 8;
      case 5:
        if (bytes.length < 6) return 0;
        this.#events.pointer(bytes.readUInt16BE(2), bytes.readUInt16BE(4), bytes.readUInt8(1));
        return 6;
      case 6:
        if (bytes.length < 8) return 0;
        if (bytes.readUInt32BE(4) > maxCutText) return this.#leave();
        return bytes.length < 8 + bytes.readUInt32BE(4) ? 0 : 8 + bytes.readUInt32BE(4);
      default:
        return this.#leave();
    }
  }

  #setFormat(bytes: Buffer): number {
    const format = readFormat(bytes);
    if (format === null) return this.#leave();
    this.#writer = new PixelWriter(format);
    this.#dirty.mark(this.#everything());
    return 20;
  }

  #setEncodings(bytes: Buffer): number {
    if (bytes.length < 4) return 0;
    const count = bytes.readUInt16BE(2);
    if (count > maxEncodings) return this.#leave();
    if (bytes.length < 4 + count * 4) return 0;
    const list = Array.from({ length: count }, (_, i) => bytes.readInt32BE(4 + i * 4));
    this.#wanted = new Set(list);
    const known = [encodings.zrle, encodings.hextile, encodings.raw];
    this.#encoding = list.find((encoding) => known.includes(encoding)) ?? encodings.raw;
    return 4 + count * 4;
  }

  #request(bytes: Buffer): number {
    const { width, height } = this.#events.pixels;
    const [x, y] = [Math.min(width, bytes.readUInt16BE(2)), Math.min(height, bytes.readUInt16BE(4))];
    if (bytes[1] === 0) {
      const box = { x, y, width: Math.min(width - x, bytes.readUInt16BE(6)), height: 0 };
      box.height = Math.min(height - y, bytes.readUInt16BE(8));
      if (box.width > 0 && box.height > 0) this.#dirty.mark(box);
    }
    this.#asked = true;
    this.#send();
    return 10;
  }

  #leave(): number {
    this.#socket.destroy();
    return 0;
  }

  #everything(): Box {
    return { x: 0, y: 0, width: this.#events.pixels.width, height: this.#events.pixels.height };
  }

  #send(): void {
    if (!this.#asked || this.#sending || this.#socket.destroyed || this.#socket.writableLength > maxUnsent) return;
    const rects = [...this.#pseudo(), ...this.#takeCopies()];
    if (rects.length === 0 && !this.#dirty.any) return;
    this.#asked = false;
    const boxes = this.#dirty.take();
    if (this.#encoding !== encodings.zrle) {
      const encode = this.#encoding === encodings.hextile ? hextile : raw;
      for (const box of boxes) rects.push(rect(box, this.#encoding, encode(this.#events.pixels, box, this.#writer)));
      this.#socket.write(Buffer.concat([update(rects.length), ...rects]));
      return;
    }
    this.#sending = true;
    void this.#sendZrle(rects, boxes);
  }

  async #sendZrle(rects: Buffer[], boxes: readonly Box[]): Promise<void> {
    // Taken from the picture now: it must not change while zlib works.
    const bodies = boxes.map((box) => ({ box, tiles: zrleTiles(this.#events.pixels, box, this.#writer) }));
    for (const { box, tiles } of bodies) {
      const packed = await this.#deflate(tiles);
      rects.push(rect(box, encodings.zrle, Buffer.concat([u32(packed.length), packed])));
    }
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat([update(rects.length), ...rects]));
    this.#sending = false;
    this.#send();
  }

  /** One stream for the whole connection (RFC 6143 §7.7.6), flushed after each rectangle. */
  #deflate(data: Buffer): Promise<Buffer> {
    const zlib = this.#zlib ?? createDeflate({ level: 3 });
    this.#zlib = zlib;
    const out: Buffer[] = [];
    const take = (piece: Buffer) => void out.push(piece);
    return new Promise((resolve) => {
      zlib.on("data", take);
      zlib.write(data);
      zlib.flush(constants.Z_SYNC_FLUSH, () => {
        zlib.off("data", take);
        resolve(Buffer.concat(out));
      });
    });
  }

  #takeCopies(): Buffer[] {
    return this.#copies
      .splice(0)
      .map((copy) => rect(copy, encodings.copyRect, Buffer.concat([u16(copy.fromX), u16(copy.fromY)])));
  }

  #pseudo(): Buffer[] {
    const rects: Buffer[] = [];
    const name = this.#events.name();
    if (this.#wanted.has(encodings.name) && name !== this.#nameSent) {
      this.#nameSent = name;
      const text = Buffer.from(name);
      rects.push(rect({ x: 0, y: 0, width: 0, height: 0 }, encodings.name, Buffer.concat([u32(text.length), text])));
    }
    if (this.#wanted.has(encodings.cursor) && !this.#cursorSent) {
      this.#cursorSent = true;
      const { width, height } = arrow;
      rects.push(rect({ x: 0, y: 0, width, height }, encodings.cursor, arrow.bytes(this.#writer)));
    }
    return rects;
  }
}

function update(rects: number): Buffer {
  return Buffer.concat([Buffer.from([0, 0]), u16(rects)]);
}

function rect({ x, y, width, height }: Box, encoding: number, body: Buffer): Buffer {
  const head = Buffer.alloc(12);
  for (const [i, value] of [x, y, width, height].entries()) head.writeUInt16BE(value, i * 2);
  head.writeInt32BE(encoding, 8);
  return Buffer.concat([head, body]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
