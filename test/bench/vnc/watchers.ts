// Viewers that only look, in a process of their own: each asks for the next update as soon as it may. Takes the ways as
// JSON, prints `ready`, and counts updates; each line it is given is answered with the updates so far.
import { createInterface } from "node:readline";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { RfbClient, type Way } from "./rfb-client.ts";

const askEveryMs = 33;
let updates = 0;

async function look(way: Way): Promise<void> {
  const client = await RfbClient.connect(way, [encoding.zrle, encoding.copyRect, encoding.cursor]);
  if (client.format === undefined) throw new Error("a viewer without a pixel format");
  const framer = new ServerFramer(client.format, client, {
    updated: () => {
      updates++;
      setTimeout(() => client.ask(true), askEveryMs);
    },
  });
  client.handOn((bytes) => void framer.push(bytes));
  client.stream.once("close", () => process.exit(1));
  client.ask(false);
}

await Promise.all((JSON.parse(process.argv[2] ?? "[]") as Way[]).map(look));
console.log("ready");
for await (const _line of createInterface(process.stdin)) console.log(JSON.stringify(updates));
