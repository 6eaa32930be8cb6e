// What the operator does, or whoever has control, on its way to the target: keys, pointer, clipboard, size of the screen. Recorded, made durable,
// passed on, in the order in which it came; dropped and counted while the session is held; that the recorder is behind with
// the target's pictures does not hold it. Invariant: nothing is passed before `durable()` answered for its record, and while
// held nothing but the gateway's own letting go of what the target has down.
import { AppError } from "../../../shared/errors.ts";
import type { NoticeType } from "../../../shared/events/session-event.ts";
import { type WritableMessage, writeClientMessage } from "../../rfb/client-writer.ts";
import { type Dropped, InputDrops } from "../input-drops.ts";
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";
import { Pressed } from "./pressed.ts";

/** Waiting for the disk: from here on the viewer is not read. */
const congestedBytes = 256 * 1024;

export interface InputItem {
  message: WritableMessage;
  /** Of what no key and no pointer says: an event of its own, before the message. */
  notice?: { type: NoticeType; facts: Record<string, unknown> };
}

interface Flight {
  messages: WritableMessage[];
  bytes: Buffer;
  durable: Promise<void>;
  /** The gateway lets go of what is pressed: passes while held, too. */
  letsGo: boolean;
}

/** Whose input it is, where it is not the session's person's. */
export interface LaneOwner {
  by(): string;
  mayPass(): boolean;
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
  readonly #drops: InputDrops;
  readonly #owner: LaneOwner | null;
  readonly #pressed = new Pressed();
  #taken: InputItem[] = [];
  #flights: Flight[] = [];
  #inFlightBytes = 0;
  #flying = false;
  #scheduled = false;
  #stopped = false;
  #letGoDue = false;
  #onIdle: (() => void) | undefined;

  /** @param owner null: the session's person. */
  constructor(
    session: TapSession,
    gate: RecordingGate,
    channel: number,
    handlers: InputLaneHandlers,
    owner: LaneOwner | null = null,
  ) {
    this.#owner = owner;
    this.#session = session;
    this.#gate = gate;
    this.#channel = channel;
    this.#handlers = handlers;
    this.#drops = new InputDrops(session, gate, channel, owner?.by() ?? null);
  }

  /** Not while the session is held. */
  push(item: InputItem): void {
    if (this.#stopped) return;
    const { message } = item;
    if (message.type === "pointer") {
      this.#taken.push({ ...item, message: this.#pressed.takePointer(message) });
    } else if ((message.type === "key" || message.type === "qemu-key") && !this.#pressed.takeKey(message)) {
      this.#count({ bytes: writeClientMessage(message).length, messages: 1 });
      return;
    } else {
      this.#taken.push(item);
    }
    this.#schedule();
  }

  /** Whole, as it stands, after what came before: what the person did and somebody agreed to. */
  play(messages: readonly WritableMessage[]): void {
    if (this.#stopped) return;
    this.#taken.push(...messages.map((message) => ({ message })));
    this.#schedule();
  }

  /** What is down is let go of, as when a hold begins, and stays so until it is let go of here and pressed anew. */
  letGo(): void {
    if (this.#stopped) return;
    this.#record();
    // What is on its way is not down yet.
    this.#letGoDue = this.#flights.length > 0;
    if (!this.#letGoDue) this.#launchLetGo();
  }

  #launchLetGo(): void {
    this.#letGoDue = false;
    const released = this.#pressed.letGo();
    if (released.length > 0) this.#launch(released, true);
  }

  /** Came while the session is held. @param bytes of it, where it is none that could be written. */
  drop(
    message: WritableMessage | undefined,
    bytes = message === undefined ? 0 : writeClientMessage(message).length,
    why?: "confirmation",
  ): void {
    if (this.#stopped) return;
    if (message?.type === "key" || message?.type === "qemu-key") this.#pressed.droppedKey(message);
    else if (message?.type === "pointer") this.#pressed.droppedPointer(message);
    this.#count({ bytes, messages: 1 }, why);
  }

  /** The session is held from now on, or (false) no more. When it returns, nothing of the operator's passes that may not. */
  hold(held: boolean): void {
    if (this.#stopped) return;
    if (!held) {
      this.#drops.say();
      return;
    }
    const recorded = this.#flights.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const taken = this.#taken.reduce((sum, { message }) => sum + writeClientMessage(message).length, 0);
    const messages = this.#flights.reduce((sum, flight) => sum + flight.messages.length, 0) + this.#taken.length;
    this.#flights = [];
    this.#taken = [];
    this.#weigh(-this.#inFlightBytes);
    if (messages > 0) this.#count({ bytes: recorded + taken, recorded, messages });
    this.#launchLetGo();
    this.#settle();
  }

  /** Nothing passes any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#drops.say();
    this.#taken = [];
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
    return this.#stopped || (this.#taken.length === 0 && this.#flights.length === 0);
  }

  #settle(): void {
    if (this.#idle) this.#onIdle?.();
  }

  #count(dropped: Dropped, why?: "confirmation"): void {
    this.#drops.add(dropped, why);
  }

  get #mayPass(): boolean {
    return this.#owner === null ? !this.#session.frozen : this.#owner.mayPass();
  }

  /** After this turn's messages, so that what came together shares one record and one `durable()`. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#record();
    });
  }

  #record(): void {
    if (this.#stopped || this.#taken.length === 0) return;
    const items = this.#taken;
    this.#taken = [];
    try {
      for (const { notice } of items) {
        if (notice !== undefined) this.#gate.notice(notice.type, notice.facts, this.#channel);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#launch(
      items.map(({ message }) => message),
      false,
    );
  }

  #launch(messages: WritableMessage[], letsGo: boolean): void {
    const bytes = Buffer.concat(messages.map(writeClientMessage));
    const by = this.#owner === null ? {} : { by: this.#owner.by() };
    try {
      this.#gate.append({ type: "input", channel: this.#channel, data: bytes, ...by });
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!this.#mayPass && !letsGo) {
      // Stopped by what was just recorded: it does not pass.
      this.#count({ bytes: bytes.length, recorded: bytes.length, messages: messages.length });
      return;
    }
    const durable = this.#gate.durable();
    // A rejection is dealt with in #fly, which may get to this flight later.
    durable.catch(() => undefined);
    this.#flights.push({ messages, bytes, durable, letsGo });
    this.#weigh(bytes.length);
    if (!this.#flying) void this.#fly();
  }

  async #fly(): Promise<void> {
    this.#flying = true;
    try {
      for (let flight = this.#flights[0]; flight !== undefined; flight = this.#flights[0]) {
        await flight.durable;
        if (this.#stopped) return;
        // A hold that came while the record was being written has dropped it.
        if (this.#flights[0] !== flight) continue;
        if (!this.#mayPass && !flight.letsGo) throw new Error("a held session's input is on its way");
        this.#flights.shift();
        this.#handlers.pass(flight.bytes);
        for (const message of flight.messages) this.#pressed.passed(message);
        this.#weigh(-flight.bytes.length);
        if (this.#letGoDue && this.#flights.length === 0) this.#launchLetGo();
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
