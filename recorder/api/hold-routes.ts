// Retention of a recording, and its legal holds: placed by one, released by two. Each step is in the audit and the ledger
// before it counts.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { Hold, HoldList, PlaceHold, RecordingRetention, ReleaseHold } from "../../shared/api/retention.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { exporters, holders } from "./roles.ts";
import { addRoute } from "./route.ts";
import { visibleRecording } from "./visible-recording.ts";

const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a recording's id") });
const ByHold = ById.extend({ hold: z.string().regex(/^[0-9a-f]{8}$/, "not a hold's id") });

export function addHoldRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/holds",
    access: exporters,
    summary: "Legal holds that are not released, newest first.",
    tag: "retention",
    response: HoldList,
    handler: async () => ({ holds: await deps.retention.holds() }),
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/holds",
    access: exporters,
    summary: "Until when a recording is kept, and its legal holds, released ones as well.",
    tag: "retention",
    params: ById,
    response: RecordingRetention,
    handler: async ({ me, params }) => {
      await visibleRecording(deps, me, params.id);
      return deps.retention.of(params.id);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/holds",
    tokens: "act",
    access: holders,
    summary: "Places a legal hold: nothing of the recording goes until it is released.",
    tag: "retention",
    params: ById,
    body: PlaceHold,
    response: Hold,
    handler: async ({ me, params, body, request }) => {
      await visibleRecording(deps, me, params.id);
      return deps.retention.place(params.id, body, { name: me.name, address: request.ip });
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/holds/:hold/release",
    access: holders,
    summary: "A step of a release: one person asks, another one confirms or refuses.",
    tag: "retention",
    params: ByHold,
    body: ReleaseHold,
    response: Hold,
    handler: async ({ me, params, body, request }) => {
      await visibleRecording(deps, me, params.id);
      return deps.retention.release(params.id, params.hold, body, { name: me.name, address: request.ip });
    },
  });
}
