// What the portal's page "My access" begins with: the targets as this person may know them, and what a request takes.
import type { FastifyInstance } from "fastify";
import { MyAccess } from "../../shared/api/access.ts";
import type { ApiDeps } from "./deps.ts";
import { mayListAll } from "./roles.ts";
import { addRoute } from "./route.ts";

export function addMyAccessRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/me/access",
    access: "signed-in",
    head: true,
    summary: "What this person may open now and until when, what may be asked for, and what policy asks of a request.",
    tag: "access",
    response: MyAccess,
    handler: async ({ me, request }) => {
      const { requests, breakGlass } = deps.inventory().policy;
      const acting = { name: me.name, roles: me.roles, factors: me.factors, address: request.ip };
      return {
        targets: await deps.myTargets(acting, { all: mayListAll(me) }),
        requests: {
          noticeSeconds: requests.noticeSeconds,
          maxWindowSeconds: requests.maxWindowSeconds,
          maxAheadSeconds: requests.maxAheadSeconds,
          ticketNeeded: requests.ticketPattern !== undefined,
        },
        emergency: { named: deps.access.mayBreakGlass(acting), maxSeconds: breakGlass.maxSeconds },
        sshPort: deps.sshPort(),
        now: new Date(deps.access.nowMs()).toISOString(),
      };
    },
  });
}
