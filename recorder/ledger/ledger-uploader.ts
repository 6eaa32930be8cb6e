// Brings the ledger's checkpoints, and the lines up to each, into the store. Never gives up while the service runs, and
// goes on at the next start where it was. Invariant: in order, so that the store always has the beginning of one ledger.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import { writeDurable } from "../record/durable-file.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { Ledger } from "./ledger.ts";
import { uploadCheckpoint } from "./store-copy.ts";
import type { Timestamps } from "./timestamps.ts";

export interface LedgerUploaderOptions {
  ledger: Ledger;
  timestamps: Timestamps;
  store: ObjectStore;
  recorderId: string;
  retryMinMs?: number;
  retryMaxMs?: number;
  timeoutMs?: number;
  /** Once when uploads begin to fail, with the cause of the failure; and once when they succeed again. */
  failed(error: AppError): void;
  recovered(): void;
  /** The checkpoint and all before it are in the store. */
  stored?(size: number): void;
}

const stateName = "uploaded";

export class LedgerUploader {
  readonly #options: LedgerUploaderOptions;
  readonly #statePath: string;
  readonly #abort = new AbortController();
  /** Checkpoints that the store has, of those the ledger has, and the size of the newest of them. */
  #done = { checkpoints: 0, size: 0 };
  #running: Promise<void> | null = null;
  #again = false;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: LedgerUploaderOptions) {
    this.#options = options;
    this.#statePath = join(options.ledger.directory, stateName);
  }

  /** How much of it the store is known to have. */
  get uploadedSize(): number {
    return this.#done.size;
  }

  /**
   * @param stored sizes of the checkpoints that the store shows; null: it could not be asked. Answers from which entry on
   * it has lost what it had; null: from none.
   */
  async start(stored: readonly number[] | null = null): Promise<number | null> {
    const text = await readFile(this.#statePath, "utf8").catch(() => "");
    const [checkpoints = 0, size = 0] = text.split(" ").map(Number);
    // What is not known to be there is put again: the same bytes under the same name are no new object.
    for await (const checkpoint of this.#options.ledger.checkpoints(checkpoints - 1)) {
      if (checkpoints > 0 && checkpoint.size === size) this.#done = { checkpoints, size };
      break;
    }
    const lost = stored !== null && this.#goBackTo(new Set(stored));
    this.wake();
    return lost ? this.#done.size : null;
  }

  /** Before the first checkpoint that the store should have and has not, as where an older copy of it was put back. */
  #goBackTo(stored: ReadonlySet<number>): boolean {
    const before = { checkpoints: 0, size: 0 };
    for (const size of this.#options.ledger.checkpointSizes) {
      if (before.checkpoints === this.#done.checkpoints) return false;
      if (!stored.has(size)) break;
      before.checkpoints++;
      before.size = size;
    }
    const lost = before.checkpoints < this.#done.checkpoints;
    this.#done = before;
    return lost;
  }

  /** There may be a new checkpoint. */
  wake(): void {
    if (this.#stopped || this.#timer !== null) return;
    this.#again = true;
    this.#running ??= this.#run();
  }

  /** What is there goes up if that succeeds at once; the rest waits for the next start. */
  async stop(graceMs = 5000): Promise<void> {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#failures === 0) this.wake();
    this.#stopped = true;
    const grace = setTimeout(() => this.#abort.abort(), graceMs);
    await this.#running;
    clearTimeout(grace);
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#uploadAll();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#running = null;
    }
  }

  async #uploadAll(): Promise<void> {
    const { ledger, timestamps, store, recorderId, timeoutMs = 120_000, stored } = this.#options;
    for await (const checkpoint of ledger.checkpoints(this.#done.checkpoints)) {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#abort.signal]);
      await uploadCheckpoint(ledger, store, recorderId, this.#done.size, checkpoint, signal);
      this.#done = { checkpoints: this.#done.checkpoints + 1, size: checkpoint.size };
      await writeDurable(this.#statePath, Buffer.from(`${this.#done.checkpoints} ${this.#done.size}\n`));
      if (this.#failures > 0) this.#options.recovered();
      this.#failures = 0;
      stored?.(checkpoint.size);
    }
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#abort.signal]);
    await timestamps.upload(store, recorderId, this.#done.size, signal);
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    const { retryMinMs = 1000, retryMaxMs = 60_000 } = this.#options;
    if (this.#failures++ === 0) this.#options.failed(explained(error));
    const most = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failures - 1, 20));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.wake();
    }, most).unref();
  }
}

function explained(error: unknown): AppError {
  const code: ErrorCode = error instanceof AppError ? error.code : "STORE_UNAVAILABLE";
  const why = (error as Error).message;
  const taken = code === "STORE_EXISTS";
  const text = taken
    ? `the store has other entries of this recorder's ledger than were written here (${why}): two recorders of one id, or somebody wrote there; keep both as evidence`
    : `the ledger cannot be brought into the store (${why}); it is kept here and tried again`;
  const op = "ledger.upload";
  return new AppError(taken ? "INTEGRITY_LEDGER" : code, text, { op, retryable: !taken, cause: error });
}
