// Asking for access: the draft is brought to the names that exist, checked against the policy as a whole, and kept.
import { createHash } from "node:crypto";
import type { AccessViolation, RequestDraft } from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import type { PersonFacts } from "../../../shared/policy/compile.ts";
import { reasonSentences } from "../../../shared/policy/reasons.ts";
import { approvalsNeeded, checkRequest, eachProtocol, type RequestQuery } from "../../../shared/policy/request.ts";
import { toldReason } from "../../../shared/policy/told.ts";
import type { People } from "../people.ts";
import { type Acting, keyOf, type PolicyView } from "./acting.ts";
import { conduitsOf } from "./shape.ts";
import { makeId, type RequestStore, type StoredRequest, type Trx } from "./store.ts";

/** Of one person; nobody decides on more. */
const maxWaiting = 100;

export interface CheckedDraft {
  query: RequestQuery;
  violations: AccessViolation[];
  approvalsNeeded: number;
}

export async function checkDraft(
  view: PolicyView,
  people: Pick<People, "find">,
  by: Acting,
  draft: RequestDraft,
  nowMs: number,
): Promise<CheckedDraft> {
  const wanted = draft.people.length === 0 ? [by.name] : distinct(draft.people);
  const escorts = distinct(draft.escorts);
  const known = await knownPeople(people, [...wanted, ...escorts]);
  const targets = distinct(draft.targets).map(
    (name) => view.targets.find((target) => keyOf(target.name) === keyOf(name))?.name ?? name,
  );
  const query: RequestQuery = {
    requester: { name: by.name, roles: by.roles },
    people: wanted.map((name) => nameIn(known, name)),
    targets,
    protocol: draft.protocol?.toLowerCase() ?? spokenBy(view, targets),
    fromMs: Date.parse(draft.from),
    toMs: Date.parse(draft.to),
    purpose: draft.purpose,
    ticket: draft.ticket ?? "",
    escorts: escorts.map((name) => nameIn(known, name)),
    nowMs,
    knownPeople: known,
    knownTargets: view.targets,
  };
  return {
    query,
    violations: checkRequest(view.compiled, query),
    approvalsNeeded: approvalsFor(
      view,
      targets.flatMap((name) => view.targets.find((target) => target.name === name)?.conduit ?? []),
    ),
  };
}

/** As it was asked for, by the policy and the people of now: notice is counted from when it was submitted. */
export async function violationsNow(
  view: PolicyView,
  people: Pick<People, "find">,
  request: StoredRequest,
  escorts: readonly string[],
): Promise<AccessViolation[]> {
  const { row } = request;
  const names = request.people.map(({ person }) => person);
  const known = await knownPeople(people, [...names, ...escorts, row.requester]);
  const requester = known.find((person) => keyOf(person.name) === row.requester_key);
  return checkRequest(view.compiled, {
    requester: requester ?? { name: row.requester, roles: [] },
    people: names,
    targets: request.targets.map(({ target }) => target),
    protocol: row.protocol,
    fromMs: row.asked_from_ms,
    toMs: row.asked_to_ms,
    purpose: row.purpose,
    ticket: row.ticket ?? "",
    escorts,
    nowMs: row.submitted_at_ms,
    knownPeople: known,
    knownTargets: view.targets,
  });
}

/** The most that any of its conduits asks for. */
export function approvalsFor(view: PolicyView, conduits: readonly string[]): number {
  return Math.max(1, ...conduits.map((conduit) => approvalsNeeded(view.compiled, conduit)));
}

export function neededNow(request: StoredRequest, view: PolicyView): number {
  return Math.max(request.row.approvals_needed, approvalsFor(view, conduitsOf(request, view)));
}

/** As they are told who asks; the events have the true ones. */
export function toldViolations(violations: readonly AccessViolation[], by: Acting): AccessViolation[] {
  return violations.map((one) =>
    toldReason(one.code, by.roles) === one.code
      ? one
      : { ...one, code: "no-rule", sentence: reasonSentences["no-rule"] },
  );
}

export function violated(violations: readonly AccessViolation[]): AppError {
  const sentences = [...new Set(violations.map((one) => `${subjectOf(one)}${one.sentence}`))];
  return new AppError("REQUEST_INVALID", `the policy does not allow this request: ${sentences.join(" ")}`, {
    op: "access.requests.submit",
    details: { violations },
  });
}

function subjectOf({ person, target }: AccessViolation): string {
  const named = [person, target].filter((name) => name !== undefined);
  return named.length === 0 ? "" : `${named.map((name) => JSON.stringify(name.slice(0, 64))).join(", ")}: `;
}

