// Access requests as a service has them, on a database and with a policy of the test's own.
import { AccessFeed } from "../../recorder/access/feed.ts";
import type { People } from "../../recorder/access/people.ts";
import { AccessRequests } from "../../recorder/access/requests/requests.ts";
import type { ApiDeps } from "../../recorder/api/deps.ts";
import type { ServiceDatabase } from "../../recorder/database.ts";
import { compilePolicy } from "../../shared/policy/compile.ts";
import { Conduit, Policy, Target } from "../../shared/policy/policy.ts";

export interface TestAccess {
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
  const targets = [target("plc-reactor-01"), target("SIS-reactor-01")];
  const conduits = [Conduit.parse({ id: "vendor-to-cell" })];
  const compile = (changes: Record<string, unknown>) =>
    compilePolicy(Policy.parse({ version: 1, ...changes }), conduits);
  let compiled = compile(policy);
  const feed = new AccessFeed(database.requests);
  const requests = new AccessRequests(database.requests, {
    policy: () => ({ compiled, targets, policyHash: "a".repeat(64) }),
    people,
    feed,
  });
  return {
    requests,
    feed,
    setPolicy: (changes) => {
      compiled = compile(changes);
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
