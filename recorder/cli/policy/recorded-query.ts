// What was asked of the policy when a recorded session opened, put together again from its OPEN record.
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import type { GrantFacts, TargetQuery } from "../../../shared/policy/decide.ts";
import { Factor } from "../../../shared/policy/factor.ts";
import { Role, Target } from "../../../shared/policy/policy.ts";
import type { Archive } from "../recordings/archive.ts";

/** A session that stood on a request has it here, too, with the window that it had in the end. */
export async function recordedQuery(
  archive: Archive,
  targets: readonly Target[],
  open: OpenRecord,
): Promise<TargetQuery> {
  const target = recordedTarget(targets, open);
  return {
    person: {
      name: open.person.name,
      roles: Role.options.filter((role) => open.person.roles.includes(role)),
      factors: open.person.authMethod
        .split("+")
        .flatMap((method) => Factor.options.filter((known) => known === method)),
    },
    target,
    protocol: open.protocol,
    nowMs: Date.parse(open.startedAt),
    grant: open.request === null ? null : await grantOf(archive, open.request, target),
  };
}

/** As it was when it was recorded, its tags too: they may be others by now. */
function recordedTarget(targets: readonly Target[], { target, protocol }: OpenRecord): Target {
  const { name, conduit, tags } = target;
  const known = targets.find((one) => one.name.toLowerCase() === name.toLowerCase() && one.protocol === protocol);
  if (known !== undefined) return { ...known, conduit, tags };
  const spoken = protocol === "ssh" ? { protocol, account: "none", secret: "none" } : { protocol };
  return { ...Target.parse({ name: "none", conduit: "none", host: "none", ...spoken }), name, conduit, tags };
}

async function grantOf({ database }: Archive, request: string, target: Target): Promise<GrantFacts> {
  const row = await database.requests
    .selectFrom("access_requests")
    .select(["kind", "from_ms", "to_ms"])
    .where("id", "=", request)
    .executeTakeFirst();
  return {
    id: request,
    request,
    kind: row?.kind === "break-glass" ? "break-glass" : "request",
    fromMs: Number(row?.from_ms ?? Number.NEGATIVE_INFINITY),
    toMs: Number(row?.to_ms ?? Number.POSITIVE_INFINITY),
    targets: [target.name],
    state: "open",
    escorts: [],
  };
}
