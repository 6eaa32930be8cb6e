// The recordings whose screens are to be read, one at a time, beside all else. Invariant: a recording that leaves, or whose
// month's key is destroyed, is read no further, and nothing of it is given on; one whose reading fails is given on without.
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import type { ScreenTexts } from "./screen-texts.ts";

export type ReadScreens = (index: RecordingIndex, stop: AbortSignal) => Promise<ScreenTexts>;

export interface ScreenQueueOptions {
  read: ReadScreens;
  logger: { warn(facts: object, message: string): void };
  /** To be put into the index. */
  done(session: string): void;
}

interface Waiting {
  keyMonth: string | null;
  index: RecordingIndex;
}

/** The store did not answer; with the next look at the catalogue the recording is read again. */
const passing = new Set(["STORE_UNAVAILABLE", "STORE_REFUSED", "STORE_FULL", "DATABASE_FAILED"]);

export class ScreenQueue {
  readonly #options: ScreenQueueOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #texts = new Map<string, Waiting & { texts: ScreenTexts }>();
  #current: { session: string; keyMonth: string | null; stop: AbortController } | null = null;
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: ScreenQueueOptions) {
    this.#options = options;
  }

  /** How many are to be read. */
  get size(): number {
    return this.#waiting.size + (this.#current === null ? 0 : 1);
  }

  has(session: string): boolean {
    return this.#waiting.has(session) || this.#current?.session === session || this.#texts.has(session);
  }

  add({ session, encryption }: OpenRecord, index: RecordingIndex): void {
    if (this.#isClosed || this.has(session)) return;
    this.#waiting.set(session, { keyMonth: encryption?.serviceKey ?? null, index });
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
    });
  }

  /** What was read of it, once. */
  take(session: string): ScreenTexts | null {
    const texts = this.#texts.get(session)?.texts ?? null;
    this.#texts.delete(session);
    return texts;
  }

  drop(session: string): void {
    this.#waiting.delete(session);
    this.#texts.delete(session);
    if (this.#current?.session === session) this.#current.stop.abort();
  }

  dropMonth(month: string): void {
    for (const held of [this.#waiting, this.#texts])
      for (const [session, { keyMonth }] of held) if (keyMonth === month) held.delete(session);
    if (this.#current?.keyMonth === month) this.#current.stop.abort();
  }

  async settled(): Promise<void> {
    await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    this.#current?.stop.abort();
    await this.#running;
  }

  async #work(): Promise<void> {
    for (const [session, waiting] of this.#waiting) {
      this.#waiting.delete(session);
      const stop = new AbortController();
      this.#current = { session, keyMonth: waiting.keyMonth, stop };
      const texts = await this.#read(session, waiting.index, stop.signal);
      this.#current = null;
      if (stop.signal.aborted || texts === null) continue;
      this.#texts.set(session, { ...waiting, texts });
      this.#options.done(session);
    }
  }

  async #read(session: string, index: RecordingIndex, stop: AbortSignal): Promise<ScreenTexts | null> {
    const { read, logger } = this.#options;
    try {
      const texts = await read(index, stop);
      if (texts.failure !== null)
        logger.warn({ session, reason: texts.failure }, "some of the text on a recording's screens could not be read");
      return texts;
    } catch (error) {
      if (stop.aborted) return null;
      logger.warn({ session, err: error }, "the text on a recording's screens cannot be read");
      if (error instanceof AppError && (error.retryable || passing.has(error.code))) return null;
      return { found: [], leftOut: 1, damage: [], failure: null };
    }
  }
}
