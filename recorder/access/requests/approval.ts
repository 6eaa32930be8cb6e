// Deciding on a request: by approvers of all of its conduits who have no part in it, as many as its conduits ask for. One
// refusal refuses it. Conditions only narrow.
import type { AccessViolation, ApprovalConditions } from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import type { NewAccessEvent } from "../feed.ts";
import type { People } from "../people.ts";
import { type Acting, isApprover, keyOf, type PolicyView } from "./acting.ts";
import { liftForApproval } from "./blocks.ts";
import { capabilitiesOf, conduitsOf, lapsesOf, namesOf, takesPart, timeOf } from "./shape.ts";
import type { Change, RequestStore, StoredRequest, Trx } from "./store.ts";
import { insertGrants, neededNow, violationsNow } from "./submission.ts";

export interface Decided {
  decision: "approve" | "refuse";
  comment: string;
  conditions?: ApprovalConditions;
}

const op = "access.requests.decide";

export async function decideRequest(
  store: RequestStore,
  view: PolicyView,
  people: Pick<People, "find">,
  id: string,
  by: Acting,
  decided: Decided,
): Promise<StoredRequest> {
  // What the policy says of it now does not depend on the race, and asks for people outside of the transaction.
  const before = await store.find(id);
  const conditions = decided.conditions ?? {};
  const escorts = conditions.escorts ?? (before === null ? [] : namesOf(before.row.escorts));
  const violations =
    before === null || decided.decision === "refuse" ? [] : await violationsNow(view, people, before, escorts);
  return store.change(id, (current, nowMs, trx) => {
    requireApprover(current, view, by);
    const lapses = lapsesOf(current, view);
    const earlier = current.decisions.find(
      ({ approver_key }) => approver_key === keyOf(by.name) && !lapses.has(approver_key),
    );
    const stale = current.decisions.find(
      ({ approver_key }) => approver_key === keyOf(by.name) && lapses.has(approver_key),
    );
    if (stale?.lapsed === null) {
      throw new AppError("AUTH_FORBIDDEN", `${by.name} decides on nothing now: ${lapses.get(stale.approver_key)}`, {
        op,
      });
    }
    if (earlier !== undefined) {
      if (earlier.decision === decided.decision) return null;
      throw conflict(current, `${earlier.approver} has decided on it already (${earlier.decision})`);
    }
    if (current.row.state !== "submitted") throw conflict(current, `it is ${current.row.state}`);
    if (nowMs >= current.row.to_ms) throw conflict(current, "its window is over");
    const decision = decisionRow(current, by, decided, nowMs);
    if (decided.decision === "refuse") return refuse(current, by, decided.comment, decision, nowMs);
    if (violations.length > 0) throw noLongerAllowed(current, violations);
    const { comment } = decided;
    return approve(store, { current, lapses, view, by, comment, conditions, decision, nowMs, trx });
  });
}

function requireApprover(current: StoredRequest, view: PolicyView, by: Acting): void {
  if (takesPart(current, by.name)) {
    throw new AppError("AUTH_FORBIDDEN", "nobody decides on a request of their own, or on one that gives them access", {
      op,
    });
  }
  const conduits = conduitsOf(current, view);
  if (current.row.kind !== "request" || !isApprover(view, by, conduits)) {
    const names = [...new Set(conduits)].join(", ");
    throw new AppError("AUTH_FORBIDDEN", `${by.name} is no approver of every conduit of this request (${names})`, {
      op,
    });
  }
}

type DecisionRow = ReturnType<typeof decisionRow>;

function decisionRow({ row }: StoredRequest, by: Acting, decided: Decided, nowMs: number) {
  return {
    request: row.id,
    approver_key: keyOf(by.name),
    approver: by.name,
    decision: decided.decision,
    comment: decided.comment,
    conditions: JSON.stringify(decided.conditions ?? {}),
    at_ms: nowMs,
    lapsed: null,
  };
}

function refuse(current: StoredRequest, by: Acting, comment: string, decision: DecisionRow, nowMs: number): Change {
  return {
    set: { state: "refused", ended_at_ms: nowMs, ended_by: by.name, end_reason: comment, due_ms: null },
    events: [event("request.refused", current, by, { comment })],
    rows: (trx) => insertDecision(trx, decision),
  };
}

interface Approval {
  current: StoredRequest;
  /** Earlier approvals that do not count, by their approvers' keys. */
  lapses: ReadonlyMap<string, string>;
  view: PolicyView;
  by: Acting;
  comment: string;
  conditions: ApprovalConditions;
  decision: DecisionRow;
  nowMs: number;
  trx: Trx;
}

function approve(store: RequestStore, approval: Approval): Change {
  const { current, lapses, view, by, comment, conditions, decision, nowMs } = approval;
  const narrowed = narrow(current, conditions, nowMs);
  const counted = current.decisions.filter((one) => one.decision === "approve" && !lapses.has(one.approver_key));
  requireEscort(view, [...counted.map(({ approver }) => approver), by.name], namesOf(narrowed.escorts));
  const needed = neededNow(current, view);
  const agreed = counted.length + 1;
  const facts = { comment, conditions, approvals: agreed, approvalsNeeded: needed };
  const lapsed = newlyLapsed(current, lapses);
  if (agreed < needed) {
    return {
      set: { ...narrowed, approvals_needed: needed },
      events: [...lapsed, event("request.approval", current, by, facts)],
      rows: async (trx) => {
        await writeLapses(trx, current, lapses);
        await insertDecision(trx, decision);
      },
    };
  }
  return {
    set: { ...narrowed, approvals_needed: needed, state: "approved" },
    events: [...lapsed, event("request.approved", current, by, facts)],
    rows: async (trx) => {
      await writeLapses(trx, current, lapses);
      await insertDecision(trx, decision);
      const names = current.people.map(({ person }) => person);
      const grants = await insertGrants(trx, current.row.id, names, nowMs);
      const window = { from: timeOf(narrowed.from_ms), to: timeOf(narrowed.to_ms) };
      const targets = current.targets.map(({ target }) => target);
      const events = grants.map((grant) => ({
        ...event("grant.issued", current, by, { request: current.row.id, person: grant.person, targets, ...window }),
        subject: grant.id,
      }));
      await store.tell(trx, events, nowMs);
      await liftForApproval(store, trx, current, by, nowMs);
    },
  };
}

