import type { Role } from "../../shared/policy/policy.ts";
import { nothingWaits, type Waiting } from "../waiting.ts";
import { listRequests } from "./access-client.ts";
import { listStops } from "./client.ts";

/** More are not counted. */
const most = 99;

export async function lookForWaiting(roles: readonly Role[]): Promise<Waiting> {
  if (!roles.some((role) => role !== "vendor" && role !== "engineer"))
    return { ...nothingWaits, stops: await listStops() };
  const now = new Date();
  const soon = new Date(now.getTime() + 1000).toISOString();
  const seesEmergencies = roles.includes("admin") || roles.includes("approver");
  const [decide, review, open, stops] = await Promise.all([
    listRequests({ view: "to-decide", limit: most }),
    listRequests({ view: "to-review", limit: most }),
    seesEmergencies ? listRequests({ kind: "break-glass", from: now.toISOString(), to: soon }) : null,
    listStops(),
  ]);
  return {
    stops,
    count: decide.items.length + review.items.length,
    emergencies: (open?.items ?? [])
      .filter(({ ended }) => ended === null)
      .map(({ id, requester, targets, to }) => ({ id, person: requester, target: targets.join(", "), to })),
  };
}
