// The tables of requests, grants, blocks and events, and their migration. Portable types only; times in milliseconds since
// the epoch, names beside their lowercase form, which is what is compared.
import { type Kysely, type Migration, sql } from "kysely";
import { appendOnly } from "../../database/engine.ts";
import type { AccessTables } from "../tables.ts";

export interface AccessRequestsTable {
  /** UUIDv7: the order of ids is the order of submission. */
  id: string;
  kind: string;
  state: string;
  /** Counted up by each change: what compare-and-set compares. */
  version: number;
  requester: string;
  requester_key: string;
  purpose: string;
  protocol: string;
  ticket: string | null;
  asked_from_ms: number;
  asked_to_ms: number;
  /** The window as narrowed by conditions. */
  from_ms: number;
  to_ms: number;
  /** JSON arrays of names. */
  escorts: string;
  asked_escorts: string;
  /** JSON array, or null: what the rule allows. */
  capabilities: string | null;
  max_sessions: number | null;
  sessions_opened: number;
  submitted_at_ms: number;
  approvals_needed: number;
  activated_at_ms: number | null;
  ended_at_ms: number | null;
  ended_by: string | null;
  end_reason: string | null;
  policy_hash: string;
  /** SHA-256 of what was asked for: the same asked again while it waits is the same request. */
  draft_hash: string;
  /** Of break-glass alone. */
  review_due_ms: number | null;
  reviewer: string | null;
  reviewer_key: string | null;
  review_verdict: string | null;
  review_comment: string | null;
  reviewed_at_ms: number | null;
  /** When the sweep has to look at it again; null: never. */
  due_ms: number | null;
}

export interface AccessRequestPeopleTable {
  request: string;
  position: number;
  person: string;
  person_key: string;
}

export interface AccessRequestTargetsTable {
  request: string;
  position: number;
  target: string;
  target_key: string;
  conduit: string;
}

/** One a person: a second decision of the same person is a repetition or a conflict. */
export interface AccessDecisionsTable {
  request: string;
  approver_key: string;
  approver: string;
  decision: string;
  comment: string;
  /** JSON of ApprovalConditions. */
  conditions: string;
  at_ms: number;
  /** Why this approval did not count when the last of them came; null: it counted, or nothing has been decided by it yet. */
  lapsed: string | null;
}

export interface AccessGrantsTable {
  id: string;
  request: string;
  person: string;
  person_key: string;
  state: string;
}

export interface AccessCredentialsTable {
  id: string;
  grant_id: string;
  person_key: string;
  kind: string;
  /** `ssh-password`: SHA-256 in hex; `ssh-key`: the key's fingerprint. */
  proof: string;
  issued_at_ms: number;
}

export interface AccessUsesTable {
  session: string;
  grant_id: string;
  request: string;
  target: string;
  at_ms: number;
}

export interface AccessBlocksTable {
  id: string;
  person: string;
  person_key: string;
  target: string;
  target_key: string;
  session: string | null;
  blocked_by: string;
  reason: string;
  at_ms: number;
  lifted_at_ms: number | null;
  lifted_by: string | null;
  lift_reason: string | null;
}

export interface AccessEventsTable {
  seq: number;
  at_ms: number;
  type: string;
  actor: string;
  subject: string;
  address: string;
  /** JSON object. */
  details: string;
}

/**
 * `events`: the last number given; `clock`: the latest time seen, and `clock-epoch`: how often it was put right;
 * `consumer:NAME`: how far a consumer has come.
 */
export interface AccessCountersTable {
  name: string;
  value: number;
}

/**
 * With the registered keys of people: a key that is one's own cannot be another's for a window; and with the people, who
 * have to be approvers still when their approval is counted.
 */
