// `npm run bench -- scale`: how the service grows with its sessions, up to 1,000 of them on this machine: processor time and
// memory a session, what a key then takes, and what a session-hour costs in the store. Sessions, their client and the
// target's sshd share the machine, so a key's time includes theirs; processor time and memory are the service's own.
// `--set` takes: sessions=10+100+300+1000, seconds=N (of typing at each size, 20 if not said).
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchContext, type Figure, figure, percentile } from "./harness.ts";
import { startTopology, type Topology } from "./ssh/topology.ts";
import { everythingStored, residentMegabytes, startTypists } from "./ssh/typists.ts";
import { cpuMs } from "./vnc/child.ts";

/** Somebody who types without a rest. */
const keysPerSecond = 2;
const settleMs = 5000;

function bytesUnder(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Stored bytes of the recordings that a number of sessions leaves after so many seconds of typing. */
async function stored(stage: Topology, sessions: number, seconds: number): Promise<number> {
  const recordings = join(stage.service.directory, "data", "store", "recordings");
  await everythingStored(stage);
  const before = existsSync(recordings) ? bytesUnder(recordings) : 0;
  const typists = await startTypists(stage, "gateway", sessions, keysPerSecond);
  if (seconds > 0) await typists.type(seconds);
  await typists.end();
  await everythingStored(stage);
  return (bytesUnder(recordings) - before) / sessions;
}

export async function run(context: BenchContext): Promise<Figure[]> {
  const counts = (context.settings["sessions"] ?? "10+100+300+1000").split("+").map(Number);
  const seconds = Number(context.settings["seconds"] ?? 20);
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-scale-"));
  const stage = await startTopology(directory, 1 << 20, undefined, {
    limits: { maxConnections: 2000, maxUnauthenticated: 1000 },
  });
  try {
    const pid = stage.service.process.pid ?? 0;
    // The engine has compiled what it runs, and what is opened once is open.
    await stored(stage, 20, 10);
    const figures: Figure[] = [];
    const [short, long] = [await stored(stage, 5, 1), await stored(stage, 5, 61)];
    const hourly = ((long - short) / 60) * 3600;
    figures.push(
      figure("a session's store, whatever is done in it", "kB", short / 1e3, null),
      figure(`a session-hour's store, ${keysPerSecond} keys a second and their echo`, "MB", hourly / 1e6, null),
    );
    const empty = residentMegabytes(pid);
    for (const sessions of counts) {
      const typists = await startTypists(stage, "gateway", sessions, keysPerSecond);
      await sleep(settleMs);
      const idleFrom = cpuMs(pid);
      await sleep(settleMs);
      const idle = (cpuMs(pid) - idleFrom) / (settleMs / 1000);
      const before = cpuMs(pid);
      const latenciesMs = await typists.type(seconds);
      // By key: where the machine is full, fewer are typed than were meant.
      const perKey = (cpuMs(pid) - before) / latenciesMs.length;
      const megabytes = residentMegabytes(pid) - empty;
      await typists.end();
      await everythingStored(stage);
      const many = `${sessions} sessions`;
      context.log(`${many}: ${latenciesMs.length} keys, ${megabytes.toFixed(0)} MB`);
      figures.push(
        figure(`${many}: processor time a key and its echo`, "ms", perKey, null),
        figure(
          `${many}: sessions a core, each typing ${keysPerSecond} keys a second`,
          "",
          1000 / (perKey * keysPerSecond),
          null,
        ),
        figure(`${many}: processor time a session-second, idle`, "ms", idle / sessions, null),
        figure(`${many}: memory a session`, "MB", megabytes / sessions, null),
        figure(`${many}: echo p50`, "ms", percentile(latenciesMs, 50), null),
        figure(`${many}: echo p99`, "ms", percentile(latenciesMs, 99), null),
      );
    }
    return figures;
  } finally {
    await stage.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
