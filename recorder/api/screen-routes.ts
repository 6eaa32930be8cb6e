// A person's way to a target's screen: a ticket, and the WebSocket that it opens. The upgrade passes the same hooks as every
// request (Host, sign-in, role) before its route looks at the origin; the ticket is for the tap to judge.
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { VncTicket, VncTicketRequest } from "../../shared/api/types.ts";
import type { ApiDeps } from "./deps.ts";
import { addRoute } from "./route.ts";
import { requireOwnPage } from "./security.ts";
import { takeUpgradeOf } from "./upgrades.ts";

const ByName = z.strictObject({ name: z.string().min(1).max(64) });

export function addScreenRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "POST",
    url: "/targets/:name/vnc-ticket",
    access: "signed-in",
    summary: "A ticket that opens one session to a VNC target, once and soon.",
    tag: "targets",
    params: ByName,
    body: VncTicketRequest,
    response: VncTicket,
    handler: async ({ me, params, body, request }) => {
      const from = { address: request.ip, software: (request.headers["user-agent"] ?? "").slice(0, 200) };
      const issued = await deps.screens.ticket(me, params.name, body.use, from);
      await deps.audit.append({
        actor: me.name,
        action: "vnc.ticket",
        subject: issued.target,
        address: request.ip,
        details: { use: body.use },
      });
      const userName = `${me.name}+${issued.target}`;
      return { ...issued, userName, ...deps.screens.listener(), path: `/api/v1/targets/${issued.target}/screen` };
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/targets/:name/screen",
    tokens: "never",
    access: "signed-in",
    summary:
      "The target's screen: RFB in a WebSocket. Subprotocols `binary` and `conduit.ticket.TICKET`; only from the portal's own pages.",
    tag: "targets",
    params: ByName,
    response: { contentTypes: ["application/octet-stream"] },
    handler: async ({ me, params, request, reply }) => {
      const upgrade = takeUpgradeOf(request, "api.screen");
      requireOwnPage(request);
      reply.hijack();
      reply.raw.detachSocket(upgrade.socket as Socket);
      deps.screens.upgrade(request.raw, upgrade.socket, upgrade.head, {
        person: { name: me.name, roles: me.roles, factors: me.factors },
        address: request.ip,
        target: params.name,
        encrypted: deps.transport === "https",
      });
      return reply;
    },
  });
}
