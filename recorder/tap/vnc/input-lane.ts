// What the operator does, on its way to the target: keys, pointer, clipboard, size of the screen. Held while
// frozen, recorded, made durable, passed on, in the order in which it came; that the recorder is behind with the target's
// pictures does not hold it. Invariant: nothing is passed before `durable()` answered for its record, and what waits is
// bounded.
import { AppError } from "../../../shared/errors.ts";
import type { NoticeType } from "../../../shared/events/session-event.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";

/** Beyond it, input that comes during a freeze is dropped, and that is said in the record. */
const maxHeld = 512;
/** Waiting for the disk: from here on the viewer is not read. */
const congestedBytes = 256 * 1024;

export interface InputItem {
  raw: Buffer;
  /** A pointer that moved and pressed nothing: of several that wait, only the last counts. */
  isMove: boolean;
  /** Of what no key and no pointer says: an event of its own, before the message. */
  notice?: { type: NoticeType; facts: Record<string, unknown> };
}

export interface InputLaneHandlers {
  pass(bytes: Buffer): void;
  /** More waits than should. */
  congested(is: boolean): void;
  failed(error: unknown): void;
}

export class InputLane {
  readonly #session: TapSession;
  readonly #gate: RecordingGate;
  readonly #handlers: InputLaneHandlers;
  readonly #channel: number;
  #held: InputItem[] = [];
  #flights: { bytes: Buffer; durable: Promise<void> }[] = [];
  #inFlightBytes = 0;
  #flying = false;
  #scheduled = false;
  #asleep = false;
  #overflowed = false;
  #stopped = false;
  #onIdle: (() => void) | undefined;

  constructor(session: TapSession, gate: RecordingGate, channel: number, handlers: InputLaneHandlers) {
    this.#session = session;
    this.#gate = gate;
    this.#channel = channel;
    this.#handlers = handlers;
  }

  push(item: InputItem): void {
    if (this.#stopped) return;
    const last = this.#held[this.#held.length - 1];
    if (this.#asleep && item.isMove && last?.isMove === true) {
      this.#held[this.#held.length - 1] = item;
      return;
    }
    if (this.#held.length >= maxHeld && this.#session.frozen) {
      this.#overflow();
      return;
    }
    this.#held.push(item);
    this.#schedule();
  }

  /** Nothing passes any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
    this.#flights = [];
    this.#settle();
  }

  /** Resolves when what came has passed, or never will. */
  settled(): Promise<void> {
    if (this.#idle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  get #idle(): boolean {
    return this.#stopped || (this.#held.length === 0 && this.#flights.length === 0);
  }

  #settle(): void {
    if (this.#idle) this.#onIdle?.();
  }

  #overflow(): void {
    if (this.#overflowed) return;
    this.#overflowed = true;
    try {
      this.#gate.notice("limit", { what: "held-input", most: maxHeld }, this.#channel);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** After this turn's messages, so that what came together shares one record and one `durable()`. */
  #schedule(): void {
    if (this.#scheduled || this.#asleep) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#record();
    });
  }

  #record(): void {
    if (this.#stopped || this.#held.length === 0) return;
    if (this.#session.frozen) {
      this.#wakeBy((wake) => void this.#session.whenUnfrozen().then(wake));
      return;
    }
    this.#overflowed = false;
    const items = this.#held;
    const bytes = Buffer.concat(items.map((item) => item.raw));
    this.#held = [];
    try {
      for (const { notice } of items) {
        if (notice !== undefined) this.#gate.notice(notice.type, notice.facts, this.#channel);
      }
      this.#gate.append({ type: "input", channel: this.#channel, data: bytes });
    } catch (error) {
      this.#fail(error);
      return;
    }
    const durable = this.#gate.durable();
    // A rejection is dealt with in #fly, which may get to this flight later.
    durable.catch(() => undefined);
    this.#flights.push({ bytes, durable });
    this.#weigh(bytes.length);
    if (!this.#flying) void this.#fly();
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
      for (let flight = this.#flights[0]; flight !== undefined; flight = this.#flights[0]) {
        await flight.durable;
        // A freeze that came while the record was being written holds too.
        while (this.#session.frozen && !this.#stopped) await this.#session.whenUnfrozen();
        if (this.#stopped) return;
        this.#flights.shift();
        this.#handlers.pass(flight.bytes);
        this.#weigh(-flight.bytes.length);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#flying = false;
      this.#settle();
    }
  }

  #weigh(bytes: number): void {
    const before = this.#inFlightBytes >= congestedBytes;
    this.#inFlightBytes += bytes;
    const after = this.#inFlightBytes >= congestedBytes;
    if (before !== after) this.#handlers.congested(after);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#handlers.failed(
      error instanceof AppError ? error : new AppError("INTERNAL", String(error), { op: "vnc.input", cause: error }),
    );
  }
}
