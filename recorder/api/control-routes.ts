// What people of the plant say to live sessions and write beside them, and the kill switch.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  ConfirmAnswer,
  SessionMark,
  SessionMessage,
  SetStop,
  StopList,
  StopScope,
  StopSet,
} from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import { hasSecondFactor } from "../../shared/policy/factor.ts";
import type { ApiDeps } from "./deps.ts";
import { confirmers, mayListAll, stopLifters, terminators } from "./roles.ts";
import { addRoute } from "./route.ts";
import { requireConfirmed } from "./security.ts";

const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a session's id") });
const ByConfirmation = ById.extend({ n: z.coerce.number().int().positive() });
const ByScope = z.strictObject({ scope: StopScope });
const LiftQuery = z.strictObject({ reason: z.string().trim().max(200).default("") });
/** So long a fresh code counts for lifting a stop. */
const freshSeconds = 5 * 60;

export function addControlRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "POST",
    url: "/sessions/:id/message",
    tokens: "act",
    access: terminators,
    summary: "Tell the person of a live session something, in the terminal or over the screen; it is kept.",
    tag: "sessions",
    params: ById,
    body: SessionMessage,
    response: null,
    handler: async ({ me, params, body, request }) => {
      const { text } = body;
      if (!(await deps.sessions.message(params.id, me.name, text))) throw notLive();
      const entry = { actor: me.name, subject: params.id, address: request.ip };
      await deps.audit.append({ ...entry, action: "session.message", details: { text } });
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/sessions/:id/marks",
    tokens: "act",
    access: terminators,
    summary: "A note or a bookmark on the timeline of a live session, for now or for a moment that has passed.",
    tag: "sessions",
    params: ById,
    body: SessionMark,
    response: null,
    handler: async ({ me, params, body, request }) => {
      if (!(await deps.sessions.mark(params.id, me.name, body))) throw notLive();
      const entry = { actor: me.name, subject: params.id, address: request.ip };
      await deps.audit.append({ ...entry, action: `session.${body.kind}`, details: {} });
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/sessions/:id/confirmations/:n",
    access: confirmers,
    summary: "Agree to what waits in a live session, or not: what the policy wants somebody else to confirm.",
    tag: "sessions",
    params: ByConfirmation,
    body: ConfirmAnswer,
    response: null,
    handler: async ({ me, params, body, request }) => {
      if (!(await deps.sessions.confirm(params.id, params.n, me, body))) {
        const message = "nothing waits under this number any more; it was answered, or its time is over";
        throw new AppError("REQUEST_CONFLICT", message, { op: "api.confirm" });
      }
      const entry = { actor: me.name, subject: params.id, address: request.ip };
      await deps.audit.append({ ...entry, action: "session.confirm", details: { n: params.n, ...body } });
      return undefined;
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/stops",
    access: "signed-in",
    head: true,
    summary: "What is stopped: of all sessions, or of those through a conduit. A vendor is told of the first alone.",
    tag: "stops",
    response: StopList,
    handler: async ({ me }) => {
      const items = deps.stops.list();
      return { items: mayListAll(me) ? items : items.filter(({ scope }) => scope === "all") };
    },
  });

  addRoute(app, {
    method: "PUT",
    url: "/stops/:scope",
    access: terminators,
    summary:
      "Stop every session of the scope at once, `all` or `conduit:ID`, and let none begin until that is lifted. Holds over a restart.",
    tag: "stops",
    params: ByScope,
    body: SetStop,
    response: StopSet,
    handler: ({ me, params, body, request }) =>
      deps.stops.set(params.scope, body, { name: me.name, address: request.ip }),
  });

  addRoute(app, {
    method: "DELETE",
    url: "/stops/:scope",
    access: stopLifters,
    summary: "Lift a stop. What it froze stays frozen until somebody releases it.",
    tag: "stops",
    params: ByScope,
    query: LiftQuery,
    response: null,
    handler: async ({ me, params, query, request }) => {
      // It lets people in again, as an approval does.
      if (hasSecondFactor(me.factors)) requireConfirmed(me, freshSeconds);
      await deps.stops.lift(params.scope, query.reason, { name: me.name, address: request.ip });
      return undefined;
    },
  });
}

function notLive(): AppError {
  return new AppError("REQUEST_NOT_FOUND", "no such session is live; it may have ended already", {
    op: "api.controls",
  });
}
