// Requests, grants and blocks as the service uses them, and the feed that tells of them and of sessions. A part of the
// composition root, beside main.ts. Invariant: whatever ended a grant, disabled an account, took roles away or prohibited a
// target, in this process or in another, live sessions follow within a second, and every event is in the audit log once.
import type { Logger } from "pino";
import type { AccessEventType } from "../shared/api/access.ts";
import { AccessFeed } from "./access/feed.ts";
import type { People } from "./access/people.ts";
import type { GrantLogin } from "./access/requests/credentials.ts";
import { AccessRequests, type PolicyView } from "./access/requests/requests.ts";
import type { GrantCredentials } from "./access/sign-in.ts";
import { AccessAlarms, type AlarmBoard } from "./access-alarms.ts";
import { copyToAudit } from "./access-audit.ts";
import type { ServiceDatabase } from "./database.ts";
import type { OpenerDependencies } from "./session/opener.ts";
import type { SessionRegistry } from "./session/registry.ts";

const sweepMs = 250;

export interface AccessServiceParts {
  database: ServiceDatabase;
  people: People;
  registry: SessionRegistry;
  policy(): PolicyView;
  logger: Logger;
  alarms: AlarmBoard;
}

export interface AccessService {
  requests: AccessRequests;
  feed: AccessFeed;
  /** For sign-in: what an approval gave for its window. */
  credentials: GrantCredentials;
  /** For the session opener. */
  happened: NonNullable<OpenerDependencies["happened"]>;
  /** What sessions told is written; nothing is swept any more. */
  close(): Promise<void>;
}

export async function openAccessService(parts: AccessServiceParts): Promise<AccessService> {
  const { database, people, registry, logger } = parts;
  const failed = (error: unknown) =>
    logger.error({ err: error }, "the feed of access events cannot be read or written");
  const feed = new AccessFeed(database.requests, { onError: failed });
  const requests = new AccessRequests(database.requests, { policy: parts.policy, people, feed });
  await requests.start();
  await feed.start();
  feed.subscribe(({ type, subject, actor, details }) => {
    const reason = details["reason"];
    const why = { by: actor, reason: typeof reason === "string" ? reason : "" };
    if (type === "grant.revoked") registry.grantEnded(subject, "revoked", { why });
    else if (type === "grant.expired") registry.grantEnded(subject, "expired");
  });
  copyToAudit(feed);
  const alarms = new AccessAlarms(requests, parts.alarms);
  await alarms.start(feed);
  const follow = () =>
    registry.follow({
      rolesOf: (names) => people.rolesOf(names),
      policy: parts.policy,
      nowMs: () => requests.nowMs(),
    });
  const stopSweeping = sweepRegularly(requests, alarms, follow, logger);
  let written: Promise<void> = Promise.resolve();
  return {
    requests,
    feed,
    credentials: {
      password: async (name, password) => grantOf(await requests.authenticateGrant(name, password)),
      key: async (name, blob) => grantOf(await requests.authenticateGrantKey(name, blob)),
    },
    happened: (facts, what) => {
      const { type, ...details } = what;
      const event = {
        type: `session.${type}` as AccessEventType,
        actor:
          "by" in what
            ? what.by
            : type === "warned" || type === "pattern" || type === "escort-lost"
              ? "recorder"
              : facts.person,
        subject: facts.session ?? facts.target,
        address: facts.address,
        details: {
          person: facts.person,
          target: facts.target,
          ...(facts.request === null ? {} : { request: facts.request }),
          ...details,
        },
      };
      written = written.then(() => feed.record(event)).catch(failed);
    },
    close: async () => {
      await stopSweeping();
      await written;
      await feed.close();
    },
  };
}

function grantOf(login: GrantLogin | null): { grant: string; person: string } | null {
  return login === null ? null : { grant: login.grant.id, person: login.person.name };
}

/** What is over is written down as ended, several times a second; one look at an index when nothing is. */
function sweepRegularly(
  requests: AccessRequests,
  alarms: AccessAlarms,
  followSessions: () => Promise<void>,
  logger: Logger,
): () => Promise<void> {
  let running: Promise<void> | null = null;
  let failing = false;
  const sweep = async () => {
    try {
      await requests.sweep();
      await followSessions();
      alarms.lookAtClock();
      failing = false;
    } catch (error) {
      if (!failing) logger.error({ err: error }, "what is over cannot be ended; it is tried again");
      failing = true;
    }
  };
  const timer = setInterval(() => {
    running ??= sweep().finally(() => {
      running = null;
    });
  }, sweepMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
