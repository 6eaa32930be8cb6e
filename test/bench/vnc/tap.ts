// The tap part of the VNC bench: what the gateway adds to a small update's way, to a key's, and what it lets through,
// against a plain TCP relay for native viewers and against websockify for browsers. Recording is on throughout.
import { type BenchContext, type Figure, figure, median, percentile } from "../harness.ts";
import { Child, settled } from "./child.ts";
import { type Path, paths, startTapStage } from "./stage.ts";
import type { TapJob } from "./tap-viewer.ts";
import { smallUpdate } from "./update-sizes.ts";

type ByPath<T> = Record<Path, T>;

interface Sizes {
  samples: number;
  rounds: number;
  largeBytes: number;
  smallBytes: number;
}

export async function tap(context: BenchContext, directory: string): Promise<Figure[]> {
  const quick = context.settings["quick"] !== undefined;
  const sizes: Sizes = quick
    ? { samples: 100, rounds: 1, largeBytes: 32e6, smallBytes: 4e6 }
    : { samples: 600, rounds: 3, largeBytes: 96e6, smallBytes: 16e6 };
  const stage = await startTapStage(directory);
  try {
    const viewer = Child.script(new URL("./tap-viewer.ts", import.meta.url), JSON.stringify(await stage.ways()));
    try {
      await viewer.line();
      const pid = stage.service.process.pid ?? 0;
      return [
        ...(await latency(viewer, "request", sizes)),
        ...(await latency(viewer, "key", sizes)),
        ...(await throughput(viewer, pid, sizes)),
      ];
    } finally {
      await viewer.stop();
    }
  } finally {
    await stage.stop();
  }
}

async function latency(viewer: Child, by: "request" | "key", { samples }: Sizes): Promise<Figure[]> {
  const job: TapJob = { kind: "latency", by, samples };
  const found = (await viewer.ask(job)) as ByPath<number[]>;
  const what = by === "request" ? "update asked for" : "update after a key, which is durable before it is passed on";
  const figures: Figure[] = [];
  for (const [p, bound] of [
    [50, 0.2],
    [95, 0.5],
  ] as const) {
    const at = (path: Path) => percentile(found[path], p);
    const goal = { measure: "difference", at: "most", bound } as const;
    const name = `tap: ${what}, p${p}`;
    figures.push(
      figure(`${name}, against a relay`, "ms", at("gateway"), at("relay"), by === "request" ? goal : undefined),
      figure(`${name}, browser, against websockify`, "ms", at("gatewayWs"), at("websockify")),
      figure(`${name}, relay against direct`, "ms", at("relay"), at("direct")),
    );
  }
  return figures;
}

async function throughput(viewer: Child, pid: number, sizes: Sizes): Promise<Figure[]> {
  const figures: Figure[] = [];
  const kinds = [
    { name: "updates of 1 KB, 64 asked for ahead", ...smallUpdate, ahead: 64, bytes: sizes.smallBytes },
    { name: "whole screens, Raw", width: 1280, height: 800, ahead: 2, bytes: sizes.largeBytes },
  ];
  for (const { name, ...kind } of kinds) {
    const found = Object.fromEntries(paths.map((path) => [path, [] as number[]])) as ByPath<number[]>;
    for (let round = -1; round < sizes.rounds; round++) {
      for (const path of paths) {
        const job: TapJob = { kind: "throughput", path, ...kind };
        const bytesPerSecond = (await viewer.ask(job)) as number;
        if (round >= 0) found[path].push(bytesPerSecond / 1e6);
        await settled(pid);
      }
    }
    const of = (path: Path) => median(found[path]);
    figures.push(
      figure(`tap: ${name}, against a relay`, "MB/s", of("gateway"), of("relay")),
      figure(`tap: ${name}, browser, against websockify`, "MB/s", of("gatewayWs"), of("websockify")),
      figure(`tap: ${name}, relay against direct`, "MB/s", of("relay"), of("direct")),
    );
  }
  return figures;
}
