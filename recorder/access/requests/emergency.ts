// Break-glass: a person whom the policy names gets in at once, with a second factor and a reason, and somebody else has to
// look at it afterwards. It opens what a rule opens; what is prohibited stays prohibited.
import type { BreakGlass, ReviewRequest } from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import { decideOpening, type ReasonCode, reasonSentences } from "../../../shared/policy/decide.ts";
import { hasSecondFactor } from "../../../shared/policy/factor.ts";
import type { Target } from "../../../shared/policy/policy.ts";
import { mayBreakGlass } from "../../../shared/policy/request.ts";
import { duration } from "../../../shared/policy/termination.ts";
import { type Acting, isReviewer, keyOf, type PolicyView } from "./acting.ts";
import { blockFor } from "./blocks.ts";
import { conduitsOf, takesPart, timeOf } from "./shape.ts";
import { makeId, type RequestStore, type StoredRequest } from "./store.ts";
import { emptyRow, insertGrants, insertPeopleAndTargets } from "./submission.ts";

export async function openBreakGlass(
  store: RequestStore,
  view: PolicyView,
  by: Acting,
  wanted: BreakGlass,
): Promise<StoredRequest> {
  await store.clock.catchUp(store.db);
  const { policy } = view.compiled;
  const target = view.targets.find(({ name }) => keyOf(name) === keyOf(wanted.target));
  const seconds = wanted.seconds ?? policy.breakGlass.maxSeconds;
  const blocked = await blockFor(store, by.name, wanted.target);
  const reason =
    blocked === null ? whyNot(view, by, target, wanted.target, store.clock.nowMs()) : "reconnection-blocked";
  if (reason !== null || target === undefined) {
    await tellRefusal(store, by, wanted, reason ?? "no-rule");
    throw new AppError("POLICY_REFUSED", `no emergency access: ${reasonSentences[reason ?? "no-rule"]}`, {
      op: "access.break-glass",
      details: { reason: reason ?? "no-rule" },
    });
  }
  if (seconds > policy.breakGlass.maxSeconds) {
    throw new AppError(
      "REQUEST_INVALID",
      `emergency access lasts at most ${duration(policy.breakGlass.maxSeconds)}; ask for less, or for an ordinary request`,
      { op: "access.break-glass" },
    );
  }
  return store.transaction(async (trx, nowMs) => {
    await store.alone(trx);
    const open = await openAlready(store, trx, by, target, nowMs);
    if (open !== null) return open;
    const id = makeId(nowMs);
    const toMs = nowMs + seconds * 1000;
    const reviewDueMs = toMs + policy.breakGlass.reviewWithinSeconds * 1000;
    await trx
      .insertInto("access_requests")
      .values({
        ...emptyRow,
        id,
        kind: "break-glass",
        state: "approved",
        requester: by.name,
        requester_key: keyOf(by.name),
        purpose: wanted.reason,
        protocol: target.protocol,
        asked_from_ms: nowMs,
        asked_to_ms: toMs,
        from_ms: nowMs,
        to_ms: toMs,
        submitted_at_ms: nowMs,
        approvals_needed: 0,
        policy_hash: view.policyHash,
        draft_hash: "",
        review_due_ms: reviewDueMs,
        due_ms: toMs,
      })
      .execute();
    await insertPeopleAndTargets(trx, id, [by.name], [target.name], view);
    const grants = await insertGrants(trx, id, [by.name], nowMs);
    const details = {
      target: target.name,
      conduit: target.conduit,
      reason: wanted.reason,
      to: timeOf(toMs),
      reviewDue: timeOf(reviewDueMs),
      factors: by.factors ?? [],
    };
    const grantDetails = {
      request: id,
      person: by.name,
      targets: [target.name],
      from: timeOf(nowMs),
      to: timeOf(toMs),
    };
    await store.tell(
      trx,
      [
        { type: "break-glass.opened", actor: by.name, subject: id, address: by.address, details },
        ...grants.map((grant) => ({
          type: "grant.issued" as const,
          actor: by.name,
          subject: grant.id,
          address: by.address,
          details: grantDetails,
        })),
      ],
      nowMs,
    );
    const stored = await store.find(id, trx);
    if (stored === null) throw new AppError("INTERNAL", "emergency access was not kept", { op: "access.break-glass" });
    return stored;
  });
}

/** Told so often that somebody who goes on asking does not fill the log. */
const maxToldInAMinute = 5;

