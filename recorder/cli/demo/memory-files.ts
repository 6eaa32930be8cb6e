// The demo controller's files: a tree in memory, bounded, gone when the demo ends.
import { posix } from "node:path";

export interface Entry {
  name: string;
  directory: boolean;
  bytes: number;
  modifiedAtMs: number;
}

interface Node {
  /** Room that is at least `bytes` long; null for a directory. */
  data: Buffer | null;
  bytes: number;
  modifiedAtMs: number;
}

const maxTotalBytes = 64 * 1024 * 1024;
const maxEntries = 256;

export class MemoryFiles {
  readonly #nodes = new Map<string, Node>();

  constructor() {
    this.#put("/", null);
    this.#put("/logs", null);
    this.#put(
      "/recipe.txt",
      Buffer.from("# Reactor recipe 7-B\ntemperature 142\npressure 6.4\nfeed 18.5\nagitator 180\n"),
    );
    this.#put(
      "/logs/shift.log",
      Buffer.from("06:00 shift change, no remarks\n09:12 coolant valve slow, maintenance told\n"),
    );
  }

  normal(path: string): string {
    return posix.resolve("/", path);
  }

  stat(path: string): Entry | null {
    const at = this.normal(path);
    const node = this.#nodes.get(at);
    if (node === undefined) return null;
    const { data, bytes, modifiedAtMs } = node;
    return { name: posix.basename(at), directory: data === null, bytes, modifiedAtMs };
  }

  list(path: string): Entry[] {
    const at = this.normal(path);
    return [...this.#nodes.keys()]
      .filter((other) => other !== "/" && posix.dirname(other) === at)
      .map((other) => this.stat(other))
      .filter((entry) => entry !== null);
  }

  read(path: string): Buffer | null {
    const node = this.#nodes.get(this.normal(path));
    return node?.data?.subarray(0, node.bytes) ?? null;
  }

  /** False where the path's directory is missing, it is a directory, or the plant's memory is full. */
  write(path: string, offset: number, data: Uint8Array): boolean {
    const at = this.normal(path);
    const node = this.#nodes.get(at);
    if (node?.data === null || this.stat(posix.dirname(at))?.directory !== true) return false;
    const old = node ?? { data: Buffer.alloc(0), bytes: 0 };
    const bytes = Math.max(old.bytes, offset + data.length);
    if (this.#totalBytes() - old.bytes + bytes > maxTotalBytes || this.#nodes.size >= maxEntries) return false;
    const room = roomFor(old.data ?? Buffer.alloc(0), bytes);
    room.set(data, offset);
    this.#nodes.set(at, { data: room, bytes, modifiedAtMs: Date.now() });
    return true;
  }

  truncate(path: string): boolean {
    const at = this.normal(path);
    if (this.#nodes.get(at)?.data === null) return false;
    this.#nodes.delete(at);
    return this.write(at, 0, Buffer.alloc(0));
  }

  makeDirectory(path: string): boolean {
    const at = this.normal(path);
    if (this.#nodes.has(at) || this.#nodes.size >= maxEntries || this.stat(posix.dirname(at))?.directory !== true)
      return false;
    this.#put(at, null);
    return true;
  }

  remove(path: string): boolean {
    const at = this.normal(path);
    return at !== "/" && this.list(at).length === 0 && this.#nodes.delete(at);
  }

  rename(from: string, to: string): boolean {
    const source = this.normal(from);
    const target = this.normal(to);
    const node = this.#nodes.get(source);
    if (node === undefined || node.data === null || this.#nodes.has(target)) return false;
    if (this.stat(posix.dirname(target))?.directory !== true) return false;
    this.#nodes.delete(source);
    this.#nodes.set(target, node);
    return true;
  }

  #put(path: string, data: Buffer | null): void {
    this.#nodes.set(path, { data, bytes: data?.length ?? 0, modifiedAtMs: Date.now() });
  }

  #totalBytes(): number {
    let total = 0;
    for (const { bytes } of this.#nodes.values()) total += bytes;
    return total;
  }
}

/** At least doubled when it must grow, so that many small writes cost no more than one large one. */
function roomFor(data: Buffer, bytes: number): Buffer {
  if (bytes <= data.length) return data;
  const room = Buffer.alloc(Math.max(bytes, Math.min(maxTotalBytes, data.length * 2)));
  room.set(data);
  return room;
}
