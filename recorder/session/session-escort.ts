// The escort of one session: who watches it as escort, what they are shown of each other, and what the record says of them.
// Fed by the watch socket through the registry; tells its session when the last escort is lost and when nobody came back.
import type { EscortState } from "../../shared/api/types.ts";
import type { NoticeType } from "../../shared/events/session-event.ts";
import type { WatchEscorts } from "../../shared/live/messages.ts";
import type { WatchBeat, WatchFacts, WatchLink } from "../../shared/live/watch-observer.ts";
import { EscortPresence, type NotCounting, notCountingWords, type PresenceChange } from "./escort-presence.ts";
import type { Releaser, SessionFacts } from "./session-facts.ts";

export interface SessionEscortHooks {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Since 1970. */
  wallMs(): number;
  notice(notice: NoticeType, facts: Record<string, unknown>): void;
  /** In words: why this person may never escort this session. */
  whyNot(person: Releaser): string | null;
  lost(last: string, why: NotCounting): void;
  gone(): void;
}

export class SessionEscort {
  readonly mustWatch: boolean;
  readonly #presence: EscortPresence;
  readonly #hooks: SessionEscortHooks;
  readonly #links = new Map<string, WatchLink>();
  #shown = "";

  constructor(policy: SessionFacts["policy"], hooks: SessionEscortHooks) {
    this.mustWatch = policy.escort.mustWatch;
    this.#presence = new EscortPresence(policy.escort);
    this.#hooks = hooks;
  }

  joined({ watch, person, since }: WatchFacts, link: WatchLink, atMs: number): void {
    this.#links.set(watch, link);
    const refusal = this.#hooks.whyNot(person);
    this.#take(this.#presence.joined({ watch, person: person.name, since, refusal }, atMs));
    link.send(this.#message());
  }

  beat({ watch }: WatchFacts, { visible, seenUs, edgeUs, atMs }: WatchBeat): void {
    this.#take(this.#presence.beat(watch, { visible, seenUs, edgeUs, atMs }));
  }

  answered({ watch }: WatchFacts, prompt: string, atMs: number): void {
    this.#take(this.#presence.answered(watch, prompt, atMs));
  }

  left({ watch }: WatchFacts, atMs: number): void {
    this.#links.delete(watch);
    this.#take(this.#presence.left(watch, atMs));
  }

  /** A control of theirs shows that somebody is there. */
  acted(person: string): void {
    this.#take(this.#presence.acted(person, this.#hooks.nowMs()));
  }

  tick(): void {
    this.#take(this.#presence.tick(this.#hooks.nowMs()));
  }

  released(): void {
    this.#presence.released();
    this.#show();
  }

  /** The session is over: whoever watched to the end did so until now. */
  close(): void {
    this.#take(this.#presence.close(this.#hooks.nowMs()));
  }

  /** In words; null: as far as watching goes they may. @param isEscortHeld else it is enough that any escort watches. */
  whyNotReleasedBy(person: string, isEscortHeld: boolean): string | null {
    if (!this.mustWatch) return null;
    const nowMs = this.#hooks.nowMs();
    if (this.#presence.counts(nowMs, isEscortHeld ? person : undefined)) return null;
    return isEscortHeld
      ? "Open the session and watch it: then it can be released. In the portal under Live sessions, or with conduit sessions watch ID --escort."
      : "An escort has to watch the session before it goes on.";
  }

  state(): EscortState {
    const watching = this.#presence.watching();
    return { mustWatch: this.mustWatch, watching, graceEndsAt: this.#graceEndsAt() };
  }

  #take(changes: readonly PresenceChange[]): void {
    for (const change of changes) {
      switch (change.type) {
        case "begin":
          this.#hooks.notice("escort-begin", { by: change.person, watch: change.watch });
          break;
        case "end": {
          const { person, watch, why, seconds } = change;
          this.#hooks.notice("escort-end", { by: person, watch, why, seconds });
          break;
        }
        case "prompt": {
          const { id, leftMs } = change;
          this.#links.get(change.watch)?.send({ type: "prompt", id, leftMs: Math.max(0, Math.round(leftMs)) });
          break;
        }
        case "lost":
          this.#hooks.lost(change.last, change.why);
          break;
        case "gone":
          this.#hooks.gone();
          break;
      }
    }
    this.#show();
  }

  #message(): WatchEscorts {
    return { type: "escort", ...this.state() };
  }

  /** To everybody who watches, where it is not what they were shown last. */
  #show(): void {
    const message = this.#message();
    const text = JSON.stringify(message);
    if (text === this.#shown) return;
    this.#shown = text;
    for (const link of this.#links.values()) link.send(message);
  }

  #graceEndsAt(): string | null {
    const endsMs = this.#presence.graceEndsMs;
    if (endsMs === null) return null;
    // Rounded, so that a clock that is put right does not tell of a change each tick.
    const leftMs = endsMs - this.#hooks.nowMs();
    return new Date(Math.round((this.#hooks.wallMs() + leftMs) / 1000) * 1000).toISOString();
  }
}

export function lostSentence(why: NotCounting): string {
  return `Nobody watches this session any more: it stands still until its escort releases it again. ${notCountingWords[why]}`;
}
