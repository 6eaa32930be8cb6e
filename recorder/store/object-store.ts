// The store's one interface. Objects are written once, never overwritten, and deleted only by retention.
import type { Readable } from "node:stream";
import type { ObjectLock, StoreRetention } from "./retention-store.ts";

export interface ObjectInfo {
  key: string;
  bytes: number;
  /** The store's version id, where it has them. */
  versionId?: string;
  /** SHA-256 (hex) given at put, where the store keeps it. */
  sha256?: string;
  /** RFC 3339. */
  modifiedAt?: string;
  /** As the answer to `head` shows it, where the store has locks. */
  lock?: ObjectLock;
}

export interface PutOptions {
  /** SHA-256 of the body, hex; the store (or the client in front of it) refuses a body that does not match. */
  sha256: string;
  contentType?: string;
  /** RFC 3339: locked until then at least, where the store can lock. */
  retainUntil?: string;
  /** Under legal hold from its first moment. */
  hold?: boolean;
  /** Which of the store's own lifecycle rules is its: days, or `hold`. */
  retainTag?: string;
  signal?: AbortSignal;
}

export interface ObjectStore {
  readonly kind: string;
  readonly retention: StoreRetention;
  /** Whole object or nothing, durable when it resolves. The same key with the same hash is a no-op; with another: STORE_EXISTS. */
  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo>;
  /** STORE_NOT_FOUND when there is none. `range` is inclusive, as in HTTP. */
  get(key: string, options?: { range?: { start: number; end: number }; signal?: AbortSignal }): Promise<Uint8Array>;
  stream(key: string, options?: { signal?: AbortSignal }): Promise<Readable>;
  head(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo | null>;
  /** In key order (UTF-8 bytes). */
  list(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectInfo>;
  delete(key: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Cheap reachability and permission check for doctor and health. Throws AppError STORE_*. */
  check(): Promise<void>;
  close(): Promise<void>;
}
