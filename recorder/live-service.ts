// Live watching as the service uses it: the bus, the door to it, and sessions as watchers are shown them. A part of the
// composition root, beside main.ts.
import type { Health, HealthCheck, LiveSession } from "../shared/api/types.ts";
import type { WatchObserver } from "../shared/live/watch-observer.ts";
import { LiveHubs } from "./live/live-hubs.ts";
import { WatchDoor, type WatchSocketParts } from "./live/watch-socket.ts";
import type { Recorder } from "./record/recorder.ts";
import type { SessionRegistry } from "./session/registry.ts";

export interface LiveServiceParts {
  recorder: Pick<Recorder, "feed">;
  registry: Pick<SessionRegistry, "get" | "list">;
  observer: WatchObserver | null;
  health(): Promise<Health>;
  logger: WatchSocketParts["logger"];
}

export interface LiveService {
  bus: LiveHubs;
  door: WatchDoor;
  /** Every live session, with who watches and how the service stands. */
  list(): LiveSession[];
  close(): void;
}

/** Sessions are described for their watchers each second: what the service says of itself may be so old. */
const checksHoldMs = 1000;

export function createLiveService({ recorder, registry, observer, health, logger }: LiveServiceParts): LiveService {
  let checks: HealthCheck[] | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  const newestChecks = () => {
    if (performance.now() - askedMs >= checksHoldMs) {
      askedMs = performance.now();
      health().then(
        (now) => {
          checks = now.checks;
        },
        (error: unknown) => logger.error({ err: error }, "the service's health cannot be asked"),
      );
    }
    return checks;
  };
  const described = (session: LiveSession): LiveSession => {
    const known = newestChecks();
    return {
      ...session,
      ...(session.health && known ? { health: { ...session.health, checks: known } } : {}),
      watchers: door.watchers(session.session),
    };
  };
  const bus = new LiveHubs({
    feed: (session, listener) => recorder.feed(session, listener),
    describe: (session) => {
      const now = registry.get(session)?.describe();
      return now === undefined ? undefined : described(now);
    },
  });
  const door = new WatchDoor({
    bus,
    observer,
    notice: (id, notice, facts) => {
      const session = registry.get(id);
      // Of one that is being closed the record takes nothing more.
      if (session?.state === "active" || session?.state === "frozen") session.notice(notice, facts);
    },
    logger,
  });
  return {
    bus,
    door,
    list: () => registry.list().map(described),
    close: () => {
      door.close();
      bus.close();
    },
  };
}
