// A store that says how long each request took and how it ended; it changes none of them.
import type { Readable } from "node:stream";
import { AppError } from "../../shared/errors.ts";
import type { ObjectInfo, ObjectStore, PutOptions } from "../store/object-store.ts";

export type StoreAnswered = (operation: string, outcome: string, ms: number) => void;

export class MeteredStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #answered: StoreAnswered;

  constructor(store: ObjectStore, answered: StoreAnswered) {
    this.#store = store;
    this.#answered = answered;
  }

  get kind(): string {
    return this.#store.kind;
  }

  get retention(): ObjectStore["retention"] {
    return this.#store.retention;
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    return this.#timed("put", () => this.#store.put(key, body, options));
  }

  get(...args: Parameters<ObjectStore["get"]>): Promise<Uint8Array> {
    return this.#timed("get", () => this.#store.get(...args));
  }

  /** Until its first byte can be read. */
  stream(...args: Parameters<ObjectStore["stream"]>): Promise<Readable> {
    return this.#timed("stream", () => this.#store.stream(...args));
  }

  head(...args: Parameters<ObjectStore["head"]>): Promise<ObjectInfo | null> {
    return this.#timed("head", () => this.#store.head(...args));
  }

  list(...args: Parameters<ObjectStore["list"]>): AsyncIterable<ObjectInfo> {
    return this.#store.list(...args);
  }

  delete(...args: Parameters<ObjectStore["delete"]>): Promise<void> {
    return this.#timed("delete", () => this.#store.delete(...args));
  }

  check(): Promise<void> {
    return this.#timed("check", () => this.#store.check());
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #timed<T>(operation: string, ask: () => Promise<T>): Promise<T> {
    const beganMs = performance.now();
    const done = (outcome: string) => this.#answered(operation, outcome, performance.now() - beganMs);
    try {
      const answer = await ask();
      done("ok");
      return answer;
    } catch (error) {
      done(error instanceof AppError ? error.code : "error");
      throw error;
    }
  }
}
