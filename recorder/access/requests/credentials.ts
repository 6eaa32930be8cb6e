// Time-limited credentials: a password that is shown once, or a registered public key, valid inside the window of one
// grant. Only a hash of the password is kept; it has 99 random bits, so that a fast hash is enough and guessing is not.
import { createHash, timingSafeEqual } from "node:crypto";
import type { CredentialRequest, IssuedCredential } from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import type { GrantFacts } from "../../../shared/policy/decide.ts";
import { makeOneTimePassword } from "../passwords.ts";
import type { People, Person } from "../people.ts";
import { fingerprintOf, parsePublicKeyLine } from "../public-keys.ts";
import { type Acting, keyOf, type PolicyView } from "./acting.ts";
import { factsOf } from "./grants.ts";
import { sshTargets, timeOf } from "./shape.ts";
import { makeId, type RequestStore, type StoredRequest, type Trx } from "./store.ts";

const op = "access.requests.credential";

export interface GrantLogin {
  grant: GrantFacts;
  person: Person;
}

export async function issueCredential(
  store: RequestStore,
  view: PolicyView,
  people: Pick<People, "find">,
  id: string,
  by: Acting,
  wanted: CredentialRequest,
): Promise<IssuedCredential> {
  const key = wanted.kind === "ssh-key" ? parsePublicKeyLine(wanted.publicKey) : null;
  const own = key === null ? undefined : (await people.find(by.name))?.keys;
  if (own?.some(({ fingerprint }) => fingerprint === key?.fingerprint) === true) {
    throw new AppError("REQUEST_CONFLICT", "this key is registered for the account already, inside of any window", {
      op,
    });
  }
  const password = key === null ? makeOneTimePassword() : undefined;
  const proof = key?.fingerprint ?? hashOf(keyOf(by.name), password ?? "");
  let answer: IssuedCredential | undefined;
  await store.change(id, async (current, nowMs, trx) => {
    const targets = sshTargets(current, view);
    const grant = openGrant(current, targets, by, nowMs);
    if (key !== null) await requireFree(trx, key.fingerprint, grant.person_key);
    const { row } = current;
    const window = { from: timeOf(row.from_ms), to: timeOf(row.to_ms) };
    const fingerprint = key === null ? {} : { fingerprint: key.fingerprint };
    answer = {
      kind: wanted.kind,
      request: row.id,
      grant: grant.id,
      person: grant.person,
      targets,
      ...window,
      ...(password === undefined ? {} : { password }),
      ...fingerprint,
    };
    const details = { request: row.id, person: grant.person, kind: wanted.kind, ...window, ...fingerprint };
    return {
      set: {},
      events: [{ type: "credential.issued", actor: by.name, subject: grant.id, address: by.address, details }],
      rows: async (inner) => {
        await inner
          .deleteFrom("access_credentials")
          .where("grant_id", "=", grant.id)
          .where("kind", "=", wanted.kind)
          .execute();
        await inner
          .insertInto("access_credentials")
          .values({
            id: makeId(nowMs),
            grant_id: grant.id,
            person_key: grant.person_key,
            kind: wanted.kind,
            proof,
            issued_at_ms: nowMs,
          })
          .execute();
      },
    };
  });
  if (answer === undefined) throw new AppError("INTERNAL", "no credential was made", { op });
  return answer;
}

function openGrant(
  current: StoredRequest,
  targets: readonly string[],
  by: Acting,
  nowMs: number,
): StoredRequest["grants"][number] {
  const { row } = current;
  const grant = current.grants.find(({ person_key }) => person_key === keyOf(by.name));
  if (grant === undefined) {
    const isNamed = current.people.some(({ person_key }) => person_key === keyOf(by.name));
    const why = isNamed ? `the request is ${row.state}` : `the request gives ${by.name} no access`;
    throw new AppError(isNamed ? "REQUEST_CONFLICT" : "AUTH_FORBIDDEN", `no credential can be issued: ${why}`, { op });
  }
  if (targets.length === 0) {
    const message = "a time-limited credential is for SSH; a screen is opened with the portal's ticket";
    throw new AppError("REQUEST_CONFLICT", message, { op });
  }
  if (grant.state === "open" && nowMs < row.to_ms) return grant;
  const state = grant.state === "open" ? "over" : grant.state;
  throw new AppError("REQUEST_CONFLICT", `no credential can be issued: the access is ${state}`, { op });
}

/** A key belongs to one person: what was done with it must be attributable. */
async function requireFree(trx: Trx, fingerprint: string, person: string): Promise<void> {
  const registered = await trx
    .selectFrom("person_keys")
    .select("person")
    .where("fingerprint", "=", fingerprint)
    .executeTakeFirst();
  const issued = await trx
    .selectFrom("access_credentials")
    .select("person_key")
    .where("proof", "=", fingerprint)
    .where("kind", "=", "ssh-key")
    .where("person_key", "!=", person)
    .executeTakeFirst();
  if (registered === undefined && issued === undefined) return;
  // Not why: whose public key is known here is nobody's to ask.
  throw new AppError(
    "REQUEST_INVALID",
    "this key is not taken for a window: make a new pair for it (ssh-keygen -t ed25519), and register that",
    { op },
  );
}

function hashOf(personKey: string, password: string): string {
  return createHash("sha256").update(`conduit grant password\0${personKey}\0${password}`).digest("hex");
}

/** The same work whether or not there is such a person, grant or password. */
export async function authenticateGrant(
  store: RequestStore,
  people: Pick<People, "find">,
  name: string,
  password: string,
): Promise<GrantLogin | null> {
  const given = Buffer.from(hashOf(keyOf(name), password.slice(0, 1024)), "hex");
  const rows = await store.db
    .selectFrom("access_credentials")
    .select(["grant_id", "proof"])
    .where("person_key", "=", keyOf(name.slice(0, 64)))
    .where("kind", "=", "ssh-password")
    .execute();
  let grant: string | null = null;
  for (const row of rows) {
    const kept = Buffer.from(row.proof, "hex");
    if (kept.length === given.length && timingSafeEqual(kept, given)) grant = row.grant_id;
  }
  return loginBy(store, people, name, grant);
}

export async function authenticateGrantKey(
  store: RequestStore,
  people: Pick<People, "find">,
  name: string,
  blob: Uint8Array,
): Promise<GrantLogin | null> {
  const rows = await store.db
    .selectFrom("access_credentials")
    .select("grant_id")
    .where("proof", "=", fingerprintOf(blob))
    .where("kind", "=", "ssh-key")
    .where("person_key", "=", keyOf(name.slice(0, 64)))
    .execute();
  // One key may be registered for several windows: the one that is open now counts.
  for (const row of rows) {
    const login = await loginBy(store, people, name, row.grant_id);
    if (login !== null) return login;
  }
  return null;
}

async function loginBy(
  store: RequestStore,
  people: Pick<People, "find">,
  name: string,
  grant: string | null,
): Promise<GrantLogin | null> {
  await store.clock.catchUp(store.db);
  const person = await people.find(name);
  const facts = await factsOf(store.db, grant ?? "");
  if (grant === null || person === null || person.disabled || facts === null) return null;
  const nowMs = store.clock.nowMs();
  const isOpen = facts.state === "open" && nowMs >= facts.fromMs && nowMs < facts.toMs;
  return isOpen ? { grant: facts, person } : null;
}
