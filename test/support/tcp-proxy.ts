// A network in between: passes bytes on, and may change them or cut the connection.
import { connect, createServer, type Socket } from "node:net";

export interface ProxyRules {
  /** Sees each chunk on its way; gives it back (changed or not), or null to cut both sides. */
  request?: (chunk: Buffer) => Buffer | null;
  response?: (chunk: Buffer) => Buffer | null;
}

export interface TcpProxy {
  port: number;
  rules: ProxyRules;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    const cut = () => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", cut);
      socket.on("close", () => {
        sockets.delete(socket);
        cut();
      });
    }
    const pass = (from: Socket, to: Socket, rule: () => ProxyRules["request"]) => {
      from.on("data", (chunk) => {
        const changed = rule()?.(chunk as Buffer);
        if (changed === null) cut();
        else to.write(changed ?? chunk);
      });
      from.on("end", () => to.end());
    };
    pass(client, target, () => proxy.rules.request);
    pass(target, client, () => proxy.rules.response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: TcpProxy = {
    port: (server.address() as { port: number }).port,
    rules: {},
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
