// What people of the plant do to live sessions beyond freezing and ending them at once: messages, marks, safe ends, stops of
// a whole scope, and the watching of escorts. Each act of a person shows, too, that this person is there.

import type { LiveSession, RunningItem, SessionMark, Stop } from "../../shared/api/types.ts";
import type { WatchBeat, WatchFacts, WatchLink } from "../../shared/live/watch-observer.ts";
import type { SessionRegistry } from "./registry.ts";

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

  /** For the watch socket: who watches as escort. */
  readonly watching = {
    joined: (watch: WatchFacts, link: WatchLink, atMs: number): void => {
      if (watch.escorts) this.#escortOf(watch)?.joined(watch, link, atMs);
    },
    beat: (watch: WatchFacts, beat: WatchBeat): void => {
      if (watch.escorts) this.#escortOf(watch)?.beat(watch, beat);
    },
    answered: (watch: WatchFacts, prompt: string, atMs: number): void => {
      if (watch.escorts) this.#escortOf(watch)?.answered(watch, prompt, atMs);
    },
    left: (watch: WatchFacts, _why: string, atMs: number): void => {
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