/** Checked already. */
export async function insertRequest(
  store: RequestStore,
  view: PolicyView,
  by: Acting,
  draft: RequestDraft,
  { query, approvalsNeeded: needed }: CheckedDraft,
): Promise<StoredRequest> {
  const draftHash = hashOf(query, draft);
  return store.transaction(async (trx, nowMs) => {
    await store.alone(trx);
    const same = await waitingAlready(store, trx, keyOf(by.name), draftHash);
    if (same !== null) return same;
    const id = makeId(nowMs);
    const escorts = JSON.stringify(query.escorts);
    await trx
      .insertInto("access_requests")
      .values({
        ...emptyRow,
        id,
        kind: "request",
        state: "submitted",
        requester: by.name,
        requester_key: keyOf(by.name),
        purpose: query.purpose,
        protocol: query.protocol,
        ticket: query.ticket === "" ? null : query.ticket,
        asked_from_ms: query.fromMs,
        asked_to_ms: query.toMs,
        from_ms: query.fromMs,
        to_ms: query.toMs,
        escorts,
        asked_escorts: escorts,
        max_sessions: draft.maxSessions ?? null,
        submitted_at_ms: nowMs,
        approvals_needed: needed,
        policy_hash: view.policyHash,
        draft_hash: draftHash,
        due_ms: query.toMs,
      })
      .execute();
    await insertPeopleAndTargets(trx, id, query.people, query.targets, view);
    const { people, targets, purpose, ticket, protocol } = query;
    const details = {
      people,
      targets,
      protocol,
      from: draft.from,
      to: draft.to,
      purpose,
      ticket,
      approvalsNeeded: needed,
    };
    await store.tell(
      trx,
      [{ type: "request.submitted", actor: by.name, subject: id, address: by.address, details }],
      nowMs,
    );
    const stored = await store.find(id, trx);
    if (stored === null) throw new AppError("INTERNAL", "a request was not kept", { op: "access.requests.submit" });
    return stored;
  });
}

function hashOf(query: RequestQuery, { maxSessions }: RequestDraft): string {
  const { people, targets, protocol, fromMs, toMs, purpose, ticket, escorts } = query;
  const asked = JSON.stringify([
    people,
    targets,
    protocol,
    fromMs,
    toMs,
    purpose,
    ticket,
    escorts,
    maxSessions ?? null,
  ]);
  return createHash("sha256").update(asked).digest("hex");
}

/** A click too many, or an answer that got lost, asks nobody twice. REQUEST_CONFLICT where too much waits already. */
async function waitingAlready(
  store: RequestStore,
  trx: Trx,
  requester: string,
  draftHash: string,
): Promise<StoredRequest | null> {
  const waiting = await trx
    .selectFrom("access_requests")
    .select(["id", "draft_hash"])
    .where("requester_key", "=", requester)
    .where("state", "=", "submitted")
    .execute();
  const same = waiting.find(({ draft_hash }) => draft_hash === draftHash);
  if (same !== undefined) return store.find(same.id, trx);
  if (waiting.length < maxWaiting) return null;
  throw new AppError(
    "REQUEST_CONFLICT",
    `${waiting.length} of your requests wait for a decision already; withdraw some that are not needed any more`,
    { op: "access.requests.submit" },
  );
}

export const emptyRow = {
  version: 0,
  ticket: null,
  asked_escorts: "[]",
  escorts: "[]",
  capabilities: null,
  max_sessions: null,
  sessions_opened: 0,
  activated_at_ms: null,
  ended_at_ms: null,
  ended_by: null,
  end_reason: null,
  review_due_ms: null,
  reviewer: null,
  reviewer_key: null,
  review_verdict: null,
  review_comment: null,
  reviewed_at_ms: null,
};

export async function insertPeopleAndTargets(
  trx: Trx,
  request: string,
  people: readonly string[],
  targets: readonly string[],
  view: PolicyView,
): Promise<void> {
  await trx
    .insertInto("access_request_people")
    .values(people.map((person, position) => ({ request, position, person, person_key: keyOf(person) })))
    .execute();
  await trx
    .insertInto("access_request_targets")
    .values(
      targets.map((target, position) => ({
        request,
        position,
        target,
        target_key: keyOf(target),
        conduit: view.targets.find(({ name }) => name === target)?.conduit ?? "",
      })),
    )
    .execute();
}

/** One grant a person; each has its id from the request's time, so that the newest come last. */
export async function insertGrants(trx: Trx, request: string, people: readonly string[], nowMs: number) {
  const grants = people.map((person) => ({
    id: makeId(nowMs),
    request,
    person,
    person_key: keyOf(person),
    state: "open",
  }));
  await trx.insertInto("access_grants").values(grants).execute();
  return grants;
}

/** Of enabled accounts. */
async function knownPeople(people: Pick<People, "find">, names: readonly string[]): Promise<PersonFacts[]> {
  const known: PersonFacts[] = [];
  for (const name of distinct(names)) {
    const person = await people.find(name);
    if (person !== null && !person.disabled) known.push({ name: person.name, roles: person.roles });
  }
  return known;
}

function nameIn(known: readonly PersonFacts[], name: string): string {
  return known.find((person) => keyOf(person.name) === keyOf(name))?.name ?? name;
}

function distinct(names: readonly string[]): string[] {
  const seen = new Map(names.map((name) => [keyOf(name), name]));
  return [...seen.values()];
}

function spokenBy(view: PolicyView, targets: readonly string[]): string {
  const spoken = new Set(view.targets.filter(({ name }) => targets.includes(name)).map(({ protocol }) => protocol));
  const [protocol = "ssh"] = spoken;
  return spoken.size > 1 ? eachProtocol : protocol;
}
