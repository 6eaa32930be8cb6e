// What an attestation takes from the installation beside store and ledger: the index to be compared, and the policy in
// force. A part of the composition root.
import type { Attestation } from "../shared/evidence/attestation.ts";
import type { Policy } from "../shared/policy/policy.ts";
import type { ServiceDatabase } from "./database.ts";
import type { CatalogueRows } from "./verify/attest/make-attestation.ts";

export async function catalogueRows(database: Pick<ServiceDatabase, "catalog" | "retention">): Promise<CatalogueRows> {
  const [recordings, retained, holds] = await Promise.all([
    database.catalog.selectFrom("recordings").select(["session", "started_at", "state"]).execute(),
    database.retention.selectFrom("retained").select(["session", "retain_until", "state"]).execute(),
    database.retention.selectFrom("holds").select(["session"]).where("state", "!=", "released").execute(),
  ]);
  const kept = new Map(retained.map((row) => [row.session, row]));
  const held = new Set(holds.map(({ session }) => session));
  const rows = recordings.map(({ session, started_at, state }) => {
    const of = kept.get(session);
    const stated = of?.state === "expired" ? "expired" : state;
    return [
      session,
      { startedAt: started_at, state: stated, retainUntil: of?.retain_until ?? null, held: held.has(session) },
    ] as const;
  });
  return { rows: new Map(rows) };
}

export function policyOf({
  policy,
  policyHash,
}: {
  policy: Policy;
  policyHash: string;
}): NonNullable<Attestation["policy"]> {
  const classes = policy.retention.map((one) => ({ name: one.targets.join(", "), days: one.days }));
  return { hash: policyHash, retentionDays: policy.retentionDays, classes };
}
