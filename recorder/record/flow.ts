// How much may be on its way between `append` and its segment, and what happens when the journal has no file left.
import { AppError } from "../../shared/errors.ts";
import type { JournalSession } from "./journal/journal.ts";
import type { RecorderLimits } from "./options.ts";
import type { RecorderEvents } from "./recorder.ts";
import type { SessionWriter } from "./session-writer.ts";
import type { Recording } from "./sessions.ts";

/** With so much on its way the segment workers have enough to do. */
const busyBytes = 1024 * 1024;
const busyRestMs = 250;
/** What a session may have on its way in any case. */
const leastShareBytes = 256 * 1024;

export interface FlowParts {
  directory: string;
  limits: RecorderLimits;
  recordings: Map<string, Recording>;
  events: RecorderEvents;
  /** Closes all open segments of the sessions, even where something waits. */
  cut(sessions: string[]): void;
}

export class Flow {
  readonly #parts: FlowParts;
  #bytes = 0;
  #busyAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #failed = false;
  /** No journal file is free. */
  stalled = false;

  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  /** With much on its way everybody's share shrinks, so that one flood cannot stop the sessions that only type. */
  limit(): number {
    const { totalInFlightBytes, sessionInFlightBytes } = this.#parts.limits;
    return this.#bytes > totalInFlightBytes ? leastShareBytes : sessionInFlightBytes;
  }

  /** Bulk comes in waves: between two of them it is busy too. */
  get busy(): boolean {
    return this.#bytes > busyBytes || performance.now() - this.#busyAtMs < busyRestMs;
  }

  tookOff(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > busyBytes) this.#busyAtMs = performance.now();
  }

  landed(shares: Iterable<{ session: JournalSession; bytes: number }>): void {
    for (const { session, bytes } of shares) {
      this.#bytes -= bytes;
      session.landed(bytes);
    }
  }

  eachWriter(what: (writer: SessionWriter) => void): void {
    for (const { writer } of this.#parts.recordings.values()) if (writer) what(writer);
  }

  /** The whole ring waits for segments: everything is cut, and when even that does not help in time, sessions fail. */
  onStall(stalled: boolean): void {
    const { events, recordings, limits } = this.#parts;
    this.stalled = stalled;
    this.stop();
    if (stalled) {
      this.#parts.cut([...recordings.keys()]);
      this.#timer = setTimeout(() => this.#fail(), limits.stallMs);
      this.#timer.unref();
      return;
    }
    if (this.#failed) events.clear("RECORD_FAILED");
    this.#failed = false;
    this.eachWriter((writer) => writer.resume());
  }

  #fail(): void {
    this.#failed = true;
    const { directory, events } = this.#parts;
    const text = `the recorder's journal is full and its segments cannot be written into ${directory}: check the disk`;
    const error = new AppError("RECORD_FAILED", text, { op: "journal.stall" });
    events.alarm("RECORD_FAILED", text, {});
    this.eachWriter((writer) => writer.fail(error));
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
