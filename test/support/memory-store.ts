// An ObjectStore in memory, for tests of what reads a store.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { recordingPrefix } from "../../recorder/store/keys.ts";
import type { ObjectInfo, ObjectStore, PutOptions } from "../../recorder/store/object-store.ts";
import { AppError } from "../../shared/errors.ts";
import { noRetention } from "./no-retention.ts";
import type { BuiltRecording } from "./recording-builder.ts";

export class MemoryStore implements ObjectStore {
  readonly kind = "memory";
  readonly retention = noRetention(this);
  readonly objects = new Map<string, Uint8Array>();
  /** Keys asked for, in order. */
  readonly reads: string[] = [];

  /** With SHA256SUMS, as the recorder writes it last. Answers the prefix. */
  addRecording(built: BuiltRecording): string {
    const prefix = recordingPrefix(built.index.startedAt, built.index.session);
    for (const [name, bytes] of built.objects) this.objects.set(prefix + name, bytes);
    this.objects.set(`${prefix}SHA256SUMS`, Buffer.from(checksumsOf(built.objects)));
    return prefix;
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    this.objects.set(key, body);
    return { key, bytes: body.length, sha256: options.sha256 };
  }

  async get(key: string, options: { range?: { start: number; end: number } } = {}): Promise<Uint8Array> {
    this.reads.push(key);
    const bytes = this.objects.get(key);
    if (bytes === undefined) {
      throw new AppError("STORE_NOT_FOUND", `the store has no object ${key}`, { op: "store.get" });
    }
    return options.range === undefined ? bytes : bytes.subarray(options.range.start, options.range.end + 1);
  }

  async stream(key: string): Promise<Readable> {
    return Readable.from([await this.get(key)]);
  }

  async head(key: string): Promise<ObjectInfo | null> {
    const bytes = this.objects.get(key);
    return bytes === undefined ? null : { key, bytes: bytes.length };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    for (const key of [...this.objects.keys()].sort()) {
      if (key.startsWith(prefix)) yield { key, bytes: this.objects.get(key)?.length ?? 0 };
    }
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }

  async check(): Promise<void> {}
  async close(): Promise<void> {}
}

export function checksumsOf(objects: ReadonlyMap<string, Uint8Array>): string {
  return [...objects].map(([name, bytes]) => `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`).join("");
}
