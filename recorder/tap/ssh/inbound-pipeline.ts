// What the operator sent on one channel, on its way to the target: recorded, made durable, passed on, all in the order in
// which it came; while the session is held, dropped or kept waiting, as the channel's bridge says. Invariant: nothing is
// passed before `durable()` answered for its record, nor while it is held; what is dropped is told, whether it was recorded
// or not; what waits is bounded by the channel's window (data) and by `maxWaitingRequests` (all else).
import { AppError } from "../../../shared/errors.ts";
import type { Dropped } from "../input-drops.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";
import { retainDelivered } from "./read-memory.ts";

const maxWaitingRequests = 512;
const coalesceBelowBytes = 1024;
const coalesceBlockBytes = 16 * 1024;
const copyUpToBytes = 256;

const nothing = (): void => undefined;

export type InboundItem =
  | { kind: "data"; data: Buffer; filled: number; release(): void }
  | { kind: "request"; type: string; payload: Buffer; reply: (ok: boolean) => void; pass?: () => void }
  | { kind: "eof" }
  | { kind: "close" };

/**
 * What becomes of a channel's data now. `close`: it may neither be lost nor be kept, so the channel ends. Only `pass` lets
 * anything through.
 */
export type HeldCourse = "pass" | "wait" | "drop" | "close";

/** They act at once, and late they would act on something else. */
const momentary: ReadonlySet<string> = new Set(["signal", "break"]);

export interface InboundHandlers {
  heldCourse(): HeldCourse;
  /** Never passes, since the session is held: it is counted. */
  dropped(what: Dropped): void;
  /** Data came, or was under way, where the course is `close`. After `dropped`. */
  cut(): void;
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
  /** Within `record`: what it records is in no flight yet. */
  #recording = false;
  #holdDue = false;
  /** Who waits for the hold to change. */
  #onChange: (() => void)[] = [];

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
    this.#wakeWaiting();
  }

  /**
   * The session is held from now on, for another reason, or no more. When it returns, nothing passes that may not, not
   * even what was recorded before.
   */
  holdChanged(): void {
    if (this.#stopped) return;
    if (this.#recording) {
      this.#holdDue = true;
      return;
    }
    const course = this.#handlers.heldCourse();
    if (this.#session.frozen) this.#dropUnpassed(course);
    this.#wakeWaiting();
  }

  #dropUnpassed(course: HeldCourse): void {
    const losesData = course === "drop" || course === "close";
    const dropped = { bytes: 0, recorded: 0, requests: 0 };
    const stays = (item: InboundItem, recorded: boolean): boolean => {
      if (item.kind === "request" && momentary.has(item.type)) {
        dropped.requests++;
        if (!recorded) this.#waitingRequests--;
        item.reply(false);
        return false;
      }
      if (item.kind !== "data" || !losesData) return true;
      dropped.bytes += item.filled;
      if (recorded) dropped.recorded += item.filled;
      this.#handlers.discarded(item);
      return false;
    };
    for (const flight of this.#flights) flight.items = flight.items.filter((item) => stays(item, true));
    this.#waiting = this.#waiting.filter((item) => stays(item, false));
    if (dropped.bytes + dropped.requests > 0) this.#handlers.dropped(dropped);
    if (course === "close" && dropped.bytes > 0) this.#handlers.cut();
  }

  data(data: Buffer): void {
    const course = this.#stopped ? "pass" : this.#handlers.heldCourse();
    if (course === "drop" || course === "close") {
      this.#handlers.dropped({ bytes: data.length });
      this.#handlers.discarded({ kind: "data", data, filled: data.length, release: nothing });
      if (course === "close") this.#handlers.cut();
      return;
    }
    const tail = this.#waiting[this.#waiting.length - 1];
    if (tail?.kind === "data" && data.length < coalesceBelowBytes && this.#held()) {
      // A window of single keystrokes held by a freeze must cost its bytes, not an object each.
      if (tail.data.length - tail.filled >= data.length) {
        tail.filled += data.copy(tail.data, tail.filled);
        return;
      }
      const block = Buffer.allocUnsafe(coalesceBlockBytes);
      this.#waiting.push({ kind: "data", data: block, filled: data.copy(block), release: nothing });
      return;
    }
    // A keystroke's bytes are sooner copied than the memory that its socket reads into is replaced.
    const isSmall = data.length <= copyUpToBytes;
    const release = isSmall ? nothing : retainDelivered();
    this.push({ kind: "data", data: isSmall ? Buffer.from(data) : data, filled: data.length, release });
  }

  push(item: InboundItem): void {
    if (this.#stopped) {
      this.#handlers.discarded(item);
      return;
    }
    if (item.kind === "request" && momentary.has(item.type) && this.#session.frozen) {
      this.#handlers.dropped({ bytes: 0, requests: 1 });
      item.reply(false);
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
    return !this.#started || this.#mayNotPass || this.#gate.closed;
  }

  get #mayNotPass(): boolean {
    return this.#session.frozen && this.#handlers.heldCourse() !== "pass";
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
    if (this.#mayNotPass) {
      this.#wakeBy((wake) => this.#onChange.push(wake));
      return;
    }
    if (this.#gate.closed) {
      this.#wakeBy((wake) => this.#gate.whenOpen(wake));
      return;
    }
    let mustBeDurable = false;
    let count = 0;
    let awaited: Promise<void> | null = null;
    this.#recording = true;
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
      this.#recording = false;
      this.stop();
      this.#handlers.failed(error);
      return;
    }
    this.#recording = false;
    // Ended from within: there is nothing left.
    if (this.#stopped) return;
    if (awaited !== null) this.#wakeAfter(awaited);
    if (count === 0) return;
    const items = this.#waiting.splice(0, count);
    this.#flights.push({ items, durable: mustBeDurable ? this.#gate.durable() : undefined });
    // Rejections are dealt with in #fly, which may get to this flight later.
    this.#flights[this.#flights.length - 1]?.durable?.catch(() => undefined);
    if (this.#holdDue) {
      // What was just recorded is what made somebody stop the session, or something: it does not pass.
      this.#holdDue = false;
      this.holdChanged();
    }
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
        // A hold that came while the record was being written holds too.
        while (this.#mayNotPass && !this.#stopped) {
          await new Promise<void>((resolve) => this.#onChange.push(resolve));
        }
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

  #wakeWaiting(): void {
    for (const wake of this.#onChange.splice(0)) wake();
  }

  #drop(): void {
    const recorded = this.#flights.flatMap((flight) => flight.items);
    const items = [...recorded, ...this.#waiting];
    if (this.#session.frozen) {
      // What waited for the release never passes now.
      const dropped = { bytes: bytesOf(items), recorded: bytesOf(recorded) };
      if (dropped.bytes > 0) this.#handlers.dropped(dropped);
    }
    this.#flights = [];
    this.#waiting = [];
    this.#waitingRequests = 0;
    for (const item of items) this.#handlers.discarded(item);
  }
}

function bytesOf(items: readonly InboundItem[]): number {
  return items.reduce((sum, item) => sum + (item.kind === "data" ? item.filled : 0), 0);
}

/** The bytes of a data item. */
export function dataOf(item: { data: Buffer; filled: number }): Buffer {
  return item.filled === item.data.length ? item.data : item.data.subarray(0, item.filled);
}
