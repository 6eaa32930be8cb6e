// What the operator sent on one channel, on its way to the target: held while frozen, recorded, made durable, passed on,
// all in the order in which it came. Invariant: nothing is passed before `durable()` answered for its record, and what
// waits is bounded by the channel's window (data) and by `maxWaitingRequests` (all else).
import { AppError } from "../../../shared/errors.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";
import { retainDelivered } from "./read-memory.ts";

const maxWaitingRequests = 512;
const coalesceBelowBytes = 1024;
const coalesceBlockBytes = 16 * 1024;

export type InboundItem =
  | { kind: "data"; data: Buffer; filled: number; release(): void }
  | { kind: "request"; type: string; payload: Buffer; reply: (ok: boolean) => void; pass?: () => void }
  | { kind: "eof" }
  | { kind: "close" };

export interface InboundHandlers {
  /** What must happen before the item can be recorded; it and all behind it wait. Null: nothing. */
  waitsFor(item: InboundItem): Promise<void> | null;
  /** Appends the item's events. True: they must be durable before the item passes. May throw. */
  record(item: InboundItem): boolean;
  /** After the last `record` of what passes together. True: as there. */
  endBatch(): boolean;
  pass(item: InboundItem): void;
  /** It will never pass. */
  discarded(item: InboundItem): void;
  failed(error: unknown): void;
}

export class InboundPipeline {
  readonly #session: TapSession;
  readonly #gate: RecordingGate;
  readonly #handlers: InboundHandlers;
  #waiting: InboundItem[] = [];
  #waitingRequests = 0;
  #flights: { items: InboundItem[]; durable: Promise<void> | undefined }[] = [];
  #flying = false;
  #scheduled = false;
  #asleep = false;
  #started = false;
  #stopped = false;

  constructor(session: TapSession, gate: RecordingGate, handlers: InboundHandlers) {
    this.#session = session;
    this.#gate = gate;
    this.#handlers = handlers;
  }

  /** Until then everything waits: the way to the target is not open yet. */
  start(): void {
    this.#started = true;
    this.#schedule();
  }

  /** Nothing passes any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#drop();
  }

  data(data: Buffer): void {
    const tail = this.#waiting[this.#waiting.length - 1];
    if (tail?.kind === "data" && data.length < coalesceBelowBytes && this.#held()) {
      // A window of single keystrokes held by a freeze must cost its bytes, not an object each.
      if (tail.data.length - tail.filled >= data.length) {
        tail.filled += data.copy(tail.data, tail.filled);
        return;
      }
      const block = Buffer.allocUnsafe(coalesceBlockBytes);
      this.#waiting.push({ kind: "data", data: block, filled: data.copy(block), release: () => undefined });
      return;
    }
    this.push({ kind: "data", data, filled: data.length, release: retainDelivered() });
  }

  push(item: InboundItem): void {
    if (this.#stopped) {
      this.#handlers.discarded(item);
      return;
    }
    if (item.kind === "request") {
      const tail = this.#waiting[this.#waiting.length - 1];
      if (item.type === "window-change" && tail?.kind === "request" && tail.type === "window-change") {
        // Only the last size counts.
        this.#waiting[this.#waiting.length - 1] = item;
        tail.reply(false);
        return;
      }
      if (++this.#waitingRequests > maxWaitingRequests) {
        throw new AppError("PROTOCOL_LIMIT", "The client sent too many requests at once; the connection was ended.", {
          op: "ssh.inbound",
        });
      }
    }
    this.#waiting.push(item);
    this.#schedule();
  }

  #held(): boolean {
    return !this.#started || this.#session.frozen || this.#gate.closed;
  }

  /** After this turn's messages, so that what came together shares one `durable()`. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#recordWaiting();
    });
  }

  #recordWaiting(): void {
    if (this.#stopped || this.#waiting.length === 0 || !this.#started) return;
    if (this.#session.frozen) {
      this.#wakeBy((wake) => void this.#session.whenUnfrozen().then(wake));
      return;
    }
    if (this.#gate.closed) {
      this.#wakeBy((wake) => this.#gate.whenOpen(wake));
      return;
    }
    let mustBeDurable = false;
    let count = 0;
    let awaited: Promise<void> | null = null;
    try {
      while (count < this.#waiting.length && !this.#held()) {
        const item = this.#waiting[count] as InboundItem;
        awaited = this.#handlers.waitsFor(item);
        if (awaited !== null) break;
        count++;
        if (item.kind === "request") this.#waitingRequests--;
        if (this.#handlers.record(item)) mustBeDurable = true;
      }
      if (this.#handlers.endBatch()) mustBeDurable = true;
    } catch (error) {
      this.stop();
      this.#handlers.failed(error);
      return;
    }
    if (awaited !== null) this.#wakeAfter(awaited);
    if (count === 0) return;
    const items = this.#waiting.splice(0, count);
    this.#flights.push({ items, durable: mustBeDurable ? this.#gate.durable() : undefined });
    // Rejections are dealt with in #fly, which may get to this flight later.
    this.#flights[this.#flights.length - 1]?.durable?.catch(() => undefined);
    if (!this.#flying) void this.#fly();
    if (this.#waiting.length > 0 && awaited === null) this.#schedule();
  }

  #wakeAfter(awaited: Promise<void>): void {
    this.#wakeBy((wake) => void awaited.then(wake));
  }

  #wakeBy(subscribe: (wake: () => void) => void): void {
    if (this.#asleep) return;
    this.#asleep = true;
    subscribe(() => {
      this.#asleep = false;
      this.#schedule();
    });
  }

  async #fly(): Promise<void> {
    this.#flying = true;
    try {
      for (let flight = this.#flights[0]; flight !== undefined && !this.#stopped; flight = this.#flights[0]) {
        if (flight.durable !== undefined) await flight.durable;
        // A freeze that came while the record was being written holds too.
        while (this.#session.frozen && !this.#stopped) await this.#session.whenUnfrozen();
        if (this.#stopped) break;
        this.#flights.shift();
        for (const item of flight.items) this.#handlers.pass(item);
      }
    } catch (error) {
      this.stop();
      this.#handlers.failed(error);
    } finally {
      this.#flying = false;
    }
  }

  #drop(): void {
    const items = [...this.#flights.flatMap((flight) => flight.items), ...this.#waiting];
    this.#flights = [];
    this.#waiting = [];
    this.#waitingRequests = 0;
    for (const item of items) this.#handlers.discarded(item);
  }
}

/** The bytes of a data item. */
export function dataOf(item: { data: Buffer; filled: number }): Buffer {
  return item.filled === item.data.length ? item.data : item.data.subarray(0, item.filled);
}
