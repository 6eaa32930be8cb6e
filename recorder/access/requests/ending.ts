// How access ends: withdrawn by who asked, revoked, ended with a session, or over. The credentials die in the transaction
// that ends it; what is live is ended by who listens to the feed.
import { AppError } from "../../../shared/errors.ts";
import type { NewAccessEvent } from "../feed.ts";
import { type Acting, keyOf, type PolicyView } from "./acting.ts";
import { blockIn } from "./blocks.ts";
import { conduitsOf, isLive, mayRevoke } from "./shape.ts";
import type { Change, RequestStore, StoredRequest, Trx } from "./store.ts";

interface Ending {
  state: "withdrawn" | "revoked" | "expired";
  by: string;
  address: string;
  reason: string;
}

/** Ends whatever is open of the request. */
export function ended(current: StoredRequest, ending: Ending, nowMs: number): Change {
  const { row } = current;
  const grantState = ending.state === "expired" ? "expired" : "revoked";
  const grants = current.grants.filter(({ state }) => state === "open" || state === "used-up");
  const event = (type: NewAccessEvent["type"], subject: string, details: Record<string, unknown>): NewAccessEvent => ({
    type,
    actor: ending.by,
    subject,
    address: ending.address,
    details,
  });
  // Used up it stays: that its window is over as well ends only what is still live.
  const keepsState = row.state === "used-up" && ending.state === "expired";
  return {
    set: {
      ...(keepsState
        ? {}
        : { state: ending.state, ended_at_ms: nowMs, ended_by: ending.by, end_reason: ending.reason }),
      due_ms: reviewDue(current),
    },
    events: [
      ...(keepsState ? [] : [event(`request.${ending.state}`, row.id, { reason: ending.reason, state: row.state })]),
      ...grants.map((grant) =>
        event(`grant.${grantState}`, grant.id, { request: row.id, person: grant.person, reason: ending.reason }),
      ),
    ],
    rows: (trx) =>
      endGrants(
        trx,
        grants.map(({ id }) => id),
        grantState,
      ),
  };
}

async function endGrants(trx: Trx, ids: readonly string[], state: "expired" | "revoked" | "used-up"): Promise<void> {
  if (ids.length === 0) return;
  await trx.updateTable("access_grants").set({ state }).where("id", "in", ids).execute();
  await trx.deleteFrom("access_credentials").where("grant_id", "in", ids).execute();
}

/** Break-glass is looked at again until it is reviewed. */
function reviewDue({ row }: StoredRequest): number | null {
  return row.review_due_ms !== null && row.reviewed_at_ms === null ? row.review_due_ms : null;
}

export function withdraw(store: RequestStore, id: string, by: Acting, reason: string): Promise<StoredRequest> {
  return store.change(id, (current, nowMs) => {
    const { row } = current;
    if (row.requester_key !== keyOf(by.name)) {
      throw new AppError("AUTH_FORBIDDEN", "a request is withdrawn by who asked for it; an approver revokes it", {
        op: "access.requests.withdraw",
      });
    }
    if (row.state === "withdrawn") return null;
    if ((row.state !== "submitted" && !isLive(row.state)) || nowMs >= row.to_ms) throw isOver(current, nowMs);
    return ended(current, { state: "withdrawn", by: by.name, address: by.address, reason }, nowMs);
  });
}

export function revoke(
  store: RequestStore,
  view: PolicyView,
  id: string,
  by: Acting,
  reason: string,
): Promise<StoredRequest> {
  return store.change(id, (current, nowMs) => {
    const { row } = current;
    if (!mayRevoke(by, view, conduitsOf(current, view))) {
      throw new AppError(
        "AUTH_FORBIDDEN",
        `${by.name} is neither an administrator nor an approver of a conduit of this request`,
        { op: "access.requests.revoke" },
      );
    }
    if (row.state === "revoked") return null;
    if (row.state === "submitted") {
      throw new AppError("REQUEST_CONFLICT", "the request is not decided yet: refuse it", {
        op: "access.requests.revoke",
        details: { state: row.state },
      });
    }
    if (!isLive(row.state) || nowMs >= row.to_ms) throw isOver(current, nowMs);
    return ended(current, { state: "revoked", by: by.name, address: by.address, reason }, nowMs);
  });
}

export interface EndedSession {
  by: string;
  address: string;
  reason: string;
  session: string;
  target: string;
}

/**
 * With the last open grant the request ends, too; and whatever else is approved already, this person does not reach this
 * target until a new approval. False: the grant had ended.
 */
export async function endGrant(store: RequestStore, grant: string, endedBy: EndedSession): Promise<boolean> {
  const { by, address, reason, session, target } = endedBy;
  const row = await store.db.selectFrom("access_grants").select("request").where("id", "=", grant).executeTakeFirst();
  if (row === undefined) return false;
  let done = false;
  await store.change(row.request, (current, nowMs) => {
    done = false;
    const open = current.grants.filter(({ state }) => state === "open" || state === "used-up");
    const own = open.find(({ id }) => id === grant);
    if (own === undefined) return null;
    done = true;
    const block = async (trx: Trx) => {
      await blockIn(store, trx, { person: own.person, target, session, by, address, reason }, nowMs);
    };
    if (open.length === 1 && isLive(current.row.state)) {
      const change = ended(current, { state: "revoked", by, address, reason }, nowMs);
      return {
        ...change,
        rows: async (trx) => {
          await change.rows?.(trx);
          await block(trx);
        },
      };
    }
    const details = { request: row.request, person: own.person, reason };
    return {
      set: {},
      events: [{ type: "grant.revoked", actor: by, subject: grant, address, details }],
      rows: async (trx) => {
        await endGrants(trx, [grant], "revoked");
        await block(trx);
      },
    };
  });
  return done;
}

function isOver({ row }: StoredRequest, nowMs: number): AppError {
  const state = isLive(row.state) && nowMs >= row.to_ms ? "over" : row.state;
  return new AppError("REQUEST_CONFLICT", `nothing of this request is open any more: it is ${state}`, {
    op: "access.requests.end",
    details: { state: row.state },
  });
}

/** As many sessions as it allows have been opened: no other opens, and its credentials are of no use any more. */
export async function useUpGrants(trx: Trx, current: StoredRequest): Promise<void> {
  const open = current.grants.filter(({ state }) => state === "open").map(({ id }) => id);
  await endGrants(trx, open, "used-up");
}