export interface RequestTables extends Pick<AccessTables, "person_keys" | "people"> {
  access_requests: AccessRequestsTable;
  access_request_people: AccessRequestPeopleTable;
  access_request_targets: AccessRequestTargetsTable;
  access_decisions: AccessDecisionsTable;
  access_grants: AccessGrantsTable;
  access_credentials: AccessCredentialsTable;
  access_uses: AccessUsesTable;
  access_blocks: AccessBlocksTable;
  access_events: AccessEventsTable;
  access_counters: AccessCountersTable;
}

export const requestMigrations: Record<string, Migration> = {
  "0010-requests": {
    async up(db: Kysely<unknown>): Promise<void> {
      await createRequests(db);
      await createGrants(db);
      await createEvents(db);
    },
  },
  "0015-lapsed-approvals": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable("access_decisions").addColumn("lapsed", "text").execute();
    },
  },
};

async function createRequests(db: Kysely<unknown>): Promise<void> {
  const oneOf = (column: string, words: readonly string[]) =>
    sql`${sql.ref(column)} in (${sql.join(words.map((word) => sql.lit(word)))})`;
  const states = ["submitted", "approved", "refused", "withdrawn", "active", "expired", "revoked", "used-up"];
  await db.schema
    .createTable("access_requests")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("kind", "text", (c) => c.notNull().check(oneOf("kind", ["request", "break-glass"])))
    .addColumn("state", "text", (c) => c.notNull().check(oneOf("state", states)))
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("requester", "text", (c) => c.notNull())
    .addColumn("requester_key", "text", (c) => c.notNull())
    .addColumn("purpose", "text", (c) => c.notNull())
    .addColumn("protocol", "text", (c) => c.notNull())
    .addColumn("ticket", "text")
    .addColumn("asked_from_ms", "bigint", (c) => c.notNull())
    .addColumn("asked_to_ms", "bigint", (c) => c.notNull())
    .addColumn("from_ms", "bigint", (c) => c.notNull())
    .addColumn("to_ms", "bigint", (c) => c.notNull())
    .addColumn("escorts", "text", (c) => c.notNull())
    .addColumn("asked_escorts", "text", (c) => c.notNull())
    .addColumn("capabilities", "text")
    .addColumn("max_sessions", "integer")
    .addColumn("sessions_opened", "integer", (c) => c.notNull())
    .addColumn("submitted_at_ms", "bigint", (c) => c.notNull())
    .addColumn("approvals_needed", "integer", (c) => c.notNull())
    .addColumn("activated_at_ms", "bigint")
    .addColumn("ended_at_ms", "bigint")
    .addColumn("ended_by", "text")
    .addColumn("end_reason", "text")
    .addColumn("policy_hash", "text", (c) => c.notNull())
    .addColumn("draft_hash", "text", (c) => c.notNull())
    .addColumn("review_due_ms", "bigint")
    .addColumn("reviewer", "text")
    .addColumn("reviewer_key", "text")
    .addColumn("review_verdict", "text")
    .addColumn("review_comment", "text")
    .addColumn("reviewed_at_ms", "bigint")
    .addColumn("due_ms", "bigint")
    .addCheckConstraint("access_requests_window", sql`from_ms < to_ms`)
    .execute();
  await db.schema.createIndex("access_requests_due").on("access_requests").column("due_ms").execute();
  await db.schema.createIndex("access_requests_state").on("access_requests").columns(["state", "id"]).execute();
  await db.schema
    .createIndex("access_requests_requester")
    .on("access_requests")
    .columns(["requester_key", "state"])
    .execute();
  await db.schema
    .createTable("access_request_people")
    .addColumn("request", "text", (c) => c.notNull().references("access_requests.id"))
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("person", "text", (c) => c.notNull())
    .addColumn("person_key", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("access_request_people_key", ["request", "person_key"])
    .execute();
  await db.schema
    .createIndex("access_request_people_person")
    .on("access_request_people")
    .columns(["person_key", "request"])
    .execute();
  await db.schema
    .createTable("access_request_targets")
    .addColumn("request", "text", (c) => c.notNull().references("access_requests.id"))
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("target", "text", (c) => c.notNull())
    .addColumn("target_key", "text", (c) => c.notNull())
    .addColumn("conduit", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("access_request_targets_key", ["request", "target_key"])
    .execute();
  await db.schema
    .createTable("access_decisions")
    .addColumn("request", "text", (c) => c.notNull().references("access_requests.id"))
    .addColumn("approver_key", "text", (c) => c.notNull())
    .addColumn("approver", "text", (c) => c.notNull())
    .addColumn("decision", "text", (c) => c.notNull().check(oneOf("decision", ["approve", "refuse"])))
    .addColumn("comment", "text", (c) => c.notNull())
    .addColumn("conditions", "text", (c) => c.notNull())
    .addColumn("at_ms", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("access_decisions_key", ["request", "approver_key"])
    .execute();
}

async function createGrants(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("access_grants")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("request", "text", (c) => c.notNull().references("access_requests.id"))
    .addColumn("person", "text", (c) => c.notNull())
    .addColumn("person_key", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addUniqueConstraint("access_grants_person", ["request", "person_key"])
    .execute();
  await db.schema.createIndex("access_grants_of").on("access_grants").columns(["person_key", "state", "id"]).execute();
  await db.schema
    .createTable("access_credentials")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("grant_id", "text", (c) => c.notNull().references("access_grants.id"))
    .addColumn("person_key", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("proof", "text", (c) => c.notNull())
    .addColumn("issued_at_ms", "bigint", (c) => c.notNull())
    // One password and one key a grant: a new one takes the place of the old.
    .addUniqueConstraint("access_credentials_grant", ["grant_id", "kind"])
    .execute();
  await db.schema
    .createIndex("access_credentials_person")
    .on("access_credentials")
    .columns(["person_key", "kind"])
    .execute();
  await db.schema.createIndex("access_credentials_proof").on("access_credentials").column("proof").execute();
  await db.schema
    .createTable("access_uses")
    .addColumn("session", "text", (c) => c.primaryKey())
    .addColumn("grant_id", "text", (c) => c.notNull().references("access_grants.id"))
    .addColumn("request", "text", (c) => c.notNull().references("access_requests.id"))
    .addColumn("target", "text", (c) => c.notNull())
    .addColumn("at_ms", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("access_uses_request").on("access_uses").column("request").execute();
  await db.schema
    .createTable("access_blocks")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("person", "text", (c) => c.notNull())
    .addColumn("person_key", "text", (c) => c.notNull())
    .addColumn("target", "text", (c) => c.notNull())
    .addColumn("target_key", "text", (c) => c.notNull())
    .addColumn("session", "text")
    .addColumn("blocked_by", "text", (c) => c.notNull())
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("at_ms", "bigint", (c) => c.notNull())
    .addColumn("lifted_at_ms", "bigint")
    .addColumn("lifted_by", "text")
    .addColumn("lift_reason", "text")
    .execute();
  await db.schema
    .createIndex("access_blocks_person")
    .on("access_blocks")
    .columns(["person_key", "target_key"])
    .execute();
}

async function createEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("access_events")
    .addColumn("seq", "bigint", (c) => c.primaryKey())
    .addColumn("at_ms", "bigint", (c) => c.notNull())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("actor", "text", (c) => c.notNull())
    .addColumn("subject", "text", (c) => c.notNull())
    .addColumn("address", "text", (c) => c.notNull())
    .addColumn("details", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("access_events_subject").on("access_events").columns(["subject", "seq"]).execute();
  await appendOnly(db, "access_events", "the events of access are");
  await db.schema
    .createTable("access_counters")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("value", "bigint", (c) => c.notNull())
    .execute();
  await sql`insert into access_counters (name, value) values ('events', 0), ('clock', 0), ('clock-epoch', 0)`.execute(
    db,
  );
}
