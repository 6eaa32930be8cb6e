// The archive within a backup: POSIX ustar (IEEE Std 1003.1-2017, pax), regular files only, so that `tar` reads it without us.
import { createReadStream } from "node:fs";
import { AppError } from "../../../shared/errors.ts";

export interface TarFile {
  name: string;
  bytes: number;
  /** Read from here, or these bytes. */
  from: { path: string } | { data: Uint8Array };
}

const block = 512;

export async function* writeTar(files: readonly TarFile[], mtimeSeconds: number): AsyncGenerator<Uint8Array> {
  for (const { name, bytes, from } of files) {
    yield header(name, bytes, mtimeSeconds);
    let written = 0;
    if ("data" in from) {
      yield from.data;
      written = from.data.length;
    } else {
      for await (const chunk of createReadStream(from.path)) {
        written += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    }
    if (written !== bytes) throw damaged(`${name} changed while it was read`);
    yield new Uint8Array((block - (bytes % block)) % block);
  }
  yield new Uint8Array(2 * block);
}

function header(name: string, bytes: number, mtimeSeconds: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw damaged(`${name} has too long a name`);
  const head = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number) =>
    head.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  head.write(name, 0, "utf8");
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(mtimeSeconds, 136, 12);
  head.write("        0", 148, "latin1");
  head.write("ustar\x0000", 257, "latin1");
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return head;
}

export interface TarEntry {
  name: string;
  bytes: number;
  /** To be read to its end before the next entry. */
  content: AsyncGenerator<Uint8Array>;
}

/** INTEGRITY_BUNDLE where it is not such an archive. */
export async function* readTar(stream: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = stream[Symbol.asyncIterator]();
  let have: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { value, done } = await source.next();
    if (done === true) return false;
    have = have.length === 0 ? Buffer.from(value) : Buffer.concat([have, value]);
    return true;
  };
  const take = async (bytes: number): Promise<Buffer> => {
    while (have.length < bytes) if (!(await more())) throw damaged("it ends in the middle");
    const taken = have.subarray(0, bytes);
    have = have.subarray(bytes);
    return taken;
  };
  for (;;) {
    const head = await take(block);
    if (head.every((byte) => byte === 0)) return;
    const { name, bytes } = readHeader(head);
    let left = bytes;
    const content = (async function* () {
      while (left > 0) {
        if (have.length === 0 && !(await more())) throw damaged("it ends in the middle");
        const chunk = await take(Math.min(left, have.length));
        left -= chunk.length;
        yield chunk;
      }
    })();
    yield { name, bytes, content };
    if (left > 0) throw damaged(`${name} was not read to its end`);
    await take((block - (bytes % block)) % block);
  }
}

function readHeader(head: Buffer): { name: string; bytes: number } {
  const text = (at: number, length: number) => head.toString("utf8", at, at + length).replace(/\0.*$/s, "");
  const sum = head.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  const size = text(124, 12).trim();
  if (Number.parseInt(text(148, 8), 8) !== sum || !/^[0-7]{1,12}$/.test(size) || text(257, 5) !== "ustar") {
    throw damaged("a header in it is none");
  }
  if (text(156, 1) !== "0") throw damaged("it has more than regular files");
  return { name: text(0, 100), bytes: Number.parseInt(size, 8) };
}

export function damaged(why: string): AppError {
  return new AppError("INTEGRITY_HASH", `The backup cannot be used: ${why}.`, { op: "backup.read" });
}
