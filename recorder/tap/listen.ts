// A gateway's TCP listener brought to its address; the port that was found where 0 was asked for.
import type { Server } from "node:net";
import { acceptThroughBalancers } from "./balancers.ts";
import type { ListenAddress } from "./tap.ts";

const backlog = 511;

export function listenAt(
  server: Server,
  { host, port, balancers }: ListenAddress,
): Promise<{ host: string; port: number }> {
  if (balancers !== undefined) acceptThroughBalancers(server, balancers);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog }, () => {
      server.removeListener("error", reject);
      const bound = server.address();
      resolve({ host, port: typeof bound === "object" && bound !== null ? bound.port : port });
    });
  });
}
