// A session's EventSink as its tap uses it: remembers that the recorder is behind or has failed, and wakes who waits.
// Invariant: after the first failure nothing is appended and nothing passes; the connection is told once.
import { AppError } from "../../shared/errors.ts";
import type { NoticeType, SessionEvent } from "../../shared/events/session-event.ts";
import type { EventSink } from "./tap.ts";

/** Refusals and their like cost the peer nothing: so many a session, then it is ended. */
const maxNotices = 20_000;
/** What is said of the end that the limit brings. */
const lastNotices = 100;

export class RecordingGate {
  readonly #sink: EventSink;
  readonly #onFailure: (error: AppError) => void;
  readonly #waiting = new Set<() => void>();
  #behind = false;
  #failure: AppError | undefined;
  #notices = 0;

  constructor(sink: EventSink, onFailure: (error: AppError) => void) {
    this.#sink = sink;
    this.#onFailure = onFailure;
  }

  /** True: read on only after `whenOpen` called back. */
  get closed(): boolean {
    return this.#behind || this.#failure !== undefined;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Called back once when the recorder has caught up; never after a failure. */
  whenOpen(callback: () => void): void {
    this.#waiting.add(callback);
  }

  append(event: SessionEvent): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (this.#sink.append(event)) return;
    } catch (error) {
      throw this.#fail(error);
    }
    if (this.#behind) return;
    this.#behind = true;
    this.#sink.drained().then(
      () => this.#drained(),
      (error: unknown) => this.#fail(error),
    );
  }

  notice(notice: NoticeType, facts: Record<string, unknown>, channel?: number): void {
    this.#notices++;
    if (this.#notices === maxNotices + 1 || this.#notices > maxNotices + lastNotices) {
      throw new AppError(
        "PROTOCOL_LIMIT",
        "The client made too many requests in one session; the connection was ended.",
        {
          op: "tap.notice",
        },
      );
    }
    this.append(channel === undefined ? { type: "notice", notice, facts } : { type: "notice", notice, channel, facts });
  }

  async durable(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#sink.durable();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #drained(): void {
    this.#behind = false;
    if (this.#failure !== undefined) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }

  #fail(error: unknown): AppError {
    if (this.#failure === undefined) {
      this.#failure =
        error instanceof AppError
          ? error
          : new AppError("RECORD_FAILED", "The recording could not be written, so the session was ended.", {
              op: "tap.record",
              cause: error,
            });
      this.#onFailure(this.#failure);
    }
    return this.#failure;
  }
}
