// The bus of one node: a hub for each session that somebody watches.
import type { LiveSession } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { FeedListener, LiveFeed } from "../../shared/live/feed.ts";
import type { LiveBus, Watch, Watcher } from "./live-bus.ts";
import { SessionHub } from "./session-hub.ts";

export interface LiveHubsParts {
  feed(session: string, listener: FeedListener): LiveFeed | null;
  describe(session: string): LiveSession | undefined;
  nowMs?(): number;
}

export class LiveHubs implements LiveBus {
  readonly #parts: LiveHubsParts;
  readonly #hubs = new Map<string, SessionHub>();
  #closed = false;

  constructor(parts: LiveHubsParts) {
    this.#parts = parts;
  }

  async watch(session: string, watcher: Watcher): Promise<Watch> {
    if (this.#closed) throw new AppError("REQUEST_CONFLICT", "the service is being stopped", { op: "live.watch" });
    const known = this.#hubs.get(session);
    const hub = known ?? this.#begin(session);
    if (hub.isOver) throw new AppError("REQUEST_NOT_FOUND", "this session is not live any more", { op: "live.watch" });
    return hub.add(watcher);
  }

  /** Its watchers are told now, and not with the next second. */
  changed(session: string): void {
    this.#hubs.get(session)?.changed();
  }

  /** How many watch it. */
  watching(session: string): number {
    return this.#hubs.get(session)?.watching ?? 0;
  }

  close(): void {
    this.#closed = true;
    for (const hub of [...this.#hubs.values()]) hub.close();
  }

  #begin(session: string): SessionHub {
    let hub: SessionHub | null = null;
    const begun = new SessionHub({
      feed: (listener) => this.#parts.feed(session, listener),
      describe: () => this.#parts.describe(session),
      nowMs: this.#parts.nowMs ?? (() => performance.now()),
      over: () => {
        if (hub !== null && this.#hubs.get(session) === hub) this.#hubs.delete(session);
      },
    });
    hub = begun;
    if (!begun.isOver) this.#hubs.set(session, begun);
    return begun;
  }
}
