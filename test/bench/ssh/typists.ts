// Sessions that type: processes of echo-client.ts, directly, through OpenSSH's jump host, or through the gateway.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Path, Topology } from "./topology.ts";

export interface Typists {
  /** Milliseconds that each key took to come back. */
  type(seconds: number): Promise<number[]>;
  end(): Promise<void>;
}

export async function startTypists(stage: Topology, path: Path, sessions: number, keysPerSecond = 5): Promise<Typists> {
  const job = {
    host: "127.0.0.1",
    port: path === "gateway" ? stage.service.sshPort : stage.targetPort,
    username: path === "gateway" ? "bench+target" : "root",
    privateKeyFile: stage.clientKey,
    // What OpenSSH makes of -J: a second ssh that passes the connection on.
    proxy: path === "jumped" ? ["ssh", "-F", stage.clientConfig, "-W", `127.0.0.1:${stage.targetPort}`, "jump"] : null,
    sessions,
    keysPerSecond,
  };
  const script = fileURLToPath(new URL("./echo-client.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(job)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the typist of ${sessions} sessions, ${path}, has ended`);
    return value;
  };
  await nextLine();
  return {
    async type(seconds) {
      child.stdin.write(`${seconds}\n`);
      const { latenciesMs } = JSON.parse(await nextLine()) as { latenciesMs: number[] };
      return latenciesMs;
    },
    async end() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

export async function typedOnce(
  stage: Topology,
  path: Path,
  sessions: number,
  seconds: number,
  keysPerSecond?: number,
) {
  const typists = await startTypists(stage, path, sessions, keysPerSecond);
  const latenciesMs = await typists.type(seconds);
  await typists.end();
  return latenciesMs;
}

export function residentMegabytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? Number.NaN) / 1024;
}

/** What the gateway still does for its own transfer must not slow the next one of another path. */
export async function everythingStored(stage: Topology, liveSessions = 0): Promise<void> {
  const spool = join(stage.service.directory, "data", "spool");
  const kept = new Set(["journal", "damaged"]);
  const recordings = () =>
    readdirSync(spool, { withFileTypes: true }).filter((it) => it.isDirectory() && !kept.has(it.name));
  const waits = () => recordings().length > liveSessions;
  for (const until = performance.now() + 60_000; waits(); ) {
    if (performance.now() > until) throw new Error(`recordings still wait in ${spool} after a minute`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
