// Every policy that comes into force is kept by its hash, and told; a change that is refused is told, too. A part of the
// composition root. One after another, so that what was loaded last is what is kept last.
import type { AppError } from "../shared/errors.ts";
import type { AccessFeed } from "./access/feed.ts";
import type { PolicyVersions } from "./access/policy-versions.ts";
import { canonicalJson } from "./inventory/snapshot.ts";
import type { Inventory, InventorySnapshot } from "./inventory.ts";

interface HistoryParts {
  inventory: Inventory;
  versions: PolicyVersions;
  feed: Pick<AccessFeed, "record">;
  logger: { error(facts: object, message: string): void };
}

/** Resolves when the policy in force is kept: no session names one that is not. */
export async function keepPolicies({ inventory, versions, feed, logger }: HistoryParts): Promise<void> {
  const tell = (type: "policy.loaded" | "policy.refused", subject: string, details: Record<string, unknown>) =>
    feed.record({ type, actor: "recorder", subject, address: "local", details });
  const keep = async ({ policyHash, policyText, policy }: InventorySnapshot) => {
    const changed = await versions.loaded(policyHash, policyText, canonicalJson(policy));
    if (changed) await tell("policy.loaded", policyHash, { rules: policy.rules.length });
  };
  await keep(inventory.current);
  let last: Promise<void> = Promise.resolve();
  const next = (work: () => Promise<void>) => {
    last = last
      .then(work)
      .catch((error: unknown) => logger.error({ err: error }, "a policy could not be kept or told"));
  };
  inventory.onReload((now, before) => {
    if (now.policyHash !== before.policyHash) next(() => keep(now));
  });
  inventory.onRefused((error: AppError) => {
    const details = { code: error.code, message: error.message.slice(0, maxMessage) };
    // That which stays in force now, whatever is by the time it is told.
    const { policyHash } = inventory.current;
    next(() => tell("policy.refused", policyHash, details));
  });
}

/** A file can have very many faults; the log has them all. */
const maxMessage = 2000;
