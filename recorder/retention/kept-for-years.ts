// A store as the ledger and the keys see it: what they put is locked for years. They outlive the recordings that they prove.
import type { Readable } from "node:stream";
import type { ObjectInfo, ObjectStore, PutOptions } from "../store/object-store.ts";
import type { StoreRetention } from "../store/retention-store.ts";
import { lockForYears } from "./terms.ts";

export class KeptForYears implements ObjectStore {
  readonly kind: string;
  readonly retention: StoreRetention;
  readonly #store: ObjectStore;
  readonly #years: number;

  constructor(store: ObjectStore, years: number) {
    this.kind = store.kind;
    this.retention = store.retention;
    this.#store = store;
    this.#years = years;
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    return this.#store.put(key, body, { ...options, retainUntil: lockForYears(this.#years, Date.now()) });
  }

  get(key: string, options?: { range?: { start: number; end: number }; signal?: AbortSignal }): Promise<Uint8Array> {
    return this.#store.get(key, options);
  }

  stream(key: string, options?: { signal?: AbortSignal }): Promise<Readable> {
    return this.#store.stream(key, options);
  }

  head(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo | null> {
    return this.#store.head(key, options);
  }

  list(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectInfo> {
    return this.#store.list(prefix, options);
  }

  delete(key: string, options?: { signal?: AbortSignal }): Promise<void> {
    return this.#store.delete(key, options);
  }

  check(): Promise<void> {
    return this.#store.check();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
