// Connections at the end of the service: those without a request close at once (browsers open some ahead, which Node
// itself would wait for), the others when their answer is out, and all of them after a grace.
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

const graceMs = 5_000;

export function closeConnectionsInTime(app: FastifyInstance): void {
  const open = new Map<Socket, number>();
  let closing = false;
  const know = (socket: Socket) => {
    if (open.has(socket)) return;
    open.set(socket, 0);
    socket.once("close", () => open.delete(socket));
  };
  const count = (socket: Socket, change: number) => {
    const requests = (open.get(socket) ?? 0) + change;
    if (open.has(socket)) open.set(socket, requests);
    if (closing && requests <= 0) socket.destroySoon();
  };
  // Over TLS a request's socket is the encrypted one; the plain one below it closes with it.
  app.server.on(app.initialConfig.https === undefined ? "connection" : "secureConnection", know);
  app.server.on("request", (request, response) => {
    const { socket } = request;
    know(socket);
    count(socket, 1);
    response.once("close", () => count(socket, -1));
  });
  app.addHook("preClose", async () => {
    closing = true;
    for (const [socket, requests] of open) if (requests <= 0) socket.destroy();
    setTimeout(() => {
      for (const socket of open.keys()) socket.destroy();
    }, graceMs).unref();
  });
}
