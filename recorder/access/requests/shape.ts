// A request as people and programs see it, from its rows.
import { z } from "zod";
import { type AccessRequest, ApprovalConditions, type RequestState } from "../../../shared/api/access.ts";
import { Capability, Role } from "../../../shared/policy/policy.ts";
import { protocolFor } from "../../../shared/policy/request.ts";
import { type Acting, isApprover, isReviewer, keyOf, type PolicyView, whyLapsed } from "./acting.ts";
import type { StoredRequest } from "./store.ts";

export function toRequest(request: StoredRequest, view: PolicyView): AccessRequest {
  const { row, people, targets, decisions, grants, credentials } = request;
  const lapses = lapsesOf(request, view);
  return {
    id: row.id,
    kind: row.kind as AccessRequest["kind"],
    state: row.state as RequestState,
    purpose: row.purpose,
    requester: row.requester,
    people: people.map(({ person }) => person),
    targets: targets.map(({ target }) => target),
    conduits: [...new Set(targets.map(({ conduit }) => conduit))],
    protocol: row.protocol,
    ticket: row.ticket,
    asked: { from: timeOf(row.asked_from_ms), to: timeOf(row.asked_to_ms) },
    from: timeOf(row.from_ms),
    to: timeOf(row.to_ms),
    escorts: namesOf(row.escorts),
    capabilities: capabilitiesOf(row.capabilities),
    maxSessions: row.max_sessions,
    sessionsOpened: row.sessions_opened,
    submittedAt: timeOf(row.submitted_at_ms),
    approvalsNeeded: row.approvals_needed,
    decisions: decisions.map((one) => ({
      approver: one.approver,
      decision: one.decision as "approve" | "refuse",
      comment: one.comment,
      at: timeOf(Number(one.at_ms)),
      conditions: ApprovalConditions.parse(JSON.parse(one.conditions)),
      ...(lapses.has(one.approver_key) ? { lapsed: lapses.get(one.approver_key) ?? "" } : {}),
    })),
    grants: grants.map((grant) => ({
      id: grant.id,
      person: grant.person,
      state: grant.state as AccessRequest["grants"][number]["state"],
      credentials: credentials
        .filter((one) => one.grant_id === grant.id)
        .map((one) => ({
          kind: one.kind as "ssh-password" | "ssh-key",
          issuedAt: timeOf(Number(one.issued_at_ms)),
          fingerprint: one.kind === "ssh-key" ? one.proof : null,
        })),
    })),
    activatedAt: row.activated_at_ms === null ? null : timeOf(row.activated_at_ms),
    ended:
      row.ended_at_ms === null
        ? null
        : { at: timeOf(row.ended_at_ms), by: row.ended_by ?? "recorder", reason: row.end_reason ?? "" },
    review:
      row.review_due_ms === null
        ? null
        : {
            dueAt: timeOf(row.review_due_ms),
            reviewer: row.reviewer,
            verdict: row.review_verdict as "justified" | "not-justified" | null,
            comment: row.review_comment ?? "",
            at: row.reviewed_at_ms === null ? null : timeOf(row.reviewed_at_ms),
          },
    policyHash: row.policy_hash,
  };
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

export function namesOf(json: string): string[] {
  return z.array(z.string()).parse(JSON.parse(json));
}

export function capabilitiesOf(json: string | null): Capability[] | null {
  return json === null ? null : z.array(Capability).parse(JSON.parse(json));
}

/** Asked for it, or gets access by it: has no say in it. */
export function takesPart({ row, people }: StoredRequest, name: string): boolean {
  const key = keyOf(name);
  return row.requester_key === key || people.some((person) => person.person_key === key);
}

/** The conduits of its targets as they are now; as they were, where a target is gone. */
export function conduitsOf({ targets }: StoredRequest, view: PolicyView): string[] {
  return targets.map(
    ({ target_key, conduit }) => view.targets.find(({ name }) => keyOf(name) === target_key)?.conduit ?? conduit,
  );
}

/** Why which approvals do not count, by their approvers' keys: as it is now while it waits, else as it was decided. */
export function lapsesOf(request: StoredRequest, view: PolicyView): ReadonlyMap<string, string> {
  const { row, decisions, deciders } = request;
  const lapses = new Map<string, string>();
  for (const { approver_key: key, decision, lapsed } of decisions) {
    const found = deciders.find((one) => one.key === key);
    const person =
      found === undefined
        ? null
        : { name: found.name, roles: z.array(Role).parse(JSON.parse(found.roles)), disabled: found.disabled !== 0 };
    const now = row.state === "submitted" ? whyLapsed(view, person, conduitsOf(request, view)) : null;
    const why = decision === "approve" ? (lapsed ?? now) : null;
    if (why !== null) lapses.set(key, why);
  }
  return lapses;
}

/** Of its targets, by the inventory of now: what a time-limited credential of it opens. */
export function sshTargets({ row, targets }: StoredRequest, view: PolicyView): string[] {
  return targets
    .filter(({ target_key }) => {
      const target = view.targets.find(({ name }) => keyOf(name) === target_key);
      return target === undefined ? row.protocol === "ssh" : protocolFor(row, target) === "ssh";
    })
    .map(({ target }) => target);
}

const live: readonly string[] = ["approved", "active", "used-up"];

export function isLive(state: string): boolean {
  return live.includes(state);
}

/** What this person may do about it now. */
export function mayDo(request: StoredRequest, me: Acting, view: PolicyView, nowMs: number) {
  const { row } = request;
  const conduits = conduitsOf(request, view);
  const part = takesPart(request, me.name);
  const key = keyOf(me.name);
  const lapses = lapsesOf(request, view);
  const own = request.grants.some((grant) => grant.person_key === key && grant.state === "open");
  return {
    decide:
      row.state === "submitted" &&
      !part &&
      nowMs < row.to_ms &&
      isApprover(view, me, conduits) &&
      !request.decisions.some(({ approver_key }) => approver_key === key && !lapses.has(key)),
    withdraw: row.requester_key === key && (row.state === "submitted" || isLive(row.state)) && nowMs < row.to_ms,
    revoke: isLive(row.state) && nowMs < row.to_ms && mayRevoke(me, view, conduits),
    issueCredential:
      own &&
      sshTargets(request, view).length > 0 &&
      nowMs < row.to_ms &&
      (row.state === "approved" || row.state === "active"),
    review:
      row.kind === "break-glass" &&
      row.reviewed_at_ms === null &&
      row.ended_at_ms !== null &&
      !part &&
      isReviewer(view, me, conduits),
  };
}

/** Taking access away asks for less than giving it: an approver of one of the conduits is enough. */
export function mayRevoke(me: Pick<Acting, "name" | "roles">, view: PolicyView, conduits: readonly string[]): boolean {
  if (me.roles.includes("vendor")) return false;
  return me.roles.includes("admin") || conduits.some((conduit) => isApprover(view, me, [conduit]));
}
