// The viewer of the VNC bench's tap part, in a process of its own: connected to the target on every path at once, it
// measures one path after the other, so that a slow moment of the machine falls on all of them. Takes the ways as JSON,
// prints `ready`, then answers each job, a line of JSON, with one.
import { createInterface } from "node:readline";
import { RfbClient, type Way } from "./rfb-client.ts";
import { smallUpdate, updateBytes } from "./update-sizes.ts";

export type TapJob =
  /** A small update, asked for or brought about by a key: milliseconds of each, by path. */
  | { kind: "latency"; by: "request" | "key"; samples: number }
  /** Updates of one size, so many asked for ahead: bytes a second. */
  | { kind: "throughput"; path: string; width: number; height: number; ahead: number; bytes: number };

const clients = new Map<string, RfbClient>();
for (const [path, way] of Object.entries(JSON.parse(process.argv[2] ?? "{}") as Record<string, Way>)) {
  clients.set(path, await RfbClient.connect(way, [0]));
}
console.log("ready");
for await (const line of createInterface(process.stdin)) {
  const job = JSON.parse(line) as TapJob;
  console.log(JSON.stringify(job.kind === "latency" ? await latencies(job) : await throughput(job)));
}
for (const client of clients.values()) client.close();

async function latencies({ by, samples }: Extract<TapJob, { kind: "latency" }>): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = Object.fromEntries([...clients.keys()].map((path) => [path, []]));
  const warmUps = Math.min(50, samples);
  for (let sample = -warmUps; sample < samples; sample++) {
    for (const [path, client] of clients) {
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 2));
      const sentAt = performance.now();
      if (by === "key") client.send(key(true));
      else client.ask(true, 0, 0, smallUpdate.width, smallUpdate.height);
      await client.skip(updateBytes(smallUpdate));
      const tookMs = performance.now() - sentAt;
      if (by === "key") client.send(key(false));
      if (sample >= 0) found[path]?.push(Math.round(tookMs * 10_000) / 10_000);
    }
  }
  return found;
}

async function throughput(job: Extract<TapJob, { kind: "throughput" }>): Promise<number> {
  const client = clients.get(job.path);
  if (client === undefined) throw new Error(`there is no path ${job.path}`);
  const { width, height } = job;
  const one = updateBytes(job);
  const updates = Math.max(job.ahead, Math.ceil(job.bytes / one));
  const startedAt = performance.now();
  for (let asked = 0; asked < job.ahead; asked++) client.ask(true, 0, 0, width, height);
  for (let got = 0; got < updates; got++) {
    await client.skip(one);
    if (got + job.ahead < updates) client.ask(true, 0, 0, width, height);
  }
  return (updates * one) / ((performance.now() - startedAt) / 1000);
}

function key(down: boolean): Buffer {
  return Buffer.from([4, down ? 1 : 0, 0, 0, 0, 0, 0, 0x61]);
}
