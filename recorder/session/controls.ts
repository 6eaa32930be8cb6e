// What people of the plant do to live sessions beyond freezing and ending them at once: messages, marks, safe ends, stops of
// a whole scope, and the watching of escorts. Each act of a person shows, too, that this person is there.

import type { ConfirmAnswer, LiveSession, RunningItem, SessionMark, Stop } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { WatcherInput } from "../../shared/live/messages.ts";
import type { WatchBeat, WatchFacts, WatchLink } from "../../shared/live/watch-observer.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Releaser } from "./session-facts.ts";

export class SessionControls {
  readonly #registry: SessionRegistry;

  constructor(registry: SessionRegistry) {
    this.#registry = registry;
  }

  /** Null when there is no such live session. */
  find(id: string): LiveSession | null {
    return this.#registry.get(id)?.describe() ?? null;
  }

  /** False when there is no such live session. */
  message(id: string, by: string, text: string): boolean {
    return this.#act(id, by)?.message(by, text) ?? false;
  }

  mark(id: string, by: string, mark: SessionMark): boolean {
    return this.#act(id, by)?.mark(by, mark) ?? false;
  }

  /** What runs; null when there is no such live session. */
  endSafely(id: string, by: string, reason: string, whenFinished: boolean): RunningItem[] | null {
    return this.#act(id, by)?.endSafely(by, reason, whenFinished) ?? null;
  }

  /** Every live session of the scope, before this returns. @returns how many. */
  stop({ scope, action, by, reason }: Stop): number {
    const live = this.#registry.sessions().filter(({ facts }) => covers(scope, facts.target.conduit));
    const sentence = `The plant has stopped all sessions of this kind. Reason: ${reason}`;
    for (const session of live) {
      if (action === "end") session.terminate({ code: "stopped", sentence }, by);
      else session.stop(by, reason);
    }
    return live.length;
  }

  /** @param stillStopped by another stop. */
  liftStop(by: string, reason: string, stillStopped: (conduit: string) => boolean): void {
    for (const session of this.#registry.sessions()) {
      if (!stillStopped(session.facts.target.conduit)) session.liftStop(by, reason);
    }
  }

  /** False: nothing waits under this number, or no such session is live. POLICY_REFUSED: not this person. */
  confirm(id: string, n: number, by: Releaser, answer: ConfirmAnswer): boolean {
    const session = this.#registry.get(id);
    const done = session?.confirmations?.answer(n, by, answer) ?? false;
    if (done) session?.escort?.acted(by.name);
    return done;
  }

  /** For the watch socket: who watches as escort, and who types. */
  readonly watching = {
    joined: (watch: WatchFacts, link: WatchLink, atMs: number): void => {
      this.#registry.get(watch.session)?.seat.joined(watch, link);
      if (watch.escorts) this.#escortOf(watch)?.joined(watch, link, atMs);
    },
    beat: (watch: WatchFacts, beat: WatchBeat): void => {
      this.#registry.get(watch.session)?.seat.heard(watch);
      if (watch.escorts) this.#escortOf(watch)?.beat(watch, beat);
    },
    answered: (watch: WatchFacts, prompt: string, atMs: number): void => {
      if (watch.escorts) this.#escortOf(watch)?.answered(watch, prompt, atMs);
    },
    control: (watch: WatchFacts, want: boolean): void => {
      this.#act(watch.session, watch.person.name)?.seat.wants(watch, want);
    },
    input: (watch: WatchFacts, input: WatcherInput): void => {
      this.#act(watch.session, watch.person.name)?.seat.input(watch, input);
    },
    confirm: (watch: WatchFacts, n: number, answer: ConfirmAnswer): void => {
      const link = this.#registry.get(watch.session)?.seat.linkOf(watch);
      const said = (ok: boolean, reason: string, sentence: string) =>
        link?.send({ type: "answer", to: "confirm", ok, reason, sentence });
      try {
        const done = this.confirm(watch.session, n, watch.person, answer);
        if (done) said(true, answer.given ? "given" : "refused", answer.given ? "Agreed." : "Not agreed.");
        else said(false, "not-waiting", "Nothing waits under this number any more.");
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        said(false, "not-allowed", error.message);
      }
    },
    left: (watch: WatchFacts, _why: string, atMs: number): void => {
      this.#registry.get(watch.session)?.seat.left(watch);
      if (watch.escorts) this.#escortOf(watch)?.left(watch, atMs);
    },
  };

  #escortOf({ session }: WatchFacts) {
    return this.#registry.get(session)?.escort;
  }

  #act(id: string, by: string) {
    const session = this.#registry.get(id);
    session?.escort?.acted(by);
    return session;
  }
}

/** Ids of conduits are compared without letter case, as policy does. */
export function covers(scope: string, conduit: string): boolean {
  return scope === "all" || scope.toLowerCase() === `conduit:${conduit.toLowerCase()}`;
}
