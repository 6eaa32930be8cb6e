// A live session as lists show it.
import type { LiveSession } from "../../shared/api/types.ts";
import type { SessionHold } from "../tap/tap.ts";
import type { RecordingSituation, SessionFacts } from "./session-facts.ts";

export interface SessionSituation {
  id: string;
  state: LiveSession["state"];
  hold: SessionHold | null;
  /** The escort who released it. */
  releasedBy: string | null;
  channels: number;
  idleMs: number;
  health: RecordingSituation;
  alarms: ReadonlySet<string>;
  escort: LiveSession["escort"];
  running: NonNullable<LiveSession["running"]>;
  ending: LiveSession["ending"];
  control: NonNullable<LiveSession["control"]> | null;
  confirmations: NonNullable<LiveSession["confirmations"]>;
}

export function describeSession(facts: SessionFacts, now: SessionSituation): LiveSession {
  const { person, target, client, decision, grant, startedAt } = facts;
  const { limits, windowEndsMs, recording } = decision.obligations;
  const lastsUntilMs = Date.parse(startedAt) + limits.maxSessionSeconds * 1000;
  return {
    session: now.id,
    person: person.name,
    target: target.name,
    conduit: target.conduit,
    protocol: target.protocol,
    clientAddress: client.address,
    startedAt,
    state: now.state,
    hold: now.hold?.code ?? null,
    ...(decision.obligations.escort ? { releasedBy: now.releasedBy } : {}),
    request: grant?.request ?? null,
    rule: decision.rule,
    recordingMode: recording,
    ...(now.escort === undefined ? {} : { escort: now.escort }),
    running: now.running,
    ending: now.ending ?? null,
    control: now.control,
    mayBeControlled: facts.policy.escort.control !== "never",
    confirmations: now.confirmations,
    channels: now.channels,
    idleSeconds: now.idleMs / 1000,
    endsAt: new Date(Math.min(lastsUntilMs, windowEndsMs ?? lastsUntilMs)).toISOString(),
    recordedBytes: now.health.recordedBytes,
    durableBehindMs: now.health.durableBehindMs,
    alarms: [...now.alarms],
    ...healthOf(now.health),
  };
}

function healthOf({ nowUs, uploadedUs, gaps, durableBehindMs }: RecordingSituation): Pick<LiveSession, "health"> {
  if (nowUs === undefined || uploadedUs === undefined || gaps === undefined) return {};
  const durableUs = Math.max(0, Math.round(nowUs - durableBehindMs * 1000));
  return { health: { nowUs: Math.round(nowUs), durableUs, uploadedUs: Math.round(uploadedUs), gaps } };
}
