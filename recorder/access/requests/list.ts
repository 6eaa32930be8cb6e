// Pages of requests, newest first. Ids are in the order of submission, so that a page does not shift when others are
// submitted.
import type { AccessRequestPage, AccessRequestView, RequestListQuery } from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import { sessionIdPattern } from "../../../shared/ids.ts";
import { type Acting, keyOf, type PolicyView } from "./acting.ts";
import { mayDo, toRequest } from "./shape.ts";
import type { RequestStore, StoredRequest } from "./store.ts";

const batch = 100;

export function toView(request: StoredRequest, me: Acting, view: PolicyView, nowMs: number): AccessRequestView {
  return { ...toRequest(request, view), may: mayDo(request, me, view, nowMs) };
}

export async function listRequests(
  store: RequestStore,
  view: PolicyView,
  me: Acting,
  query: RequestListQuery,
  onlyOwn: boolean,
): Promise<AccessRequestPage> {
  await store.clock.catchUp(store.db);
  const nowMs = store.clock.nowMs();
  const items: AccessRequestView[] = [];
  let before = query.cursor === undefined ? null : parseCursor(query.cursor);
  // What waits for a decision is known by the policy, not by the database: such a page is gathered in several looks.
  for (;;) {
    const ids = await idsBefore(store, me, query, onlyOwn, before);
    for (const request of await store.load(ids)) {
      const one = toView(request, me, view, nowMs);
      if (query.view === "to-decide" && !one.may.decide) continue;
      if (query.view === "to-review" && !one.may.review) continue;
      if (items.length === query.limit) return { items, next: items.at(-1)?.id ?? null };
      items.push(one);
    }
    const last = ids.at(-1);
    if (ids.length < batch || last === undefined) return { items, next: null };
    before = last;
  }
}

async function idsBefore(
  store: RequestStore,
  me: Acting,
  query: RequestListQuery,
  onlyOwn: boolean,
  before: string | null,
): Promise<string[]> {
  const key = keyOf(me.name);
  const { target, person } = query;
  const rows = await store.db
    .selectFrom("access_requests as r")
    .select("r.id")
    .$if(before !== null, (q) => q.where("r.id", "<", before ?? ""))
    .$if(query.state !== undefined, (q) => q.where("r.state", "=", query.state ?? ""))
    .$if(query.kind !== undefined, (q) => q.where("r.kind", "=", query.kind ?? ""))
    .$if(query.view === "to-decide", (q) => q.where("r.state", "=", "submitted"))
    .$if(query.view === "to-review", (q) => q.where("r.kind", "=", "break-glass").where("r.reviewed_at_ms", "is", null))
    .$if(query.from !== undefined, (q) => q.where("r.to_ms", ">", Date.parse(query.from ?? "")))
    .$if(query.to !== undefined, (q) => q.where("r.from_ms", "<", Date.parse(query.to ?? "")))
    .$if(onlyOwn || query.view === "mine", (q) => q.where("r.id", "in", requestsOf(store, key)))
    .$if(person !== undefined, (q) => q.where("r.id", "in", requestsOf(store, keyOf(person ?? ""))))
    .$if(target !== undefined, (q) => q.where("r.id", "in", requestsFor(store, keyOf(target ?? ""))))
    .orderBy("r.id", "desc")
    .limit(batch)
    .execute();
  return rows.map(({ id }) => id);
}

export async function unreviewedIds({ db }: RequestStore): Promise<string[]> {
  const rows = await db
    .selectFrom("access_requests")
    .select("id")
    .where("kind", "=", "break-glass")
    .where("reviewed_at_ms", "is", null)
    .orderBy("id")
    .execute();
  return rows.map(({ id }) => id);
}

/** Two at most: more are as ambiguous. */
export async function idsOfPart({ db }: RequestStore, text: string): Promise<string[]> {
  const part = text.toLowerCase();
  if (!/^[0-9a-f-]{4,36}$/.test(part)) return [];
  const rows = await db
    .selectFrom("access_requests")
    .select("id")
    .where((e) => e.or([e("id", "like", `${part}%`), e("id", "like", `%${part}`)]))
    .limit(2)
    .execute();
  return rows.map(({ id }) => id);
}

/** Asked for by this person, or for them. */
function requestsOf({ db }: RequestStore, key: string) {
  return db
    .selectFrom("access_request_people")
    .select("request")
    .where("person_key", "=", key)
    .union(db.selectFrom("access_requests").select("id as request").where("requester_key", "=", key));
}

function requestsFor({ db }: RequestStore, target: string) {
  return db.selectFrom("access_request_targets").select("request").where("target_key", "=", target);
}

function parseCursor(cursor: string): string {
  if (sessionIdPattern.test(cursor)) return cursor;
  throw new AppError("REQUEST_INVALID", "the cursor is not one that this service gave; start from the first page", {
    op: "access.requests.list",
  });
}
