// Reconnection that is refused: after a session was ended by somebody or by a pattern, this person does not reach this
// target until a new approval of it, or until somebody lifts the block.
import type { Selectable } from "kysely";
import type { AccessBlock } from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import { type Acting, keyOf, type PolicyView } from "./acting.ts";
import { mayRevoke, timeOf } from "./shape.ts";
import { makeId, type RequestStore, type StoredRequest, type Trx } from "./store.ts";
import type { AccessBlocksTable } from "./tables.ts";

export interface NewBlock {
  person: string;
  target: string;
  session: string | null;
  by: string;
  address: string;
  reason: string;
}

export function block(store: RequestStore, wanted: NewBlock): Promise<AccessBlock> {
  return store.transaction((trx, nowMs) => blockIn(store, trx, wanted, nowMs));
}

/** One block at a time of a person at a target. */
export async function blockIn(
  store: RequestStore,
  trx: Trx,
  { person, target, session, by, address, reason }: NewBlock,
  nowMs: number,
): Promise<AccessBlock> {
  await store.alone(trx);
  const inForce = await find(trx, person, target);
  if (inForce !== null) return toBlock(inForce);
  const row: AccessBlocksTable = {
    id: makeId(nowMs),
    person,
    person_key: keyOf(person),
    target,
    target_key: keyOf(target),
    session,
    blocked_by: by,
    reason,
    at_ms: nowMs,
    lifted_at_ms: null,
    lifted_by: null,
    lift_reason: null,
  };
  await trx.insertInto("access_blocks").values(row).execute();
  const details = { person, target, session, reason };
  await store.tell(trx, [{ type: "access.blocked", actor: by, subject: row.id, address, details }], nowMs);
  return toBlock(row);
}

export function unblock(store: RequestStore, view: PolicyView, id: string, by: Acting, reason: string) {
  return store.transaction(async (trx, nowMs): Promise<AccessBlock> => {
    const row = await trx.selectFrom("access_blocks").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) {
      throw new AppError("REQUEST_NOT_FOUND", `there is no block ${JSON.stringify(id.slice(0, 64))}`, {
        op: "access.unblock",
      });
    }
    const conduit = view.targets.find(({ name }) => keyOf(name) === row.target_key)?.conduit;
    const conduits = conduit === undefined ? [] : [conduit];
    if (!mayRevoke(by, view, conduits) || keyOf(by.name) === row.person_key) {
      throw new AppError(
        "AUTH_FORBIDDEN",
        "a block is lifted by an administrator or an approver of the conduit, and never by whom it is against",
        { op: "access.unblock" },
      );
    }
    if (row.lifted_at_ms !== null) return toBlock(row);
    await lift(store, trx, row, { by: by.name, address: by.address, reason }, nowMs);
    return toBlock({ ...row, lifted_at_ms: nowMs, lifted_by: by.name, lift_reason: reason });
  });
}

/** A new approval of the same people and targets is what a block waits for. */
export async function liftForApproval(
  store: RequestStore,
  trx: Trx,
  request: StoredRequest,
  by: Acting,
  nowMs: number,
): Promise<void> {
  const blocks = await trx
    .selectFrom("access_blocks")
    .selectAll()
    .where("lifted_at_ms", "is", null)
    .where(
      "person_key",
      "in",
      request.people.map(({ person_key }) => person_key),
    )
    .where(
      "target_key",
      "in",
      request.targets.map(({ target_key }) => target_key),
    )
    .execute();
  const reason = `approved request ${request.row.id}`;
  for (const row of blocks) await lift(store, trx, row, { by: by.name, address: by.address, reason }, nowMs);
}

async function lift(
  store: RequestStore,
  trx: Trx,
  row: Selectable<AccessBlocksTable>,
  { by, address, reason }: { by: string; address: string; reason: string },
  nowMs: number,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable("access_blocks")
    .set({ lifted_at_ms: nowMs, lifted_by: by, lift_reason: reason })
    .where("id", "=", row.id)
    .where("lifted_at_ms", "is", null)
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) return;
  const { person, target } = row;
  const details = { person, target, reason };
  await store.tell(trx, [{ type: "access.unblocked", actor: by, subject: row.id, address, details }], nowMs);
}

export async function blockFor(store: RequestStore, person: string, target: string): Promise<AccessBlock | null> {
  const row = await find(store.db, person, target);
  return row === null ? null : toBlock(row);
}

/** Newest first; those in force, or all. */
export async function listBlocks(store: RequestStore, all: boolean): Promise<AccessBlock[]> {
  const rows = await store.db
    .selectFrom("access_blocks")
    .selectAll()
    .$if(!all, (q) => q.where("lifted_at_ms", "is", null))
    .orderBy("id", "desc")
    .limit(1000)
    .execute();
  return rows.map(toBlock);
}

async function find(
  db: RequestStore["db"],
  person: string,
  target: string,
): Promise<Selectable<AccessBlocksTable> | null> {
  const row = await db
    .selectFrom("access_blocks")
    .selectAll()
    .where("person_key", "=", keyOf(person))
    .where("target_key", "=", keyOf(target))
    .where("lifted_at_ms", "is", null)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

function toBlock(row: Selectable<AccessBlocksTable>): AccessBlock {
  return {
    id: row.id,
    person: row.person,
    target: row.target,
    session: row.session,
    by: row.blocked_by,
    reason: row.reason,
    at: timeOf(Number(row.at_ms)),
    lifted:
      row.lifted_at_ms === null
        ? null
        : { at: timeOf(Number(row.lifted_at_ms)), by: row.lifted_by ?? "recorder", reason: row.lift_reason ?? "" },
  };
}
