// The demo HMI in a process of its own, with somebody who operates it. Prints its port.
import { connect } from "node:net";
import { startHmi } from "../../../recorder/cli/demo/hmi/hmi.ts";
import { playHmi } from "../../../recorder/cli/demo/hmi/script.ts";

const hmi = await startHmi({ port: 0 });
console.log(hmi.port);
console.log(hmi.password);
for (;;) {
  const open = async () => connect(hmi.port, hmi.host);
  await playHmi({ open, password: hmi.password, signal: new AbortController().signal, connected: async () => {} });
}