async function tellRefusal(store: RequestStore, by: Acting, wanted: BreakGlass, reason: ReasonCode): Promise<void> {
  const type = "break-glass.refused";
  const told = await store.db
    .selectFrom("access_events")
    .select("at_ms")
    .where("subject", "=", by.name)
    .where("type", "=", type)
    .orderBy("seq", "desc")
    .limit(maxToldInAMinute)
    .execute();
  const earliest = told[maxToldInAMinute - 1];
  if (earliest !== undefined && store.clock.nowMs() - Number(earliest.at_ms) < 60_000) return;
  const details = { reason, target: wanted.target, said: wanted.reason };
  const event = { type, actor: by.name, subject: by.name, address: by.address, details } as const;
  await store.transaction((trx, nowMs) => store.tell(trx, [event], nowMs));
}

/** As the gateway will decide it. */
function whyNot(
  view: PolicyView,
  by: Acting,
  target: Target | undefined,
  asked: string,
  nowMs: number,
): ReasonCode | null {
  if (!mayBreakGlass(view.compiled, by)) return "break-glass-not-named";
  if (!hasSecondFactor(by.factors ?? [])) return "mfa-needed";
  if (target === undefined) {
    const named = { name: asked, conduit: "", tags: [] };
    return view.compiled.prohibitedBy(named) === null ? "no-rule" : "prohibited-target";
  }
  const decision = decideOpening(view.compiled, {
    person: { name: by.name, roles: by.roles, factors: by.factors ?? [] },
    target,
    protocol: target.protocol,
    nowMs,
    grant: {
      id: "",
      request: "",
      kind: "break-glass",
      fromMs: nowMs,
      toMs: nowMs + 1,
      targets: [target.name],
      state: "open",
      escorts: [],
    },
  });
  return decision.effect === "deny" ? decision.reason : null;
}

/** Asked twice, it is one emergency: the second answer is the first. */
async function openAlready(
  store: RequestStore,
  trx: Parameters<Parameters<RequestStore["transaction"]>[0]>[0],
  by: Acting,
  target: Target,
  nowMs: number,
): Promise<StoredRequest | null> {
  const row = await trx
    .selectFrom("access_requests")
    .innerJoin("access_request_targets", "access_request_targets.request", "access_requests.id")
    .select("access_requests.id")
    .where("access_requests.kind", "=", "break-glass")
    .where("access_requests.requester_key", "=", keyOf(by.name))
    .where("access_requests.state", "in", ["approved", "active"])
    .where("access_requests.to_ms", ">", nowMs)
    .where("access_request_targets.target_key", "=", keyOf(target.name))
    .executeTakeFirst();
  return row === undefined ? null : store.find(row.id, trx);
}

export function reviewBreakGlass(
  store: RequestStore,
  view: PolicyView,
  id: string,
  by: Acting,
  { verdict, comment }: ReviewRequest,
): Promise<StoredRequest> {
  const op = "access.break-glass.review";
  return store.change(id, (current, nowMs) => {
    const { row } = current;
    if (row.kind !== "break-glass") {
      throw new AppError("REQUEST_CONFLICT", "this is an ordinary request: emergency access alone is reviewed", { op });
    }
    if (takesPart(current, by.name)) {
      throw new AppError("AUTH_FORBIDDEN", "emergency access is reviewed by somebody else than who used it", { op });
    }
    if (!isReviewer(view, by, conduitsOf(current, view))) {
      throw new AppError(
        "AUTH_FORBIDDEN",
        "emergency access is reviewed by an administrator, an auditor, or an approver of the conduit",
        { op },
      );
    }
    if (row.reviewed_at_ms !== null) {
      if (row.reviewer_key === keyOf(by.name) && row.review_verdict === verdict) return null;
      throw new AppError("REQUEST_CONFLICT", `${row.reviewer} has reviewed it already (${row.review_verdict})`, { op });
    }
    if (row.ended_at_ms === null) {
      throw new AppError("REQUEST_CONFLICT", "the emergency access is still open: revoke it, or wait for its end", {
        op,
      });
    }
    return {
      set: {
        reviewer: by.name,
        reviewer_key: keyOf(by.name),
        review_verdict: verdict,
        review_comment: comment,
        reviewed_at_ms: nowMs,
        // What is used up and not over yet still has live sessions to end.
        due_ms: row.state === "used-up" && nowMs < row.to_ms ? row.to_ms : null,
      },
      events: [
        {
          type: "break-glass.reviewed",
          actor: by.name,
          subject: row.id,
          address: by.address,
          details: { verdict, comment, person: row.requester },
        },
      ],
    };
  });
}
