// The way to a live session's tail: a WebSocket. The upgrade passes the same hooks as every request before its route looks
// at the origin, at what the person may see, and writes who watches into the audit log; then the watch is the door's.
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { contentReaders } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { findSignedIn, requireOwnPage } from "./security.ts";
import { takeUpgradeOf } from "./upgrades.ts";
import { visibleRecording } from "./visible-recording.ts";

/** Of a page that shows many sessions: whoever looks at it escorts none of them. */
const WatchQuery = z.strictObject({ escort: z.enum(["no"]).optional() });
const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a session's id") });

/** Pages of one sign-in ask together. */
const answerHoldsMs = 1000;

type Answer = "signed-out" | "not-allowed" | null;

export function addWatchRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const answers = new Map<string, { atMs: number; answer: Promise<Answer> }>();

  const ask = async (request: FastifyRequest, isUsed: boolean, escorts: boolean): Promise<Answer> => {
    const now = await findSignedIn(request, deps, isUsed);
    if (now === null || now.mustChangePassword || now.mustEnrol) return "signed-out";
    // Whoever may still look on, but escorts nobody any more, has to begin anew: as what they joined they count.
    if (escorts && !mayEscort(now)) return "not-allowed";
    return now.roles.some((role) => contentReaders.includes(role)) ? null : "not-allowed";
  };

  const whyNot = (request: FastifyRequest, webSession: string, isUsed: boolean, escorts: boolean): Promise<Answer> => {
    const key = `${webSession} ${isUsed} ${escorts}`;
    const known = answers.get(key);
    if (known !== undefined && Date.now() - known.atMs < answerHoldsMs) return known.answer;
    for (const [other, { atMs }] of answers) if (Date.now() - atMs >= answerHoldsMs) answers.delete(other);
    const answer = ask(request, isUsed, escorts);
    answers.set(key, { atMs: Date.now(), answer });
    return answer;
  };

  addRoute(app, {
    method: "GET",
    url: "/sessions/:id/watch",
    tokens: "never",
    access: contentReaders,
    summary:
      "A live session as it goes on: a WebSocket, described in docs/live-sessions.md; only from the portal's own pages.",
    tag: "sessions",
    params: ById,
    query: WatchQuery,
    response: { contentTypes: ["application/octet-stream"] },
    handler: async ({ me, params, query, request, reply }) => {
      const upgrade = takeUpgradeOf(request, "api.watch");
      requireOwnPage(request);
      await visibleRecording(deps, me, params.id);
      if (!deps.sessions.list().some(({ session }) => session === params.id)) {
        throw new AppError("REQUEST_NOT_FOUND", "this session is not live any more: its recording shows it", {
          op: "api.watch",
        });
      }
      deps.watches.checkRoom(params.id, me.name);
      await deps.audit.append({
        actor: me.name,
        action: "session.watch",
        subject: params.id,
        address: request.ip,
        details: { signIn: me.webSessionId },
      });
      // Others may have come in while that was written.
      deps.watches.checkRoom(params.id, me.name);
      const escorts = mayEscort(me) && query.escort !== "no";
      reply.hijack();
      reply.raw.detachSocket(upgrade.socket as Socket);
      deps.watches.upgrade(request.raw, upgrade.socket, upgrade.head, {
        session: params.id,
        person: { name: me.name, roles: me.roles },
        escorts,
        whyNot: (isUsed) => whyNot(request, me.webSessionId, isUsed, escorts),
      });
      return reply;
    },
  });
}

/** Of any session at all; whether of this one is judged where the watch is. */
function mayEscort({ roles }: Pick<SignedIn, "roles">): boolean {
  return roles.includes("escort") && !roles.includes("vendor");
}