/** Told once, when the next approval came. */
function newlyLapsed(current: StoredRequest, lapses: Approval["lapses"]): NewAccessEvent[] {
  return current.decisions
    .filter(({ approver_key, lapsed }) => lapsed === null && lapses.has(approver_key))
    .map(({ approver, approver_key }) => ({
      type: "request.approval-lapsed",
      actor: "recorder",
      subject: current.row.id,
      address: "local",
      details: { approver, reason: lapses.get(approver_key) ?? "" },
    }));
}

/** It stays lapsed, whatever becomes of its approver; who is one again may approve anew. */
async function writeLapses(trx: Trx, { row }: StoredRequest, lapses: Approval["lapses"]): Promise<void> {
  for (const [key, lapsed] of lapses) {
    await trx
      .updateTable("access_decisions")
      .set({ lapsed })
      .where("request", "=", row.id)
      .where("approver_key", "=", key)
      .execute();
  }
}

/** Where approvers do not escort what they approved, somebody has to be left of those who are named. */
function requireEscort({ compiled }: PolicyView, approvers: readonly string[], escorts: readonly string[]): void {
  if (compiled.policy.requests.approverMayEscort || escorts.length === 0) return;
  if (escorts.some((escort) => !approvers.some((approver) => keyOf(approver) === keyOf(escort)))) return;
  throw new AppError(
    "REQUEST_INVALID",
    "the policy lets no approver escort what they approved, and nobody else is named as escort: name another one in the conditions, or leave the approval to somebody else",
    { op },
  );
}

async function insertDecision(trx: Trx, decision: DecisionRow): Promise<void> {
  // One that had lapsed gives way to the same person's new one; its event stays.
  await trx
    .deleteFrom("access_decisions")
    .where("request", "=", decision.request)
    .where("approver_key", "=", decision.approver_key)
    .where("lapsed", "is not", null)
    .execute();
  await trx.insertInto("access_decisions").values(decision).execute();
}

/** What is left of the request under these conditions; REQUEST_INVALID where one of them would widen it. */
function narrow({ row }: StoredRequest, conditions: ApprovalConditions, nowMs: number) {
  const faults: string[] = [];
  const fromMs = conditions.from === undefined ? row.from_ms : Date.parse(conditions.from);
  const toMs = conditions.to === undefined ? row.to_ms : Date.parse(conditions.to);
  if (fromMs < row.from_ms) faults.push("the window cannot begin earlier than it was asked for");
  if (toMs > row.to_ms) faults.push("the window cannot end later than it was asked for");
  if (fromMs >= toMs) faults.push("the window has to end after it begins");
  if (toMs <= nowMs) faults.push("the window would be over already");
  const named = namesOf(row.escorts);
  const escorts = conditions.escorts ?? named;
  const strangers = escorts.filter((name) => !named.some((one) => keyOf(one) === keyOf(name)));
  if (named.length > 0 && strangers.length > 0) faults.push("escorts can only be some of those who were asked for");
  const maxSessions = smaller(row.max_sessions, conditions.maxSessions ?? null);
  if (maxSessions !== null && conditions.maxSessions !== undefined && conditions.maxSessions > maxSessions) {
    faults.push(`at most ${maxSessions} sessions were asked for`);
  }
  if (faults.length > 0) {
    throw new AppError("REQUEST_INVALID", `conditions can only narrow a request: ${faults.join("; ")}`, { op });
  }
  const left = capabilitiesOf(row.capabilities);
  const capabilities =
    conditions.capabilities === undefined
      ? left
      : conditions.capabilities.filter((one) => left === null || left.includes(one));
  return {
    from_ms: fromMs,
    to_ms: toMs,
    escorts: JSON.stringify(escorts),
    max_sessions: maxSessions,
    capabilities: capabilities === null ? null : JSON.stringify(capabilities),
    due_ms: toMs,
  };
}

function smaller(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

function event(type: NewAccessEvent["type"], { row }: StoredRequest, by: Acting, details: Record<string, unknown>) {
  return { type, actor: by.name, subject: row.id, address: by.address, details } satisfies NewAccessEvent;
}

function conflict({ row }: StoredRequest, why: string): AppError {
  return new AppError("REQUEST_CONFLICT", `the access request cannot be decided on: ${why}`, {
    op,
    details: { state: row.state },
  });
}

function noLongerAllowed({ row }: StoredRequest, violations: AccessViolation[]): AppError {
  const sentences = [...new Set(violations.map(({ sentence }) => sentence))].join(" ");
  return new AppError("REQUEST_CONFLICT", `the policy does not allow this request any more: ${sentences}`, {
    op,
    details: { state: row.state, violations },
  });
}
