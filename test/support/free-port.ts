import { type AddressInfo, connect, createServer } from "node:net";
import { waitFor } from "./wait-for.ts";

/**
 * A TCP port that was free on 127.0.0.1 a moment ago. For programs that cannot listen on port 0 themselves;
 * our own servers should listen on 0 and say what they got.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves once something accepts connections on the port. */
export async function waitForPort(port: number, timeoutMs = 15_000): Promise<void> {
  await waitFor(() => accepts(port), { what: `a listener on 127.0.0.1:${port}`, timeoutMs });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
