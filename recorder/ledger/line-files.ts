// Append-only lines on this machine's disk: `<first line's number, 12 digits>.jsonl`, one file after the other. Fed by the
// ledger. Invariant: what `append` resolved for survives a power cut; what a crash left half written is moved aside, not
// deleted and not read as a line.
import { type FileHandle, mkdir, open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { syncDirectory, writeDurable } from "../record/durable-file.ts";
import type { FileState } from "./ledger-state.ts";

/** A new file begins where one has so many bytes. */
const fileBytes = 16 * 1024 * 1024;
const readBytes = 256 * 1024;
const lineFeed = 10;

interface LineFile {
  path: string;
  first: number;
  /** Where each line begins, and at its end where the next one would. */
  starts: number[];
}

export interface SetAside {
  path: string;
  bytes: number;
}

export interface LineFilesOptions {
  /** Whether the line of that number goes on from those before; it is told each in order. */
  take(line: Buffer, n: number): boolean;
  maxFileBytes?: number;
  /** Lines that are known and not read again; `take` is told of those after them. INTEGRITY_LEDGER where the files are others. */
  known?: readonly FileState[];
  /** Another process writes: what it has half written is passed over. */
  readOnly?: boolean;
}

export class LineFiles {
  readonly directory: string;
  readonly #files: LineFile[] = [];
  readonly #maxFileBytes: number;
  #readOnly = false;
  #handle: FileHandle | null = null;
  /** The last file may hold bytes after its last line: a write failed, and so did cutting it off. */
  #mustCut = false;
  #size = 0;

  private constructor(directory: string, maxFileBytes: number) {
    this.directory = directory;
    this.#maxFileBytes = maxFileBytes;
  }

  /** Reads all that is there. INTEGRITY_LEDGER where lines are missing between two files. */
  static async open(
    directory: string,
    options: LineFilesOptions,
  ): Promise<{ files: LineFiles; setAside: SetAside | null }> {
    const { take, maxFileBytes = fileBytes, readOnly = false } = options;
    if (!readOnly) await mkdir(directory, { recursive: true, mode: 0o700 });
    const files = new LineFiles(directory, maxFileBytes);
    files.#readOnly = readOnly;
    const setAside = await files.#load(take, options.known ?? []);
    return { files, setAside };
  }

  /** Lines so far. */
  get size(): number {
    return this.#size;
  }

  /** All of them or none, durable when it resolves. After a failure the next call cuts off what it may have left. */
  async append(lines: readonly Buffer[]): Promise<void> {
    const last = await this.#writable();
    const end = last.starts.at(-1) ?? 0;
    const handle = this.#handle as FileHandle;
    const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.from([lineFeed])]));
    try {
      await writeAll(handle, bytes, end);
      await handle.datasync();
    } catch (error) {
      this.#mustCut = true;
      await this.#cut(last).catch(() => {});
      throw error;
    }
    let at = end;
    for (const line of lines) {
      at += line.length + 1;
      last.starts.push(at);
    }
    this.#size += lines.length;
  }

  /** [from, to) in order. */
  async *read(from: number, to: number): AsyncGenerator<{ n: number; line: Buffer }> {
    for (const file of [...this.#files]) {
      const lines = file.starts.length - 1;
      const begin = Math.max(from, file.first) - file.first;
      const end = Math.min(to, file.first + lines) - file.first;
      if (begin >= end) continue;
      const handle = await open(file.path, "r");
      try {
        for (let n = begin; n < end; ) {
          const start = file.starts[n] as number;
          let until = n + 1;
          while (until < end && (file.starts[until + 1] as number) - start <= readBytes) until++;
          const bytes = await readExactly(handle, start, (file.starts[until] as number) - start, file.path);
          for (; n < until; n++) {
            const [at, after] = [file.starts[n] as number, file.starts[n + 1] as number];
            yield { n: file.first + n, line: bytes.subarray(at - start, after - start - 1) };
          }
        }
      } finally {
        await handle.close();
      }
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
  }

  /** Of the first `size` lines. */
  state(size: number): FileState[] {
    return this.#files.flatMap(({ first, starts }) => {
      const lines = Math.min(starts.length - 1, size - first);
      return lines <= 0 ? [] : [{ first, starts: Uint32Array.from(starts.slice(0, lines + 1)) }];
    });
  }

  async #load(take: LineFilesOptions["take"], known: readonly FileState[]): Promise<SetAside | null> {
    const found = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (this.#readOnly && error.code === "ENOENT") return [];
      throw error;
    });
    const names = found.filter((name) => /^\d{12}\.jsonl$/.test(name)).sort();
    for (const [i, name] of names.entries()) {
      const path = join(this.directory, name);
      const first = Number(name.slice(0, 12));
      if (first !== this.#size) {
        const text = `${path}: lines ${this.#size} to ${first - 1} of the ledger are missing before it; move ${this.directory} away, and the ledger is restored from the store at the next start`;
        throw new AppError("INTEGRITY_LEDGER", text, { op: "ledger.load" });
      }
      const before = known[i];
      if (before !== undefined && before.first !== first) throw another(path);
      const file: LineFile = { path, first, starts: before === undefined ? [0] : [...before.starts] };
      const from = file.starts.at(-1) ?? 0;
      this.#files.push(file);
      this.#size += file.starts.length - 1;
      const { size } = await stat(path);
      // Whoever goes on after the known ones goes on in the last of their files.
      if (size < from || (i < known.length - 1 && size !== from)) throw another(path);
      if (size === from) continue;
      const bytes = await readFrom(path, from);
      for (let at = 0; at < bytes.length; ) {
        const end = bytes.indexOf(lineFeed, at);
        if (end < 0 || !take(bytes.subarray(at, end), this.#size)) {
          if (i === names.length - 1) return this.#readOnly ? null : this.#setAside(bytes.subarray(at));
          const text = `${path}: line ${this.#size} of the ledger is not what was written; move ${this.directory} away, and the ledger is restored from the store at the next start`;
          throw new AppError("INTEGRITY_LEDGER", text, { op: "ledger.load" });
        }
        at = end + 1;
        file.starts.push(from + at);
        this.#size++;
      }
    }
    if (names.length < known.length) throw another(this.directory);
    return null;
  }

  async #setAside(bytes: Buffer): Promise<SetAside> {
    const path = join(this.directory, `torn-${String(this.#size).padStart(12, "0")}-${Date.now()}.bin`);
    await writeDurable(path, bytes);
    this.#mustCut = true;
    await this.#writable();
    return { path, bytes: bytes.length };
  }

  /** The last file, open and cut to its lines; a new one where it is full. */
  async #writable(): Promise<LineFile> {
    if (this.#readOnly) throw new AppError("INTERNAL", "it was opened to be read", { op: "ledger.append" });
    let last = this.#files.at(-1);
    if (last === undefined || (!this.#mustCut && (last.starts.at(-1) ?? 0) >= this.#maxFileBytes)) {
      last = await this.#begin();
    }
    this.#handle ??= await open(last.path, "r+");
    if (this.#mustCut) await this.#cut(last);
    return last;
  }

  async #begin(): Promise<LineFile> {
    const path = join(this.directory, `${String(this.#size).padStart(12, "0")}.jsonl`);
    // One that is there already was begun by a call that failed: no line of it was acknowledged.
    const handle = await open(path, "w+", 0o600);
    try {
      await handle.sync();
      await syncDirectory(this.directory);
    } catch (error) {
      await handle.close();
      throw error;
    }
    await this.#handle?.close();
    this.#handle = handle;
    const file: LineFile = { path, first: this.#size, starts: [0] };
    this.#files.push(file);
    return file;
  }

  async #cut(file: LineFile): Promise<void> {
    const handle = this.#handle;
    if (handle === null) return;
    await handle.truncate(file.starts.at(-1) ?? 0);
    await handle.sync();
    this.#mustCut = false;
  }
}

function another(path: string): AppError {
  return new AppError("INTEGRITY_LEDGER", `${path} is not what it was when it was last looked at`, {
    op: "ledger.load",
  });
}

async function readFrom(path: string, from: number): Promise<Buffer> {
  if (from === 0) return readFile(path);
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    return await readExactly(handle, from, size - from, path);
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

async function readExactly(handle: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await handle.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) {
      throw new AppError("INTEGRITY_LEDGER", `${path} is shorter than it was: somebody cut it`, { op: "ledger.read" });
    }
    read += bytesRead;
  }
  return bytes;
}
