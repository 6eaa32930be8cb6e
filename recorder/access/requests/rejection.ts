// A request that the policy turned away when it was submitted is an event all the same: what somebody tried to reach is
// worth knowing. A few a minute are told one by one and the rest are counted, so that nobody fills the log by asking.
import type { AccessViolation, RequestDraft } from "../../../shared/api/access.ts";
import type { Acting } from "./acting.ts";
import type { RequestStore, Trx } from "./store.ts";

const type = "request.rejected";
const maxToldInAMinute = 5;
const minuteMs = 60_000;
/** In one event; a draft names more only to be large. */
const maxNamed = 50;
/** Rows of the counters: how many of this person's were not told. */
const untoldPrefix = "untold-rejections:";

export async function tellRejection(
  store: RequestStore,
  by: Acting,
  draft: RequestDraft,
  violations: readonly AccessViolation[],
): Promise<void> {
  await store.transaction(async (trx, nowMs) => {
    await store.alone(trx);
    if (await toldEnough(trx, by.name, nowMs)) return countUntold(trx, by.name);
    const untold = await takeUntold(trx, by.name);
    const details = {
      violations: violations.toSorted(prohibitedFirst).slice(0, maxNamed).map(named),
      targets: draft.targets.slice(0, maxNamed),
      ...(violations.length > maxNamed ? { moreViolations: violations.length - maxNamed } : {}),
      ...(untold > 0 ? { untold } : {}),
    };
    await store.tell(trx, [{ type, actor: by.name, subject: by.name, address: by.address, details }], nowMs);
  });
}

/** What was counted and has waited for a minute is told by its number. */
export async function tellUntold(store: RequestStore): Promise<void> {
  const waiting = await store.db
    .selectFrom("access_counters")
    .select("name")
    .where("name", "like", `${untoldPrefix}%`)
    .where("value", ">", 0)
    .limit(maxNamed)
    .execute();
  for (const { name } of waiting) {
    const person = name.slice(untoldPrefix.length);
    await store.transaction(async (trx, nowMs) => {
      await store.alone(trx);
      if (await toldEnough(trx, person, nowMs)) return;
      const untold = await takeUntold(trx, person);
      if (untold === 0) return;
      const details = { violations: [], targets: [], untold };
      await store.tell(trx, [{ type, actor: person, subject: person, address: "several", details }], nowMs);
    });
  }
}

async function toldEnough(trx: Trx, person: string, nowMs: number): Promise<boolean> {
  const told = await trx
    .selectFrom("access_events")
    .select("at_ms")
    .where("subject", "=", person)
    .where("type", "=", type)
    .orderBy("seq", "desc")
    .limit(maxToldInAMinute)
    .execute();
  const earliest = told[maxToldInAMinute - 1];
  return earliest !== undefined && nowMs - Number(earliest.at_ms) < minuteMs;
}

async function countUntold(trx: Trx, person: string): Promise<void> {
  await trx
    .insertInto("access_counters")
    .values({ name: `${untoldPrefix}${person}`, value: 1 })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((e) => ({ value: e("access_counters.value", "+", 1) })),
    )
    .execute();
}

async function takeUntold(trx: Trx, person: string): Promise<number> {
  const name = `${untoldPrefix}${person}`;
  const row = await trx.selectFrom("access_counters").select("value").where("name", "=", name).executeTakeFirst();
  if (row !== undefined) await trx.deleteFrom("access_counters").where("name", "=", name).execute();
  return Number(row?.value ?? 0);
}

function prohibitedFirst(one: AccessViolation, other: AccessViolation): number {
  const rank = ({ code }: AccessViolation) => (code === "prohibited-target" ? 0 : 1);
  return rank(one) - rank(other);
}

function named({ code, target, person }: AccessViolation) {
  return { code, ...(target === undefined ? {} : { target }), ...(person === undefined ? {} : { person }) };
}
