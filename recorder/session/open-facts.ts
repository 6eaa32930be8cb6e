// What the OPEN record says of a session: who, where, why it was allowed, what is kept of it and until when it may last.
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { Target, VncTarget } from "../../shared/policy/policy.ts";
import type { AuthenticatedPerson, ClientAddress } from "../tap/tap.ts";
import type { Admitted } from "./admission.ts";

export type OpenRecordFacts = Omit<OpenRecord, "format" | "type" | "recorder" | "session" | "startedAt">;

export function openFacts(
  { inventory, target, decision, grant }: Admitted<Target>,
  person: AuthenticatedPerson,
  client: ClientAddress,
  sealRecipients: readonly string[],
): OpenRecordFacts {
  const { limits, recording, retentionDays, escort, windowEndsMs } = decision.obligations;
  const because = inventory.policy.rules.find((rule) => rule.id === decision.rule)?.unrecordedBecause;
  return {
    protocol: target.protocol,
    person: {
      name: person.name,
      roles: [...person.roles],
      authMethod: person.authMethod,
      factors: [...person.factors],
    },
    client: { address: client.address, port: client.port, software: client.software },
    target: {
      name: target.name,
      conduit: target.conduit,
      address: `${target.host}:${target.port}`,
      account: target.account,
      hostKey: pinOf(target),
      tags: [...target.tags],
    },
    request: grant?.request ?? null,
    ...(grant === null
      ? {}
      : { grant: { id: grant.id, kind: grant.kind, from: timeOf(grant.fromMs), to: timeOf(grant.toMs) } }),
    ...(escort ? { escort } : {}),
    policy: { hash: inventory.policyHash, rule: decision.rule, reason: decision.reason },
    recording: {
      ...(recording === "full" ? {} : { mode: recording }),
      ...(recording === "none" && because !== undefined ? { because } : {}),
      durability: target.durability,
      failureMode: target.failureMode,
      sealRecipients: [...sealRecipients],
      ...(target.protocol === "vnc" ? { screen: screenOf(target) } : { keystrokes: target.keystrokes }),
    },
    limits: {
      maxSessionSeconds: limits.maxSessionSeconds,
      maxRecordedBytes: limits.maxRecordedBytes,
      idleSeconds: limits.idleSeconds,
      windowEndsAt: windowEndsMs === null ? null : timeOf(windowEndsMs),
    },
    retentionDays,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function pinOf(target: Target): string {
  return (target.protocol === "ssh" ? target.hostKeys[0] : target.vnc.tls.fingerprints[0]) ?? "";
}

function screenOf({ vnc: { quality, video, maskKeys, keepRaw } }: VncTarget) {
  return { quality, video, maskKeys, keepRaw };
}
