// Who of the plant types in one session, in its person's place or beside them. Fed by the watch socket through the registry.
// Invariants: one at a time, only while they watch, only while nothing else holds the session; begin and end stand in the
// record; whoever loses control has no key down at the target and nothing on its way.
import type { ControlState } from "../../shared/api/types.ts";
import type { NoticeType } from "../../shared/events/session-event.ts";
import type { WatchAnswer, WatcherInput } from "../../shared/live/messages.ts";
import type { WatchFacts, WatchLink } from "../../shared/live/watch-observer.ts";
import type { ControlDecision } from "../../shared/policy/control.ts";
import { type ReasonCode, reasonSentences } from "../../shared/policy/reasons.ts";
import type { ControlledTap, SessionControl } from "../tap/tap.ts";
import type { Releaser, SessionHappening } from "./session-facts.ts";

export interface ControlHooks {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Since 1970. */
  wallMs(): number;
  decide(by: Releaser): ControlDecision;
  /** It is held for another reason, or ending. */
  isHeld(): boolean;
  /** Holds the session's own person, or no more; within the call. */
  hold(by: string | null): void;
  tell(code: string, sentence: string): void;
  notice(notice: NoticeType, facts: Record<string, unknown>): void;
  happened(what: SessionHappening): void;
  /** Without input of theirs control ends after so long. */
  idleMs: number;
}

export type ControlEnd = "given-back" | "left" | "silent" | "idle" | "held" | "released" | "ended";

const endSentences: Record<ControlEnd, string> = {
  "given-back": "You have handed back control.",
  left: "The watch is over, and with it the control.",
  silent: "Your page was not heard, so control has ended.",
  idle: "You typed nothing for as long as a session may be idle, so control has ended.",
  held: "The session was frozen, so control has ended.",
  released: "Control was taken from you: the person types again.",
  ended: "The session ends.",
};

/** Pages speak each second. */
const silentMs = 5000;

interface Seat {
  watch: string;
  link: WatchLink;
  state: ControlState;
  sinceMs: number;
  heardMs: number;
  inputMs: number;
}

export class ControlSeat {
  readonly #hooks: ControlHooks;
  readonly #links = new Map<string, WatchLink>();
  #tap: ControlledTap | null = null;
  #seat: Seat | null = null;

  constructor(hooks: ControlHooks) {
    this.#hooks = hooks;
  }

  onControl(tap: ControlledTap): void {
    this.#tap = tap;
    if (this.#seat !== null) tap.controlChanged(this.control);
  }

  get control(): SessionControl | null {
    return this.#seat === null ? null : { by: this.#seat.state.by, exclusive: this.#seat.state.exclusive };
  }

  get state(): ControlState | null {
    return this.#seat?.state ?? null;
  }

  joined({ watch }: WatchFacts, link: WatchLink): void {
    this.#links.set(watch, link);
  }

  linkOf({ watch }: WatchFacts): WatchLink | undefined {
    return this.#links.get(watch);
  }

  heard({ watch }: WatchFacts): void {
    if (this.#seat?.watch === watch) this.#seat.heardMs = this.#hooks.nowMs();
  }

  left({ watch }: WatchFacts): void {
    if (this.#seat?.watch === watch) this.end("left");
    this.#links.delete(watch);
  }

  wants({ watch, person }: WatchFacts, want: boolean): void {
    const link = this.#links.get(watch);
    if (link === undefined) return;
    if (!want) {
      if (this.#seat?.watch === watch) this.end("given-back");
      return;
    }
    const reason = this.#take(watch, person, link);
    const sentence = reason === null ? "You have control: what you type reaches the target." : reasonSentences[reason];
    link.send({ type: "answer", to: "control", ok: reason === null, reason: reason ?? "allowed-by-rule", sentence });
    if (reason !== null) {
      this.#hooks.notice("request-refused", { request: "control", by: person.name, reason });
      this.#hooks.happened({ type: "control", by: person.name, step: "refused", reason });
    }
  }

  /** Null: they have it. */
  #take(watch: string, person: Releaser, link: WatchLink): ReasonCode | null {
    const decision = this.#hooks.decide(person);
    if (decision.effect === "deny") return decision.reason;
    if (this.#seat !== null) return this.#seat.watch === watch ? null : "control-held";
    if (this.#hooks.isHeld()) return "control-session-held";
    const { exclusive } = decision;
    const nowMs = this.#hooks.nowMs();
    const since = new Date(this.#hooks.wallMs()).toISOString();
    const { name: by } = person;
    this.#hooks.notice("control-begin", { by, watch, exclusive });
    if (exclusive) this.#hooks.hold(by);
    this.#seat = {
      watch,
      link,
      state: { by, watch, since, exclusive },
      sinceMs: nowMs,
      heardMs: nowMs,
      inputMs: nowMs,
    };
    this.#tap?.controlChanged(this.control);
    if (!exclusive) this.#hooks.tell("control", `${by} of the plant types in this session, too.`);
    this.#hooks.happened({ type: "control", by, step: "begun" });
    return null;
  }

  input({ watch }: WatchFacts, input: WatcherInput): void {
    if (this.#seat?.watch !== watch) return;
    this.#seat.inputMs = this.#hooks.nowMs();
    this.#tap?.controlInput(input);
  }

  tick(): void {
    if (this.#seat === null) return;
    const nowMs = this.#hooks.nowMs();
    if (nowMs - Math.max(this.#seat.heardMs, this.#seat.inputMs) > silentMs) this.end("silent");
    else if (nowMs - this.#seat.inputMs > this.#hooks.idleMs) this.end("idle");
  }

  /** Idempotent. With `held` and `ended` the person stays held. */
  end(why: ControlEnd): void {
    const seat = this.#seat;
    if (seat === null) return;
    this.#seat = null;
    // Before the person's own input flows again: what was on its way is dropped, and what is down is let go of.
    this.#tap?.controlChanged(null);
    const { by, watch, exclusive } = seat.state;
    const seconds = Math.round((this.#hooks.nowMs() - seat.sinceMs) / 1000);
    this.#hooks.notice("control-end", { by, watch, why, seconds });
    if (exclusive) this.#hooks.hold(null);
    else if (why !== "held" && why !== "ended") this.#hooks.tell("unfrozen", `${by} types in this session no more.`);
    seat.link.send(answerOf(why));
    this.#hooks.happened({ type: "control", by, step: "ended", reason: why });
  }
}

function answerOf(why: ControlEnd): WatchAnswer {
  return { type: "answer", to: "control", ok: false, reason: why, sentence: endSentences[why] };
}
