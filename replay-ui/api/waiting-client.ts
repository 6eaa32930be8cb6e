import type { Role } from "../../shared/policy/policy.ts";
import type { Waiting } from "../waiting.ts";
import { listRequests } from "./access-client.ts";

/** More are not counted. */
const most = 99;

export async function lookForWaiting(roles: readonly Role[]): Promise<Waiting> {
  const now = new Date();
  const soon = new Date(now.getTime() + 1000).toISOString();
  const seesEmergencies = roles.includes("admin") || roles.includes("approver");
  const [decide, review, open] = await Promise.all([
    listRequests({ view: "to-decide", limit: most }),
    listRequests({ view: "to-review", limit: most }),
    seesEmergencies ? listRequests({ kind: "break-glass", from: now.toISOString(), to: soon }) : null,
  ]);
  return {
    count: decide.items.length + review.items.length,
    emergencies: (open?.items ?? [])
      .filter(({ ended }) => ended === null)
      .map(({ id, requester, targets, to }) => ({ id, person: requester, target: targets.join(", "), to })),
  };
}
