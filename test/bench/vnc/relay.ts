// A plain TCP relay in a process of its own: what any proxy costs that only passes bytes on. `relay.ts TARGET_PORT` prints
// the port it listens on.
import { type AddressInfo, connect, createServer } from "node:net";

const targetPort = Number(process.argv[2]);

const server = createServer({ noDelay: true }, (viewer) => {
  const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
  for (const socket of [viewer, target]) socket.on("error", () => socket.destroy());
  viewer.pipe(target);
  target.pipe(viewer);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
