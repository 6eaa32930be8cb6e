// What of a session's events the recording is given, by the policy's recording mode. Between session and recorder.
// Invariant: content that the mode leaves out is in no event that passes, and that there was some is said: counted, at
// most once a second for each channel, and once more when the channel closes.
import type { NoticeType, SessionEvent } from "../../shared/events/session-event.ts";
import type { RecordingMode } from "../../shared/policy/policy.ts";

const sayEveryMs = 1000;

/** Of an unrecorded session: that it was, and how it began and ended. */
const always: ReadonlySet<NoticeType> = new Set([
  "session-open",
  "auth",
  "decision",
  "freeze",
  "unfreeze",
  "input-dropped",
  "watch-begin",
  "watch-end",
  "escort-begin",
  "escort-end",
  "escort-lost",
  "control-begin",
  "control-end",
  "confirm-asked",
  "confirm-given",
  "confirm-refused",
  "confirm-expired",
  "confirm-cancelled",
  "message",
  "note",
  "bookmark",
  "terminate",
  "limit",
  "warned",
  "pattern-matched",
  "gap",
  "health",
  "session-close",
]);

interface Withheld {
  input: number;
  output: number;
  saidMs: number;
}

type Passed = readonly SessionEvent[];
const nothing: Passed = [];

export class RecordingFilter {
  readonly #mode: RecordingMode;
  readonly #nowMs: () => number;
  readonly #withheld = new Map<number, Withheld>();

  constructor(mode: RecordingMode, nowMs: () => number) {
    this.#mode = mode;
    this.#nowMs = nowMs;
  }

  /** Nothing is left out: the events need not come here. */
  get isOpen(): boolean {
    return this.#mode === "full";
  }

  /** What is recorded in the event's place, in order. */
  of(event: SessionEvent): Passed {
    switch (this.#mode) {
      case "full":
        return [event];
      case "without-input":
        return this.#withoutInput(event);
      case "metadata":
        return this.#metadata(event);
      case "none":
        return event.type === "notice" && always.has(event.notice) ? [withoutCommand(event)] : nothing;
    }
  }

  #withoutInput(event: SessionEvent): Passed {
    if (event.type === "input") return this.#withhold(event.channel, "input", 1);
    return event.type === "channel-close" ? [...this.#rest(event.channel), event] : [event];
  }

  /** Channels leave their facts among the events and no track: there is nothing to draw or to type. */
  #metadata(event: SessionEvent): Passed {
    switch (event.type) {
      case "input":
        return this.#withhold(event.channel, "input", 1);
      case "output":
        return this.#withhold(event.channel, "output", event.data.length);
      case "clipboard":
      case "screen-format":
      case "resize":
        return nothing;
      case "channel-open": {
        const { channel, request, pty, screen } = event;
        const size = screen === undefined ? {} : { screen: { width: screen.width, height: screen.height } };
        return [notice("channel-open", channel, { request, ...(pty === undefined ? {} : { pty }), ...size })];
      }
      case "exit": {
        const { channel, type: _type, message: _message, ...facts } = event;
        return [notice("exit", channel, facts)];
      }
      case "channel-close":
        return [...this.#rest(event.channel), notice("channel-close", event.channel, {})];
      case "file":
        return [event];
      case "notice":
        // Also of what was refused, or waits for its release.
        return [withoutCommand(event)];
    }
  }

  #withhold(channel: number, what: "input" | "output", amount: number): Passed {
    const withheld = this.#withheld.get(channel) ?? { input: 0, output: 0, saidMs: Number.NEGATIVE_INFINITY };
    this.#withheld.set(channel, withheld);
    withheld[what] += amount;
    if (this.#nowMs() - withheld.saidMs < sayEveryMs) return nothing;
    return this.#say(channel, withheld);
  }

  #rest(channel: number): Passed {
    const withheld = this.#withheld.get(channel);
    this.#withheld.delete(channel);
    return withheld === undefined || withheld.input + withheld.output === 0 ? nothing : this.#say(channel, withheld);
  }

  #say(channel: number, withheld: Withheld): Passed {
    const { input, output } = withheld;
    withheld.input = 0;
    withheld.output = 0;
    withheld.saidMs = this.#nowMs();
    return [
      notice("content-withheld", channel, { ...(input > 0 ? { input } : {}), ...(output > 0 ? { output } : {}) }),
    ];
  }
}

function withoutCommand(event: Extract<SessionEvent, { type: "notice" }>): SessionEvent {
  const { command: _command, ...facts } = event.facts;
  if (event.notice !== "confirm-asked") return { ...event, facts };
  const { path: _path, keys: _keys, ...asked } = facts;
  return { ...event, facts: asked };
}

function notice(type: NoticeType, channel: number, facts: Record<string, unknown>): SessionEvent {
  return { type: "notice", notice: type, channel, facts };
}
