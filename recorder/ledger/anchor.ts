// Gives the ledger's checkpoints to somebody outside the recorder, so that nobody here can write another ledger later. Fed
// by each new checkpoint. Invariant: what an anchor took is in the ledger with its receipt; one that does not answer keeps
// nobody waiting and is given the newest checkpoint, which covers all before it, when it is back.
import type { NewLedgerEntry } from "../../shared/ledger/entry.ts";
import type { LedgerCheckpoint } from "./contract.ts";
import { sha256Hex } from "./node-crypto.ts";

export interface Anchor {
  /** Unique among the anchors of a recorder. */
  readonly name: string;
  /** Resolves when it is kept there. `receipt`: what it answered; short text. The hash is of that, where none is given. */
  anchor(checkpoint: LedgerCheckpoint, signal: AbortSignal): Promise<{ receipt: string; receiptSha256?: string }>;
  /** At most so often; left out: every checkpoint. */
  readonly everyMs?: number;
}

export interface AnchorAlarms {
  raise(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

export interface AnchoringOptions {
  anchors: readonly Anchor[];
  append(entry: NewLedgerEntry): Promise<unknown>;
  alarms: AnchorAlarms;
  retryMinMs?: number;
  retryMaxMs?: number;
  timeoutMs?: number;
}

/** One hiccup is no alarm. */
const alarmAfterFailures = 2;
const maxReceipt = 4000;

export class Anchoring {
  readonly #lines: readonly AnchorLine[];

  constructor(options: AnchoringOptions) {
    this.#lines = options.anchors.map((anchor) => new AnchorLine(anchor, options));
  }

  /** There is a new checkpoint. */
  offer(checkpoint: LedgerCheckpoint): void {
    for (const line of this.#lines) line.offer(checkpoint);
  }

  /** What the ledger says that an anchor took, at the start. */
  took(name: string, size: number): void {
    for (const line of this.#lines) if (line.anchor.name === name) line.size = Math.max(line.size, size);
  }

  get state(): Array<{ name: string; size: number; failing: string | null }> {
    return this.#lines.map(({ anchor, size, failing }) => ({ name: anchor.name, size, failing }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.stop()));
  }
}

class AnchorLine {
  readonly anchor: Anchor;
  readonly #options: AnchoringOptions;
  readonly #abort = new AbortController();
  size = 0;
  failing: string | null = null;
  #next: LedgerCheckpoint | null = null;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(anchor: Anchor, options: AnchoringOptions) {
    this.anchor = anchor;
    this.#options = options;
  }

  offer(checkpoint: LedgerCheckpoint): void {
    if (this.#stopped) return;
    this.#next = checkpoint;
    // A run that finds nothing to do is over before it could be kept here, and would stand here for ever.
    if (this.#timer === null && this.#isDue) this.#running ??= this.#run();
  }

  get #isDue(): boolean {
    return performance.now() - this.#lastMs >= (this.anchor.everyMs ?? 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const grace = setTimeout(() => this.#abort.abort(), 2000);
    await this.#running;
    clearTimeout(grace);
  }

  async #run(): Promise<void> {
    try {
      while (this.#next !== null && this.#isDue) {
        const checkpoint = this.#next;
        this.#next = null;
        await this.#give(checkpoint);
      }
    } finally {
      this.#running = null;
    }
  }

  async #give(checkpoint: LedgerCheckpoint): Promise<void> {
    const { append, timeoutMs = 30_000 } = this.#options;
    const { name } = this.anchor;
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#abort.signal]);
      const { receipt, receiptSha256 = sha256Hex(receipt) } = await this.anchor.anchor(checkpoint, signal);
      await append({
        type: "anchor",
        actor: "recorder",
        subject: name,
        facts: {
          size: checkpoint.size,
          checkpointSha256: sha256Hex(checkpoint.note),
          receiptSha256,
          receipt: receipt.slice(0, maxReceipt),
        },
      });
      this.size = Math.max(this.size, checkpoint.size);
      this.#lastMs = performance.now();
      this.#succeeded();
    } catch (error) {
      this.#next ??= checkpoint;
      if (!this.#stopped) this.#failed(error);
      else this.#next = null;
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    if (this.failing !== null) this.#options.alarms.clear(this.#code);
    this.failing = null;
  }

  get #code(): string {
    return `LEDGER_ANCHOR ${this.anchor.name}`;
  }

  #failed(error: unknown): void {
    const { retryMinMs = 5000, retryMaxMs = 300_000, alarms } = this.#options;
    const why = (error as Error).message;
    this.#failures++;
    if (this.#failures === alarmAfterFailures) {
      this.failing = why;
      const text = `the anchor ${this.anchor.name} does not take the ledger's checkpoints (${why}): what it has goes to entry ${this.size}; it is tried again`;
      alarms.raise(this.#code, text, { anchor: this.anchor.name, size: this.size });
    }
    const next = this.#next;
    this.#next = null;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        const newest = this.#next ?? next;
        if (newest !== null) this.offer(newest);
      },
      Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failures - 1, 20)),
    ).unref();
  }
}
