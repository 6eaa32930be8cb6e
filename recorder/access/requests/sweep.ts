// Ends what is over, several times a second, and reminds of reviews that are overdue, once a day. One look at an index
// when nothing is due. Invariant: what has ended is written down as ended, so that no clock opens it again.
import type { AccessRequest } from "../../../shared/api/access.ts";
import type { PolicyView } from "./acting.ts";
import { ended } from "./ending.ts";
import { timeOf, toRequest } from "./shape.ts";
import type { Change, RequestStore, StoredRequest } from "./store.ts";

/** A grant that can open nothing any more; its live sessions end. */
export interface EndedGrant {
  grant: string;
  request: string;
  person: string;
}

export interface SweepResult {
  ended: EndedGrant[];
  overdueReviews: AccessRequest[];
}

const dayMs = 86_400_000;
const pageLimit = 100;

export async function sweep(store: RequestStore, view: PolicyView, nowMs: number): Promise<SweepResult> {
  const result: SweepResult = { ended: [], overdueReviews: [] };
  for (;;) {
    const due = await store.db
      .selectFrom("access_requests")
      .select("id")
      .where("due_ms", "<=", nowMs)
      .orderBy("due_ms")
      .limit(pageLimit)
      .execute();
    for (const { id } of due) await sweepOne(store, view, id, nowMs, result);
    if (due.length < pageLimit) return result;
  }
}

async function sweepOne(
  store: RequestStore,
  view: PolicyView,
  id: string,
  sweptMs: number,
  result: SweepResult,
): Promise<void> {
  let gone: EndedGrant[] = [];
  let reminded = false;
  const after = await store.change(id, (current, clockMs) => {
    const nowMs = Math.max(clockMs, sweptMs);
    gone = [];
    reminded = false;
    const { row } = current;
    if (row.due_ms === null || row.due_ms > nowMs) return null;
    if (isOpen(current)) {
      gone = current.grants
        .filter(({ state }) => state === "open" || state === "used-up")
        .map((grant) => ({ grant: grant.id, request: row.id, person: grant.person }));
      const reason = row.state === "submitted" ? "nobody decided before its window was over" : "its window is over";
      return ended(current, { state: "expired", by: "recorder", address: "local", reason }, nowMs);
    }
    reminded = row.review_due_ms !== null && row.reviewed_at_ms === null;
    return remind(current, nowMs);
  });
  result.ended.push(...gone);
  if (reminded) result.overdueReviews.push(toRequest(after, view));
}

function isOpen({ row, grants }: StoredRequest): boolean {
  if (row.state === "submitted" || row.state === "approved" || row.state === "active") return true;
  return row.state === "used-up" && grants.some(({ state }) => state === "used-up");
}

function remind({ row }: StoredRequest, nowMs: number): Change {
  if (row.review_due_ms === null || row.reviewed_at_ms !== null) return { set: { due_ms: null }, events: [] };
  const overdueMs = nowMs - row.review_due_ms;
  return {
    set: { due_ms: row.review_due_ms + (Math.floor(overdueMs / dayMs) + 1) * dayMs },
    events: [
      {
        type: "break-glass.review-overdue",
        actor: "recorder",
        subject: row.id,
        address: "local",
        details: {
          person: row.requester,
          reason: row.purpose,
          due: timeOf(row.review_due_ms),
          daysOverdue: Math.floor(overdueMs / dayMs),
        },
      },
    ],
  };
}
