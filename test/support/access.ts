// Access requests as a service has them, on a database and with a policy of the test's own.
import { AccessFeed } from "../../recorder/access/feed.ts";
import type { People } from "../../recorder/access/people.ts";
import { AccessRequests } from "../../recorder/access/requests/requests.ts";
import type { ApiDeps } from "../../recorder/api/deps.ts";
import type { ServiceDatabase } from "../../recorder/database.ts";
import { targetsForPerson } from "../../recorder/session/my-access.ts";
import { compilePolicy } from "../../shared/policy/compile.ts";
import { Conduit, Policy, Target } from "../../shared/policy/policy.ts";

export interface TestAccess {
  /** As the gateway would tell this person. */
  myTargets: ApiDeps["myTargets"];
  /** Other targets and conduits from now on. */
  setInventory(next: { targets?: Target[]; conduits?: Conduit[] }): void;
  requests: AccessRequests;
  feed: AccessFeed;
  /** Another policy from now on. */
  setPolicy(policy: Record<string, unknown>): void;
  inventory(): ReturnType<ApiDeps["inventory"]>;
}

/** One SSH target, `plc-reactor-01`, and a prohibited one, `SIS-reactor-01`, in the conduit `vendor-to-cell`. */
export function accessOf(
  database: ServiceDatabase,
  people: Pick<People, "find">,
  policy: Record<string, unknown> = {},
  now?: () => number,
): TestAccess {
  const target = (name: string) =>
    Target.parse({
      name,
      conduit: "vendor-to-cell",
      protocol: "ssh",
      host: "192.0.2.10",
      account: "service",
      secret: "plc",
    });
  let targets: Target[] = [target("plc-reactor-01"), target("SIS-reactor-01")];
  let conduits: Conduit[] = [Conduit.parse({ id: "vendor-to-cell" })];
  const compile = (changes: Record<string, unknown>) =>
    compilePolicy(Policy.parse({ version: 1, ...changes }), conduits);
  let compiled = compile(policy);
  const feed = new AccessFeed(database.requests);
  const requests = new AccessRequests(database.requests, {
    policy: () => ({ compiled, targets, policyHash: "a".repeat(64) }),
    people,
    feed,
    ...(now === undefined ? {} : { now }),
  });
  let said = policy;
  return {
    requests,
    feed,
    myTargets: (person, which) => targetsForPerson({ compiled, targets, conduits }, person, requests, which),
    setPolicy: (changes) => {
      said = changes;
      compiled = compile(changes);
    },
    setInventory: (next) => {
      targets = next.targets ?? targets;
      conduits = next.conduits ?? conduits;
      compiled = compile(said);
    },
    inventory: () => ({
      policy: compiled.policy,
      policyHash: "a".repeat(64),
      conduits,
      targets,
      policyText: "version: 1",
      loadedAt: "2026-11-23T08:00:00.000Z",
      warnings: [],
    }),
  };
}
