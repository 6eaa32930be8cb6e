import type { Role } from "../../shared/policy/policy.ts";
import { nothingWaits, type Waiting } from "../waiting.ts";
import { listRequests } from "./access-client.ts";
import { getHealth, listStops } from "./client.ts";

/** More are not counted. */
const most = 99;

/** Of the service's health: what concerns how long recordings are kept. */
async function storeFault(): Promise<string | null> {
  const { checks = [] } = await getHealth();
  const faults = checks.filter(({ name, ok }) => !ok && name.startsWith("retention"));
  return faults.length === 0 ? null : faults.map(({ message }) => message).join("; ");
}

export async function lookForWaiting(roles: readonly Role[]): Promise<Waiting> {
  if (!roles.some((role) => role !== "vendor" && role !== "engineer"))
    return { ...nothingWaits, stops: await listStops() };
  const now = new Date();
  const soon = new Date(now.getTime() + 1000).toISOString();
  const seesEmergencies = roles.includes("admin") || roles.includes("approver");
  const [decide, review, open, stops, store] = await Promise.all([
    listRequests({ view: "to-decide", limit: most }),
    listRequests({ view: "to-review", limit: most }),
    seesEmergencies ? listRequests({ kind: "break-glass", from: now.toISOString(), to: soon }) : null,
    listStops(),
    roles.includes("admin") || roles.includes("auditor") ? storeFault() : null,
  ]);
  return {
    stops,
    store,
    count: decide.items.length + review.items.length,
    emergencies: (open?.items ?? [])
      .filter(({ ended }) => ended === null)
      .map(({ id, requester, targets, to }) => ({ id, person: requester, target: targets.join(", "), to })),
  };
}
