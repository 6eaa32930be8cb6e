// A store on a bad day: operations fail before or after the real one was done, take their time, and reads break off
// half-way. What fails is decided by a seed, so that a failing test can be run again.
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectInfo, ObjectStore, PutOptions } from "../../recorder/store/object-store.ts";
import type { StoreRetention } from "../../recorder/store/retention-store.ts";
import { AppError } from "../../shared/errors.ts";

export interface FlakyOptions {
  seed?: number;
  /** Probability, 0–1, that an operation fails without having been tried. */
  failBefore?: number;
  /** Probability that it fails although it was done: the answer was lost. */
  failAfter?: number;
  /** Probability that a stream or a listing breaks off half-way. */
  cutReads?: number;
  maxDelayMs?: number;
  /** Keys whose put always fails. */
  refuse?: (key: string) => boolean;
}

export class FlakyStore implements ObjectStore {
  readonly kind: string;
  readonly retention: StoreRetention;
  readonly #inner: ObjectStore;
  readonly #options: Required<FlakyOptions>;
  readonly #random: () => number;
  #away = false;
  failures = 0;

  constructor(inner: ObjectStore, options: FlakyOptions = {}) {
    this.kind = inner.kind;
    this.retention = inner.retention;
    this.#inner = inner;
    const usual = { seed: 1, failBefore: 0.2, failAfter: 0.2, cutReads: 0.2, maxDelayMs: 3, refuse: () => false };
    this.#options = { ...usual, ...options };
    this.#random = seededRandom(this.#options.seed);
  }

  /** From now on nothing answers, until `comeBack`. */
  goAway(): void {
    this.#away = true;
  }

  comeBack(): void {
    this.#away = false;
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    return this.#disturb("store.put", options.signal, () => {
      if (this.#options.refuse(key)) throw this.#failure("store.put", `refused ${key}`);
      return this.#inner.put(key, body, options);
    });
  }

  get(
    key: string,
    options: { range?: { start: number; end: number }; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    return this.#disturb("store.get", options.signal, () => this.#inner.get(key, options));
  }

  async stream(key: string, options: { signal?: AbortSignal } = {}): Promise<Readable> {
    const whole = await this.#disturb("store.stream", options.signal, () => this.#inner.stream(key, options));
    if (this.#random() >= this.#options.cutReads) return whole;
    const failure = this.#failure("store.stream", "the connection broke off");
    return Readable.from(cut(whole, failure), { objectMode: false });
  }

  head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    return this.#disturb("store.head", options.signal, () => this.#inner.head(key, options));
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectInfo> {
    await this.#disturb("store.list", options.signal, async () => {});
    const breaksAfter =
      this.#random() < this.#options.cutReads ? Math.floor(this.#random() * 5) : Number.POSITIVE_INFINITY;
    let seen = 0;
    for await (const info of this.#inner.list(prefix, options)) {
      if (seen++ >= breaksAfter) throw this.#failure("store.list", "the connection broke off");
      yield info;
    }
  }

  delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#disturb("store.delete", options.signal, () => this.#inner.delete(key, options));
  }

  check(): Promise<void> {
    return this.#disturb("store.check", undefined, () => this.#inner.check());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #disturb<T>(op: string, signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    if (this.#options.maxDelayMs > 0) {
      await sleep(this.#random() * this.#options.maxDelayMs);
      signal?.throwIfAborted();
    }
    if (this.#away) throw this.#failure(op, "it is away");
    if (this.#random() < this.#options.failBefore) throw this.#failure(op, "failed before it was done");
    const result = await action();
    if (this.#away || this.#random() < this.#options.failAfter) throw this.#failure(op, "failed after it was done");
    return result;
  }

  #failure(op: string, why: string): AppError {
    this.failures++;
    return new AppError("STORE_UNAVAILABLE", `Disturbed store: ${why}.`, { op, retryable: true });
  }
}

/** What the uploader does around a store, in its plainest form: the same call again while the failure says it may help. */
export class RetryingStore implements ObjectStore {
  readonly kind: string;
  readonly retention: StoreRetention;
  readonly #inner: ObjectStore;
  readonly #attempts: number;

  constructor(inner: ObjectStore, attempts = 200) {
    this.kind = inner.kind;
    this.retention = inner.retention;
    this.#inner = inner;
    this.#attempts = attempts;
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    return this.#again(() => this.#inner.put(key, body, options));
  }

  get(key: string, options?: { range?: { start: number; end: number }; signal?: AbortSignal }): Promise<Uint8Array> {
    return this.#again(() => this.#inner.get(key, options));
  }

  stream(key: string, options?: { signal?: AbortSignal }): Promise<Readable> {
    return this.#again(async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of await this.#inner.stream(key, options)) chunks.push(chunk as Buffer);
      return Readable.from([Buffer.concat(chunks)], { objectMode: false });
    });
  }

  head(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo | null> {
    return this.#again(() => this.#inner.head(key, options));
  }

  async *list(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectInfo> {
    yield* await this.#again(async () => {
      const all: ObjectInfo[] = [];
      for await (const info of this.#inner.list(prefix, options)) all.push(info);
      return all;
    });
  }

  delete(key: string, options?: { signal?: AbortSignal }): Promise<void> {
    return this.#again(() => this.#inner.delete(key, options));
  }

  check(): Promise<void> {
    return this.#again(() => this.#inner.check());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #again<T>(action: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof AppError && error.retryable) || attempt >= this.#attempts) throw error;
      }
    }
  }
}

async function* cut(whole: Readable, failure: AppError): AsyncGenerator<Buffer> {
  for await (const chunk of whole) {
    const bytes = chunk as Buffer;
    if (bytes.length > 1) yield bytes.subarray(0, bytes.length >> 1);
    break;
  }
  throw failure;
}

/** Mulberry32: small, and the same on every platform. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
