// Files in the quarantine's two folders. `held`: of transfers that are under way; whatever is there at a start is left over
// from a crash and goes. `kept`: evidence, one file for each content, named after its SHA-256. Invariant: the bytes of
// `held` and `kept` together never exceed `maxQuarantineBytes`, evidence never more than half of it, and every size is
// counted before it is written.
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { HoldRefusal } from "../tap/file-hold.ts";

export interface QuarantineLimits {
  maxFileBytes: number;
  /** Held at the same time for one session. */
  maxSessionBytes: number;
  maxQuarantineBytes: number;
  /** With less than this free on the disk nothing more is held. */
  floorBytes: number;
}

const readBytes = 256 * 1024;
/** The disk is asked for its free space each time a file has grown by so much. */
const diskStepBytes = 32 * 1024 ** 2;
const recountMs = 5000;

export class QuarantineFiles {
  readonly directory: string;
  readonly limits: QuarantineLimits;
  #heldBytes = 0;
  #keptBytes = 0;
  #countedMs = Number.NEGATIVE_INFINITY;
  readonly #sessions = new Map<string, number>();

  private constructor(directory: string, limits: QuarantineLimits) {
    this.directory = directory;
    this.limits = limits;
  }

  /** Sweeps what a crash left in `held`: its transfers are over, and nothing of it was handed on. */
  static async open(directory: string, limits: QuarantineLimits): Promise<{ files: QuarantineFiles; swept: number }> {
    const files = new QuarantineFiles(directory, limits);
    await mkdir(files.held(""), { recursive: true, mode: 0o700 });
    await mkdir(keptPath(directory, ""), { recursive: true, mode: 0o700 });
    const leftovers = await readdir(files.held(""));
    for (const name of leftovers) await rm(files.held(name), { force: true });
    await files.#recount();
    return { files, swept: leftovers.length };
  }

  get usedBytes(): number {
    return this.#heldBytes + this.#keptBytes;
  }

  held(name: string): string {
    return join(this.directory, "held", name);
  }

  async create(session: string): Promise<StoredFile> {
    await this.refuseLowDisk();
    await this.#recount();
    const name = randomBytes(16).toString("hex");
    const handle = await open(this.held(name), "wx+", 0o600);
    return new StoredFile(this, session, name, handle);
  }

  /** Counts `bytes` more for one file of `session`, which comes to `size` then; or refuses, and counts nothing. */
  reserve(session: string, bytes: number, size: number): void {
    const { maxFileBytes, maxSessionBytes, maxQuarantineBytes } = this.limits;
    const inSession = (this.#sessions.get(session) ?? 0) + bytes;
    if (size > maxFileBytes) {
      throw new HoldRefusal(
        "file-too-large",
        `it is larger than the ${sizeText(maxFileBytes)} that can be scanned here`,
      );
    }
    if (inSession > maxSessionBytes) {
      throw new HoldRefusal(
        "session-too-large",
        `this session's files that wait for their scan exceed ${sizeText(maxSessionBytes)}; let some finish first`,
      );
    }
    if (this.usedBytes + bytes > maxQuarantineBytes) {
      throw new HoldRefusal("quarantine-full", "the gateway's quarantine is full; try again later");
    }
    this.#heldBytes += bytes;
    this.#sessions.set(session, inSession);
  }

  release(session: string, bytes: number): void {
    this.#heldBytes -= bytes;
    const left = (this.#sessions.get(session) ?? 0) - bytes;
    if (left > 0) this.#sessions.set(session, left);
    else this.#sessions.delete(session);
  }

  /** Makes it evidence. False: there was no room for it. */
  async keep(file: StoredFile, sha256: string): Promise<boolean> {
    const path = keptPath(this.directory, sha256);
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (exists) return true;
    if (this.#keptBytes + file.size > this.limits.maxQuarantineBytes / 2) return false;
    await file.sync();
    await rename(this.held(file.name), path);
    const folder = await open(keptPath(this.directory, ""), "r");
    await folder.sync().finally(() => folder.close());
    this.#keptBytes += file.size;
    return true;
  }

  /** Evidence is removed by another process. */
  async #recount(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#countedMs < recountMs) return;
    this.#countedMs = nowMs;
    let bytes = 0;
    for (const name of await readdir(keptPath(this.directory, ""))) {
      bytes += await stat(keptPath(this.directory, name)).then(
        ({ size }) => size,
        () => 0,
      );
    }
    this.#keptBytes = bytes;
  }

  async refuseLowDisk(): Promise<void> {
    const { bavail, bsize } = await statfs(this.directory);
    if (bavail * bsize >= this.limits.floorBytes) return;
    throw new HoldRefusal(
      "disk-low",
      "the gateway's disk has no room for files that wait for their scan; try again later",
    );
  }
}

export function keptPath(directory: string, name: string): string {
  return join(directory, "kept", name);
}

/** One file in `held`. What a refused write was counted for is given back with the file. */
export class StoredFile {
  readonly #files: QuarantineFiles;
  readonly #session: string;
  readonly name: string;
  readonly #handle: FileHandle;
  size = 0;
  #open = true;

  /** What still goes on with it then fails, and nobody minds. */
  get discarded(): boolean {
    return !this.#open;
  }

  constructor(files: QuarantineFiles, session: string, name: string, handle: FileHandle) {
    this.#files = files;
    this.#session = session;
    this.name = name;
    this.#handle = handle;
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.#grow(offset + data.length);
    let at = 0;
    while (at < data.length) {
      const { bytesWritten } = await this.#handle.write(data, at, data.length - at, offset + at);
      at += bytesWritten;
    }
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const bytes = Buffer.allocUnsafe(wanted);
    let at = 0;
    while (at < wanted) {
      const { bytesRead } = await this.#handle.read(bytes, at, wanted - at, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return at === wanted ? bytes : bytes.subarray(0, at);
  }

  async truncate(size: number): Promise<void> {
    await this.#grow(size);
    await this.#handle.truncate(size);
    this.#files.release(this.#session, this.size - size);
    this.size = size;
  }

  async #grow(end: number): Promise<void> {
    const more = end - this.size;
    if (more <= 0) return;
    this.#files.reserve(this.#session, more, end);
    this.size = end;
    if (Math.floor(end / diskStepBytes) > Math.floor((end - more) / diskStepBytes)) await this.#files.refuseLowDisk();
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  /** From front to back, with the digest of exactly what was given out. */
  async *contents(progress: (bytes: number) => void): AsyncGenerator<Uint8Array, string> {
    const hash = createHash("sha256");
    for (let at = 0; at < this.size; ) {
      const piece = await this.read(at, readBytes);
      if (piece.length === 0) throw new Error("a file in quarantine is shorter than what was written to it");
      hash.update(piece);
      at += piece.length;
      yield piece;
      progress(at);
    }
    return hash.digest("hex");
  }

  async digest(signal: AbortSignal): Promise<string> {
    const reading = this.contents(() => signal.throwIfAborted());
    for (let step = await reading.next(); ; step = await reading.next()) if (step.done === true) return step.value;
  }

  async discard(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#handle.close().catch(() => undefined);
    await rm(this.#files.held(this.name), { force: true });
    this.#files.release(this.#session, this.size);
  }
}

function sizeText(bytes: number): string {
  return bytes >= 1e6 ? `${Math.round(bytes / 1e5) / 10} MB` : `${bytes} bytes`;
}
