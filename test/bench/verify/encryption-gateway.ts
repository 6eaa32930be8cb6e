// Bulk through two gateways that differ in encryption alone, with an ordinary SSH client.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { newIdentity } from "../../support/encryption.ts";
import { type BenchContext, type Figure, figure, interleaved, median } from "../harness.ts";
import { startTopology, type Topology } from "../ssh/topology.ts";
import { cpuMs, settled } from "../vnc/child.ts";

const goal = { measure: "ratio", at: "least", bound: 0.95 } as const;

export async function encryptionOfGateway(
  directory: string,
  mib: number,
  rounds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  const [one, two] = [await newIdentity(), await newIdentity()];
  const stage = async (name: string, config: Record<string, unknown>) => {
    mkdirSync(join(directory, name), { recursive: true });
    return startTopology(join(directory, name), mib * 1024 * 1024, undefined, config);
  };
  const encrypted = await stage("encrypted", { encryption: { recipients: [one.recipient, two.recipient] } });
  const plain = await stage("plain", {});
  try {
    const figures: Figure[] = [];
    const measure = async (name: string, work: (stage: Topology) => Promise<number>) => {
      const spent = { encrypted: [] as number[], plain: [] as number[] };
      const timed = async (stage: Topology, times: number[]) => {
        const from = cpuMs(pidOf(stage));
        const rate = await work(stage);
        times.push((cpuMs(pidOf(stage)) - from) / (stage.fileBytes / 1e6));
        // What it does afterwards with what was recorded, such as reading it for the search, is no cost of the next one.
        await settled(pidOf(encrypted));
        await settled(pidOf(plain));
        return rate;
      };
      const samples = await interleaved(
        { encrypted: () => timed(encrypted, spent.encrypted), plain: () => timed(plain, spent.plain) },
        rounds,
      );
      log(`${name}: encrypted ${samples.encrypted.map(Math.round)}, plain ${samples.plain.map(Math.round)} MB/s`);
      figures.push(figure(`${name}, encrypted`, "MB/s", median(samples.encrypted), median(samples.plain), goal));
      const times = [median(spent.encrypted), median(spent.plain)] as const;
      figures.push(figure(`${name}, encrypted: processor time until it is stored`, "ms/MB", ...times));
    };
    await measure("bulk download, text", (stage) => download(stage, stage.textFile));
    await measure("bulk download, binary", (stage) => download(stage, stage.binaryFile));
    await measure("bulk upload, text", (stage) => upload(stage, stage.textFile));
    await measure("bulk upload, binary", (stage) => upload(stage, stage.binaryFile));
    return figures;
  } finally {
    await encrypted.stop();
    await plain.stop();
  }
}

const pidOf = (stage: Topology) => stage.service.process.pid ?? 0;

async function download(stage: Topology, file: string): Promise<number> {
  const rate = await megabytesPerSecond(stage, [`cat ${file}`], null);
  await everythingStored(stage);
  return rate;
}

async function upload(stage: Topology, file: string): Promise<number> {
  const rate = await megabytesPerSecond(stage, ["cat > /dev/null"], file);
  await everythingStored(stage);
  return rate;
}

async function megabytesPerSecond(stage: Topology, command: string[], from: string | null): Promise<number> {
  const startedAt = performance.now();
  const child = spawn("ssh", ["-F", stage.clientConfig, "gateway", ...command], {
    stdio: [from === null ? "ignore" : "pipe", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  if (from !== null && child.stdin !== null) createReadStream(from, { highWaterMark: 1 << 20 }).pipe(child.stdin);
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`ssh ended with ${code}`);
  return stage.fileBytes / 1e6 / ((performance.now() - startedAt) / 1000);
}

/** What the gateway still does for one transfer must not slow the next. */
async function everythingStored(stage: Topology): Promise<void> {
  const spool = join(stage.service.directory, "data", "spool");
  const waits = () => readdirSync(spool).some((name) => /^[0-9a-f]{8}-/.test(name));
  for (const until = performance.now() + 60_000; waits(); ) {
    if (performance.now() > until) throw new Error(`recordings still wait in ${spool} after a minute`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
