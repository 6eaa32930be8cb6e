// For balancers and service managers: `/healthz`, the process answers; `/readyz`, a session would be taken now. One word to
// anybody; which part is not ready, the log and the metrics' listener say.
import type { FastifyInstance } from "fastify";
import type { ApiDeps } from "./deps.ts";
import { addPublicRoute } from "./route.ts";

export function addProbes(app: FastifyInstance, deps: ApiDeps): void {
  const response = { contentTypes: ["text/plain"] };
  addPublicRoute(app, {
    method: "GET",
    url: "/healthz",
    access: "public",
    head: true,
    summary: "200 while the process answers.",
    tag: "service",
    response,
    handler: async ({ reply }) =>
      reply.type("text/plain; charset=utf-8").header("cache-control", "no-store").send("alive\n"),
  });
  addPublicRoute(app, {
    method: "GET",
    url: "/readyz",
    access: "public",
    head: true,
    summary: "200 while a session would be taken now, 503 otherwise: while it starts, drains, or cannot record.",
    tag: "service",
    response,
    handler: async ({ reply }) => {
      const ready = (await deps.ready?.())?.ready ?? true;
      void reply
        .code(ready ? 200 : 503)
        .type("text/plain; charset=utf-8")
        .header("cache-control", "no-store");
      return reply.send(ready ? "ready\n" : "not ready\n");
    },
  });
}
