// Requests to upgrade to a WebSocket: they go through hooks and routes like any other, and what their route finds here is
// theirs to take over.
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../../shared/errors.ts";

interface Upgrade {
  socket: Duplex;
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Before the routes are added: a request to upgrade goes through them like any other. */
export function takeUpgrades(app: FastifyInstance): void {
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => undefined);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once("finish", () => {
      response.detachSocket(socket as Socket);
      socket.end();
    });
    upgrades.set(request, { socket, head });
    app.routing(request, response);
  });
}

export function takeUpgradeOf(request: FastifyRequest, op: string): Upgrade {
  const upgrade = upgrades.get(request.raw);
  if (upgrade !== undefined && request.headers.upgrade?.toLowerCase() === "websocket") return upgrade;
  throw new AppError("REQUEST_INVALID", "this address takes WebSockets only", { op });
}
