// An ObjectStore in memory for the recorder's own tests: keeps what real stores promise (no overwriting, hashes checked).
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { ObjectInfo, ObjectStore, PutOptions } from "../../../recorder/store/object-store.ts";
import { AppError } from "../../../shared/errors.ts";
import { noRetention } from "../../support/no-retention.ts";

export class KeptStore implements ObjectStore {
  readonly kind = "kept";
  readonly retention = noRetention(this);
  readonly objects = new Map<string, { body: Buffer; sha256: string }>();
  /** Keys in the order in which they were put. */
  readonly order: string[] = [];
  /** Thrown by `put`, when set. */
  failure: ((key: string) => Error | null) | null = null;

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    const failure = this.failure?.(key);
    if (failure) throw failure;
    const sha256 = createHash("sha256").update(body).digest("hex");
    if (sha256 !== options.sha256) throw new AppError("INTEGRITY_HASH", `wrong hash for ${key}`, { op: "store.put" });
    const known = this.objects.get(key);
    if (known && known.sha256 !== sha256) throw new AppError("STORE_EXISTS", `${key} exists`, { op: "store.put" });
    if (!known) this.order.push(key);
    this.objects.set(key, { body: Buffer.from(body), sha256 });
    return { key, bytes: body.length, sha256 };
  }

  async get(key: string): Promise<Uint8Array> {
    const object = this.objects.get(key);
    if (!object) throw new AppError("STORE_NOT_FOUND", `no ${key}`, { op: "store.get" });
    return object.body;
  }

  async stream(key: string): Promise<Readable> {
    return Readable.from([await this.get(key)]);
  }

  async head(key: string): Promise<ObjectInfo | null> {
    const object = this.objects.get(key);
    return object ? { key, bytes: object.body.length, sha256: object.sha256 } : null;
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    for (const key of [...this.objects.keys()].sort()) {
      if (key.startsWith(prefix)) yield { key, bytes: this.objects.get(key)?.body.length ?? 0 };
    }
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }

  async check(): Promise<void> {}
  async close(): Promise<void> {}

  /** A recording's objects by their names within it. */
  recording(session: string): Map<string, Buffer> {
    const named = new Map<string, Buffer>();
    for (const [key, { body }] of this.objects) {
      const at = key.indexOf(`/${session}/`);
      if (at >= 0) named.set(key.slice(at + session.length + 2), body);
    }
    return named;
  }
}
