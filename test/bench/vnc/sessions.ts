// The sessions part of the VNC bench: processor time of the whole service for an HMI session that is being operated, with
// several at once, and so how many a core carries.
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchContext, type Figure, figure, residentBytes } from "../harness.ts";
import { Child, cpuMs } from "./child.ts";
import { Portal, startVncService } from "./stage.ts";

const viewers = 6;
const warmUpMs = 5000;

export async function sessions(context: BenchContext, directory: string): Promise<Figure[]> {
  const measureMs = context.settings["quick"] === undefined ? 20_000 : 5000;
  const hmi = Child.script(new URL("./hmi-server.ts", import.meta.url));
  try {
    const port = Number(await hmi.line());
    const password = await hmi.line();
    const service = await startVncService(directory, [{ name: "hmi", host: "127.0.0.1", port, password }]);
    try {
      const pid = service.process.pid ?? 0;
      const portal = await Portal.signIn(service);
      await sleep(warmUpMs / 2);
      const idle = await cpuShare(pid, measureMs / 4);
      const memoryBefore = await residentBytes(pid);
      const ways = [];
      for (let i = 0; i < viewers; i++) ways.push(await portal.viewer("hmi"));
      const watchers = Child.script(new URL("./watchers.ts", import.meta.url), JSON.stringify(ways));
      try {
        await watchers.line();
        await sleep(warmUpMs);
        const updatesBefore = (await watchers.ask(null)) as number;
        const busy = await cpuShare(pid, measureMs);
        const updates = ((await watchers.ask(null)) as number) - updatesBefore;
        const perSession = (busy - idle) / viewers;
        const memory = ((await residentBytes(pid)) - memoryBefore) / viewers / 1e6;
        return [
          figure("sessions: CPU of the service for an HMI session", "ms/s", perSession, null),
          figure("sessions: HMI sessions a core", "sessions", 1000 / perSession, null),
          figure("sessions: updates a second of each", "1/s", updates / viewers / (measureMs / 1000), null),
          figure("sessions: memory of an HMI session", "MB", memory, null),
        ];
      } finally {
        await watchers.stop();
      }
    } finally {
      await service.stop();
    }
  } finally {
    await hmi.stop();
  }
}

/** Milliseconds of processor time a second. */
async function cpuShare(pid: number, forMs: number): Promise<number> {
  const before = cpuMs(pid);
  const from = performance.now();
  await sleep(forMs);
  return ((cpuMs(pid) - before) * 1000) / (performance.now() - from);
}
