// What policy is told of a person's grants, and that a session uses one.
import type { Kysely } from "kysely";
import { AppError } from "../../../shared/errors.ts";
import { type GrantFacts, reasonSentences } from "../../../shared/policy/decide.ts";
import { eachProtocol } from "../../../shared/policy/request.ts";
import { keyOf } from "./acting.ts";
import { useUpGrants } from "./ending.ts";
import { capabilitiesOf, isLive, namesOf } from "./shape.ts";
import type { RequestStore } from "./store.ts";
import type { RequestTables } from "./tables.ts";

/** Of those that have ended, the newest are looked at: they explain a refusal, no more. */
const maxEnded = 20;
const maxOpen = 500;

/** The grant that opens this target now; else the one that explains best why none does. */
export async function grantFor(
  store: RequestStore,
  person: string,
  target: string,
  nowMs: number,
  only: string | undefined,
): Promise<GrantFacts | null> {
  if (only !== undefined) {
    const facts = await factsOf(store.db, only);
    return facts !== null && facts.person === keyOf(person) ? bare(facts) : null;
  }
  const of = (states: readonly string[], limit: number) =>
    store.db
      .selectFrom("access_grants")
      .select("id")
      .where("person_key", "=", keyOf(person))
      .where("state", "in", states)
      .orderBy("id", "desc")
      .limit(limit)
      .execute();
  const ids = [...(await of(["open", "used-up"], maxOpen)), ...(await of(["revoked", "expired"], maxEnded))];
  const all = await factsOfAll(
    store.db,
    ids.map(({ id }) => id),
  );
  const ranked = all
    .map((facts) => ({ facts, rank: rankOf(facts, keyOf(target), nowMs) }))
    .sort((a, b) => a.rank - b.rank || before(a.facts, b.facts, a.rank));
  const best = ranked[0];
  return best === undefined ? null : bare(best.facts);
}

type OwnedFacts = GrantFacts & { person: string };

const ranks = { open: 0, "open-by-break-glass": 1, early: 2, "used-up": 3, revoked: 4, over: 5, elsewhere: 6 } as const;

function rankOf(facts: OwnedFacts, target: string, nowMs: number): number {
  if (!facts.targets.some((name) => keyOf(name) === target)) return ranks.elsewhere;
  if (facts.state === "revoked") return ranks.revoked;
  if (!(nowMs < facts.toMs)) return ranks.over;
  if (facts.state === "used-up") return ranks["used-up"];
  if (nowMs < facts.fromMs) return ranks.early;
  return facts.kind === "break-glass" ? ranks["open-by-break-glass"] : ranks.open;
}

/** The next to begin of those that have not; of all others the one that ends last. */
function before(a: OwnedFacts, b: OwnedFacts, rank: number): number {
  return rank === ranks.early ? a.fromMs - b.fromMs : b.toMs - a.toMs;
}

function bare({ person: _person, ...facts }: OwnedFacts): GrantFacts {
  return facts;
}

export async function factsOf(db: Kysely<RequestTables>, grant: string): Promise<OwnedFacts | null> {
  return (await factsOfAll(db, [grant]))[0] ?? null;
}

async function factsOfAll(db: Kysely<RequestTables>, grants: readonly string[]): Promise<OwnedFacts[]> {
  if (grants.length === 0) return [];
  const rows = await db
    .selectFrom("access_grants")
    .innerJoin("access_requests", "access_requests.id", "access_grants.request")
    .select([
      "access_grants.id",
      "access_grants.person_key",
      "access_grants.state",
      "access_requests.id as request",
      "access_requests.kind",
      "access_requests.protocol",
      "access_requests.from_ms",
      "access_requests.to_ms",
      "access_requests.escorts",
      "access_requests.capabilities",
    ])
    .where("access_grants.id", "in", grants)
    .execute();
  const targets = await db
    .selectFrom("access_request_targets")
    .select(["request", "target"])
    .where("request", "in", rows.length === 0 ? [""] : rows.map(({ request }) => request))
    .orderBy("position")
    .execute();
  const approvals = await db
    .selectFrom("access_decisions")
    .select(["request", "approver"])
    .where("request", "in", rows.length === 0 ? [""] : rows.map(({ request }) => request))
    .where("decision", "=", "approve")
    .where("lapsed", "is", null)
    .orderBy("at_ms")
    .execute();
  return rows.map((row) => {
    const capabilities = capabilitiesOf(row.capabilities);
    return {
      id: row.id,
      person: row.person_key,
      request: row.request,
      kind: row.kind as GrantFacts["kind"],
      fromMs: Number(row.from_ms),
      // Over is over, whatever time the asker believes it is.
      toMs: row.state === "expired" ? 0 : Number(row.to_ms),
      targets: targets.filter(({ request }) => request === row.request).map(({ target }) => target),
      ...(row.protocol === eachProtocol ? {} : { protocol: row.protocol }),
      state: row.state === "expired" ? "open" : (row.state as GrantFacts["state"]),
      escorts: namesOf(row.escorts),
      approvers: approvals.filter(({ request }) => request === row.request).map(({ approver }) => approver),
      ...(capabilities === null ? {} : { capabilities }),
    };
  });
}

export interface Use {
  id: string;
  target: string;
  address: string;
}

export async function useGrant(store: RequestStore, grant: string, session: Use): Promise<void> {
  const row = await store.db.selectFrom("access_grants").select("request").where("id", "=", grant).executeTakeFirst();
  if (row === undefined) throw refused("access-revoked");
  await store.change(row.request, async (current, nowMs, trx) => {
    const used = await trx
      .selectFrom("access_uses")
      .select("grant_id")
      .where("session", "=", session.id)
      .executeTakeFirst();
    if (used !== undefined) return null;
    const own = current.grants.find(({ id }) => id === grant);
    const { row: request } = current;
    if (own === undefined || own.state === "revoked") throw refused("access-revoked");
    if (own.state === "used-up") throw refused("access-used-up");
    if (own.state !== "open" || !isLive(request.state) || nowMs >= request.to_ms) throw refused("window-over");
    if (nowMs < request.from_ms) throw refused("window-not-begun");
    if (!current.targets.some(({ target_key }) => target_key === keyOf(session.target)))
      throw refused("not-in-request");
    const opened = request.sessions_opened + 1;
    const isLast = request.max_sessions !== null && opened >= request.max_sessions;
    const event = (type: "request.activated" | "request.used-up") => ({
      type,
      actor: own.person,
      subject: request.id,
      address: session.address,
      details: { session: session.id, target: session.target, grant, sessionsOpened: opened },
    });
    return {
      set: {
        state: isLast ? "used-up" : "active",
        sessions_opened: opened,
        activated_at_ms: request.activated_at_ms ?? nowMs,
      },
      events: [
        ...(request.state === "approved" ? [event("request.activated")] : []),
        ...(isLast ? [event("request.used-up")] : []),
      ],
      rows: async (inner) => {
        await inner
          .insertInto("access_uses")
          .values({ session: session.id, grant_id: grant, request: request.id, target: session.target, at_ms: nowMs })
          .execute();
        if (isLast) await useUpGrants(inner, current);
      },
    };
  });
}

function refused(reason: "access-revoked" | "access-used-up" | "window-over" | "window-not-begun" | "not-in-request") {
  return new AppError("POLICY_REFUSED", reasonSentences[reason], { op: "access.requests.use", details: { reason } });
}
