// Live sessions, targets, the audit log and the public signing keys.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  AuditPage,
  AuditQuery,
  Freeze,
  type LiveSession,
  OpenableTargetList,
  SafeTermination,
  SessionList,
  SigningKeyList,
  TargetList,
  Terminate,
} from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { auditReaders, mayListAll, targetReaders, terminators } from "./roles.ts";
import { addRoute } from "./route.ts";

const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a session's id") });

export function addOperationRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/sessions",
    access: "signed-in",
    head: true,
    summary: "Live sessions; a vendor sees only his own.",
    tag: "sessions",
    response: SessionList,
    handler: async ({ me }) => {
      const items = deps.sessions.list();
      return {
        items: mayListAll(me)
          ? items
          : items.filter((item) => item.person.toLowerCase() === me.name.toLowerCase()).map(asItsPersonSees),
      };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/sessions/:id/terminate",
    tokens: "act",
    access: terminators,
    summary:
      "End a live session at once; or freeze it but for its open transfers, and say what runs. The reason is told to the person and kept.",
    tag: "sessions",
    params: ById,
    body: Terminate,
    response: SafeTermination,
    handler: async ({ me, params, body, request, reply }) => {
      const { reason, mode } = body;
      const now = mode === "now";
      // Written first: a termination that is carried out is in the audit even if the service ends in between.
      await deps.audit.append({
        actor: me.name,
        action: "session.terminate",
        subject: params.id,
        address: request.ip,
        details: { reason, ...(now ? {} : { mode }) },
      });
      const running = now
        ? (await deps.sessions.terminate(params.id, me.name, reason)) && []
        : ((await deps.sessions.endSafely(params.id, me.name, reason, mode === "when-finished")) ?? false);
      if (running === false) {
        throw new AppError("REQUEST_NOT_FOUND", "no such session is live; it may have ended already", {
          op: "api.terminate",
        });
      }
      return now ? reply.code(204).send() : { running };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/sessions/:id/freeze",
    tokens: "act",
    access: terminators,
    summary: "Hold a live session's input back; its output goes on. The reason is told to the person and kept.",
    tag: "sessions",
    params: ById,
    body: Freeze,
    response: null,
    handler: async ({ me, params, body, request }) => {
      const { reason } = body;
      const entry = { actor: me.name, subject: params.id, address: request.ip, details: { reason } };
      await deps.audit.append({ ...entry, action: "session.freeze" });
      if (!(await deps.sessions.freeze(params.id, me.name, reason))) throw notInThatState("frozen already");
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/sessions/:id/unfreeze",
    access: terminators,
    summary:
      "Let a frozen session go on. One that awaits its escort is released by an escort alone, and never by its person.",
    tag: "sessions",
    params: ById,
    response: null,
    handler: async ({ me, params, request }) => {
      const entry = { actor: me.name, subject: params.id, address: request.ip, details: {} };
      await deps.audit.append({ ...entry, action: "session.unfreeze" });
      if (!(await deps.sessions.unfreeze(params.id, { name: me.name, roles: me.roles }))) {
        throw notInThatState("not frozen");
      }
      return undefined;
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/targets",
    access: targetReaders,
    head: true,
    summary: "The targets that are configured.",
    tag: "targets",
    response: TargetList,
    handler: async () => ({ items: deps.targets() }),
  });

  addRoute(app, {
    method: "GET",
    url: "/me/targets",
    access: "signed-in",
    head: true,
    summary: "The targets that policy lets this person open.",
    tag: "targets",
    response: OpenableTargetList,
    handler: async ({ me }) => ({ items: await deps.targetsOf(me) }),
  });

  addRoute(app, {
    method: "GET",
    url: "/audit",
    access: auditReaders,
    head: true,
    summary: "The audit log, newest first.",
    tag: "audit",
    query: AuditQuery,
    response: AuditPage,
    handler: ({ query }) => deps.audit.list(query),
  });

  addRoute(app, {
    method: "GET",
    url: "/keys",
    access: "signed-in",
    head: true,
    summary: "The recorder's public signing keys, for verification elsewhere.",
    tag: "keys",
    response: SigningKeyList,
    handler: async () => ({ items: deps.signingKeys() }),
  });
}

/** Not who looks on and when nobody does, not which patterns were found, not how the service stands. */
function asItsPersonSees({ escort: _escort, watchers: _watchers, health, ...item }: LiveSession): LiveSession {
  const { checks: _checks, ...own } = health ?? {};
  return {
    ...item,
    alarms: [],
    ...(health === undefined ? {} : { health: own as NonNullable<LiveSession["health"]> }),
  };
}

function notInThatState(state: string): AppError {
  return new AppError("REQUEST_CONFLICT", `no such session is live, or it is ${state}`, { op: "api.sessions" });
}
