// The journal's files: preallocated with zeros once, so that later writes change no metadata, and used in a ring.
// Invariant: a file is used again only when everything in it, and in every file before it, is covered by durable
// segments of its sessions.
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { blockBytes, encodeFileHeader } from "./format.ts";

export interface JournalFile {
  path: string;
  handle: FileHandle;
  order: number;
  nonce: Buffer;
  /** Where the next batch goes. */
  end: number;
  /** Highest record number of each session that has records in this file. */
  sessions: Map<string, number>;
  /** Batches on their way into this file. */
  writing: number;
}

/** A journal file found at start-up, which recovery has read. */
export interface FoundFile {
  path: string;
  order: number;
  sessions: Map<string, number>;
}

const zeros = Buffer.alloc(1024 * 1024);

export function journalFileName(number: number): string {
  return `${String(number).padStart(3, "0")}.journal`;
}

export async function listJournalFiles(directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = (await readdir(directory)).filter((name) => /^\d{3,}\.journal$/.test(name));
  return names.sort().map((name) => join(directory, name));
}

export class JournalRing {
  readonly #directory: string;
  readonly #fileBytes: number;
  readonly #maxFiles: number;
  /** In order of use; the last is the current one. Files found at start-up come first and have no handle yet. */
  readonly #used: Array<JournalFile | FoundFile> = [];
  /** Files that may be used again. */
  readonly #free: string[] = [];
  #fileCount = 0;
  #nextNumber = 0;
  #nextOrder = 1;
  #prepared: JournalFile | null = null;
  #preparing: Promise<void> | null = null;
  /** Record number up to which a session's records are covered; Infinity when the session is sealed. */
  readonly #covered = new Map<string, number>();
  /** Sealed ones, and the first file that can have nothing of them any more. */
  readonly #forgotten: { session: string; order: number }[] = [];
  /** Called with the sessions that keep the oldest file, when the ring runs short. */
  onPressure: (sessions: string[]) => void = () => {};
  #hold = false;

  constructor(directory: string, fileBytes: number, maxFiles: number) {
    this.#directory = directory;
    this.#fileBytes = fileBytes;
    this.#maxFiles = maxFiles;
  }

  /** While recovery reads the files none may be written again. */
  set hold(hold: boolean) {
    this.#hold = hold;
    this.#release();
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Takes over what start-up found, oldest first; files without a session's records are free at once. */
  adopt(found: FoundFile[]): void {
    for (const file of found) {
      this.#fileCount++;
      this.#nextOrder = Math.max(this.#nextOrder, file.order + 1);
      this.avoid(file.path);
      this.#used.push(file);
    }
    this.#release();
  }

  /** No file of this or a lower number is made. */
  avoid(path: string): void {
    const number = Number.parseInt(basename(path), 10);
    this.#nextNumber = Math.max(this.#nextNumber, (Number.isFinite(number) ? number : 0) + 1);
  }

  /** The file with room for so many bytes, or null while none is ready: wait for `whenReady`. */
  fileFor(bytes: number): JournalFile | null {
    const current = this.#used.at(-1);
    if (current && "handle" in current && current.end + bytes <= this.#fileBytes) {
      if (current.end > this.#fileBytes / 2) void this.whenReady().catch(() => {});
      return current;
    }
    const next = this.#prepared;
    if (!next) return null;
    this.#prepared = null;
    this.#used.push(next);
    if (this.#used.length > this.#maxFiles / 2) this.#press();
    return next;
  }

  /** Resolves when a next file is ready, or when there can be none for now. */
  async whenReady(): Promise<void> {
    if (this.#prepared) return;
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = null;
    });
    await this.#preparing;
  }

  /** No file is ready, and none can be made ready before one becomes free. */
  get exhausted(): boolean {
    return this.#prepared === null && this.#free.length === 0 && this.#fileCount >= this.#maxFiles;
  }

  async #prepare(): Promise<void> {
    let path = this.#free.shift();
    if (path === undefined) {
      if (this.#fileCount >= this.#maxFiles) {
        this.#press();
        return;
      }
      path = await this.#allocate();
    }
    try {
      this.#prepared = await this.#start(path);
    } catch (error) {
      this.#free.unshift(path);
      throw error;
    }
  }

  async #allocate(): Promise<string> {
    const path = join(this.#directory, journalFileName(this.#nextNumber));
    const handle = await open(path, "w", 0o600);
    try {
      for (let at = 0; at < this.#fileBytes; at += zeros.length) {
        await handle.write(zeros, 0, Math.min(zeros.length, this.#fileBytes - at), at);
      }
      await handle.sync();
    } catch (error) {
      // Half a file would take the room that its own next attempt needs.
      await rm(path, { force: true }).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    const directory = await open(this.#directory, "r");
    await directory.sync().finally(() => directory.close());
    this.#nextNumber++;
    this.#fileCount++;
    return path;
  }

  async #start(path: string): Promise<JournalFile> {
    // O_DSYNC: one trip through the thread pool a commit, and no dirty pages for a later sync to wait on.
    const handle = await open(path, constants.O_WRONLY | constants.O_DSYNC);
    try {
      const file: JournalFile = {
        path,
        handle,
        order: this.#nextOrder++,
        nonce: randomBytes(8),
        end: blockBytes,
        sessions: new Map(),
        writing: 0,
      };
      await handle.write(encodeFileHeader(file), 0, blockBytes, 0);
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** A session's records up to `recordNo` lie in durable segments. */
  cover(session: string, recordNo: number): void {
    if (recordNo > (this.#covered.get(session) ?? -1)) this.#covered.set(session, recordNo);
    this.#release();
  }

  /** The session is sealed: nothing of it is needed here any more. */
  forget(session: string): void {
    for (const file of this.#used) file.sessions.delete(session);
    // A record that came too late for its segments may be on its way to a file, which must not be kept for it.
    this.#covered.set(session, Number.POSITIVE_INFINITY);
    this.#forgotten.push({ session, order: this.#nextOrder + 1 });
    this.#release();
  }

  #isFree(file: JournalFile | FoundFile): boolean {
    if ("writing" in file && file.writing > 0) return false;
    for (const [session, highest] of file.sessions) {
      if ((this.#covered.get(session) ?? -1) < highest) return false;
    }
    return true;
  }

  #release(): void {
    while (!this.#hold) {
      const oldest = this.#used[0];
      if (!oldest || !this.#isFree(oldest)) return;
      const isCurrent = "handle" in oldest && this.#used.length === 1;
      if (isCurrent) return;
      this.#used.shift();
      this.#forgetUpTo(oldest.order);
      this.#free.push(oldest.path);
      if ("handle" in oldest) void oldest.handle.close().catch(() => {});
    }
  }

  #forgetUpTo(order: number): void {
    while ((this.#forgotten[0]?.order ?? Number.POSITIVE_INFINITY) <= order)
      this.#covered.delete(this.#forgotten.shift()?.session ?? "");
  }

  #press(): void {
    const oldest = this.#used[0];
    if (!oldest) return;
    const keepers = [...oldest.sessions].filter(([s, no]) => (this.#covered.get(s) ?? -1) < no).map(([s]) => s);
    if (keepers.length > 0) this.onPressure(keepers);
  }

  async close(): Promise<void> {
    await this.#preparing?.catch(() => {});
    for (const file of this.#used) if ("handle" in file) await file.handle.close().catch(() => {});
    await this.#prepared?.handle.close().catch(() => {});
  }
}
