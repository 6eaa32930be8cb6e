// The policy in force, whole: the portal explains decisions with the gateway's own code. And the versions that were.
import { basename } from "node:path";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { PolicyInForce, PolicyVersionList, PolicyVersionText } from "../../shared/api/policy.ts";
import type { ApiDeps } from "./deps.ts";
import { policyReaders } from "./roles.ts";
import { addRoute } from "./route.ts";

const ByHash = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{8,64}$/, "a hash or its first eight digits or more"),
});
const tag = "policy";

export function addPolicyRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/policy",
    access: policyReaders,
    head: true,
    summary: "The policy in force, with the conduits and what decisions look at of the targets.",
    tag,
    response: PolicyInForce,
    handler: async () => {
      const { policy, policyHash, policyText, conduits, targets, warnings, loadedAt } = deps.inventory();
      return {
        hash: policyHash,
        loadedAt,
        policy,
        conduits: [...conduits],
        targets: targets.map(({ name, conduit, protocol, tags, description }) => ({
          name,
          conduit,
          protocol,
          tags: [...tags],
          description,
        })),
        text: policyText,
        warnings: warnings.map(({ file, line, key, problem, mend }) => ({
          file: basename(file),
          line,
          message: `${key}: ${problem}; ${mend}`,
        })),
      };
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/policy/versions",
    access: policyReaders,
    head: true,
    summary: "The policies that were in force, the one that was loaded last first.",
    tag,
    response: PolicyVersionList,
    handler: async () => ({ items: await deps.policyVersions.list() }),
  });

  addRoute(app, {
    method: "GET",
    url: "/policy/versions/:hash",
    access: policyReaders,
    head: true,
    summary: "A policy that was in force, as it was written.",
    tag,
    params: ByHash,
    response: PolicyVersionText,
    handler: ({ params }) => deps.policyVersions.find(params.hash),
  });
}
