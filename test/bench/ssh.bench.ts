// `npm run bench -- ssh`: the gateway with recording, hashing and durable-before-forward all on, against OpenSSH's own jump
// host (`ssh -J`) and against a direct connection. All on loopback, interleaved, medians; every path uses aes128-gcm.
// `--set` takes: only=echo+memory+login+flood+throughput (parts), sessions=1+50+200 (of echo), rounds=N (of each part, 3
// if not said; with 1 the whole is three times as short, and its figures are rough), mib=N (size of the files), ciphers=NAME or `default`.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BenchContext, type Bound, type Figure, figure, interleaved, median, percentile } from "./harness.ts";
import { type Path, startTopology, type Topology } from "./ssh/topology.ts";
import { everythingStored, residentMegabytes, startTypists, type Typists, typedOnce } from "./ssh/typists.ts";

const run_ = promisify(execFile);

type Measure = (path: Path) => Promise<number>;

async function medians(
  measure: Measure,
  rounds: number,
  afterGateway: () => Promise<void> = async () => {},
): Promise<Record<Path, number>> {
  const gateway = async () => {
    const sample = await measure("gateway");
    await afterGateway();
    return sample;
  };
  const samples = await interleaved<Path>(
    { direct: () => measure("direct"), jumped: () => measure("jumped"), gateway },
    rounds,
    rounds > 1 ? 1 : 0,
  );
  return { direct: median(samples.direct), jumped: median(samples.jumped), gateway: median(samples.gateway) };
}

async function finish(child: ChildProcess): Promise<void> {
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnargs.join(" ")} ended with ${code}`);
}

async function megabytesPerSecond(bytes: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return bytes / 1e6 / ((performance.now() - startedAt) / 1000);
}

function download(stage: Topology, path: Path, file: string): Promise<number> {
  return megabytesPerSecond(stage.fileBytes, () =>
    finish(spawn("ssh", ["-F", stage.clientConfig, path, `cat ${file}`], { stdio: ["ignore", "ignore", "inherit"] })),
  );
}

function upload(stage: Topology, path: Path, file: string): Promise<number> {
  return megabytesPerSecond(stage.fileBytes, async () => {
    const child = spawn("ssh", ["-F", stage.clientConfig, path, "cat > /dev/null"], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    createReadStream(file, { highWaterMark: 1 << 20 }).pipe(child.stdin);
    await finish(child);
  });
}

function sftp(stage: Topology, path: Path, command: string): Promise<number> {
  return megabytesPerSecond(stage.fileBytes, async () => {
    const child = spawn("sftp", ["-q", "-F", stage.clientConfig, "-b", "-", path], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.stdin.end(`${command}\n`);
    await finish(child);
  });
}

async function logIn(stage: Topology, path: Path): Promise<number> {
  const startedAt = performance.now();
  await finish(spawn("ssh", ["-F", stage.clientConfig, path, "true"], { stdio: ["ignore", "ignore", "inherit"] }));
  return performance.now() - startedAt;
}

async function throughput(stage: Topology, rounds: number, log: BenchContext["log"]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const measure = async (name: string, one: Measure) => {
    const result = await medians(one, rounds, () => everythingStored(stage));
    const [direct, jumped, gateway] = [result.direct, result.jumped, result.gateway].map((rate) => rate.toFixed(0));
    log(`${name}: ${gateway} MB/s, jump host ${jumped}, direct ${direct}`);
    figures.push(
      figure(`${name}, against ssh -J`, "MB/s", result.gateway, result.jumped, {
        measure: "ratio",
        at: "least",
        bound: 1.25,
      }),
      figure(`${name}, against direct`, "MB/s", result.gateway, result.direct),
    );
  };
  await measure("bulk download, text", (path) => download(stage, path, stage.textFile));
  await measure("bulk upload, text", (path) => upload(stage, path, stage.textFile));
  await measure("bulk download, binary", (path) => download(stage, path, stage.binaryFile));
  await measure("bulk upload, binary", (path) => upload(stage, path, stage.binaryFile));
  await measure("sftp get", (path) => sftp(stage, path, `get ${stage.binaryFile} /dev/null`));
  await measure("sftp put", (path) => sftp(stage, path, `put ${stage.binaryFile} /dev/null`));
  return figures;
}

const warmUp = { sessions: 20, keysPerSecond: 25, seconds: 10 };

/**
 * A gateway runs for months: its first keystrokes, before the engine has compiled what it runs, are a row of their own, and
 * what has a goal is measured after a stated number of them.
 */
async function firstKeys(stage: Topology, alone: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  let keys = 0;
  if (alone) {
    const direct = await typedOnce(stage, "direct", 1, 15);
    const gateway = await typedOnce(stage, "gateway", 1, 15);
    keys = gateway.length;
    const name = `keystroke echo p50, 1 session, the first ${keys} keys after the start, against direct`;
    figures.push(figure(name, "ms", percentile(gateway, 50), percentile(direct, 50)));
  }
  const { sessions, seconds, keysPerSecond } = warmUp;
  keys += (await typedOnce(stage, "gateway", sessions, seconds, keysPerSecond)).length;
  return [...figures, figure("warm-up before all figures of echo below", "keys", keys, null)];
}

/** Sessions are opened once, and then type in turn, path by path: so that a slow minute of the machine falls on all paths. */
async function echo(
  stage: Topology,
  counts: readonly number[],
  rounds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const sessions of counts) {
    const many = `${sessions} session${sessions === 1 ? "" : "s"}`;
    // The jump host's two processes a session are too many for more.
    const paths = (["direct", "jumped", "gateway"] as const).filter((path) => path !== "jumped" || sessions <= 50);
    const latencies: Record<Path, number[]> = { direct: [], jumped: [], gateway: [] };
    const typists = new Map<Path, Typists>();
    for (const path of paths) typists.set(path, await startTypists(stage, path, sessions));
    // One session types few keys a second: more time gives the percentiles something to stand on.
    const seconds = sessions === 1 ? 15 : 10;
    for (let round = 1; round <= rounds; round++) {
      for (const [path, typist] of typists) {
        const typed = await typist.type(seconds);
        latencies[path].push(...typed);
        const [p50, p99] = [percentile(typed, 50), percentile(typed, 99)].map((ms) => ms.toFixed(2));
        log(`echo, ${many}, round ${round} of ${rounds}, ${path}: p50 ${p50} ms, p99 ${p99} ms`);
      }
    }
    for (const typist of typists.values()) await typist.end();
    for (const p of [50, 95, 99]) {
      const goal: Bound | undefined =
        sessions === 1 && p === 50
          ? { measure: "difference", at: "most", bound: 1 }
          : sessions === 200 && p === 99
            ? { measure: "value", at: "most", bound: 15 }
            : undefined;
      const ours = percentile(latencies.gateway, p);
      figures.push(
        figure(`keystroke echo p${p}, ${many}, against direct`, "ms", ours, percentile(latencies.direct, p), goal),
      );
      if (latencies.jumped.length > 0) {
        const jumped = percentile(latencies.jumped, p);
        figures.push(figure(`keystroke echo p${p}, ${many}, against ssh -J`, "ms", ours, jumped));
      }
    }
  }
  return figures;
}

async function memory(stage: Topology): Promise<Figure[]> {
  const pid = stage.service.process.pid ?? 0;
  const before = residentMegabytes(pid);
  const typists = await startTypists(stage, "gateway", 200);
  await typists.type(10);
  const perSession = (residentMegabytes(pid) - before) / 200;
  await typists.end();
  return [
    figure("memory a session, 200 sessions typing", "MB", perSession, null, {
      measure: "value",
      at: "most",
      bound: 0.5,
    }),
  ];
}

async function flood(stage: Topology, rounds: number, log: BenchContext["log"]): Promise<Figure[]> {
  const pid = stage.service.process.pid ?? 0;
  const quiet: number[] = [];
  const flooded: number[] = [];
  const growth: number[] = [];
  const typists = await startTypists(stage, "gateway", 20);
  for (let round = 1; round <= rounds; round++) {
    const before = await typists.type(10);
    quiet.push(...before);
    const yes = spawn("ssh", ["-F", stage.clientConfig, "-tt", "gateway", "yes"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const residentBefore = residentMegabytes(pid);
    const beside = await typists.type(10);
    flooded.push(...beside);
    growth.push(residentMegabytes(pid) - residentBefore);
    yes.kill("SIGKILL");
    await once(yes, "exit");
    await everythingStored(stage, 20);
    const [p99, besideP99] = [before, beside].map((typed) => percentile(typed, 99).toFixed(2));
    log(`flood, round ${round} of ${rounds}: p99 ${p99} ms, beside \`yes\` ${besideP99} ms`);
  }
  await typists.end();
  return [
    figure(
      "echo p99 of 20 sessions beside `yes`, against quiet",
      "ms",
      percentile(flooded, 99),
      percentile(quiet, 99),
      {
        measure: "difference",
        at: "most",
        bound: 10,
      },
    ),
    figure("memory grown in 10 s of `yes`", "MB", median(growth), null, { measure: "value", at: "most", bound: 32 }),
  ];
}

export async function run(context: BenchContext): Promise<Figure[]> {
  const rounds = Number(context.settings["rounds"] ?? 3);
  const only = context.settings["only"]?.split("+");
  const wanted = (part: string) => only === undefined || only.includes(part);
  const fileBytes = wanted("throughput") ? Number(context.settings["mib"] ?? 256) << 20 : 1 << 20;
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-ssh-"));
  const stage = await startTopology(directory, fileBytes, context.settings["ciphers"]);
  try {
    await run_("ssh", ["-F", stage.clientConfig, "gateway", "true"]);
    const figures: Figure[] = [];
    const part = async (name: string, measure: () => Promise<Figure[]>) => {
      if (!wanted(name)) return;
      const startedAt = performance.now();
      figures.push(...(await measure()));
      context.log(`${name} took ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    };
    const { log } = context;
    const counts = (context.settings["sessions"] ?? "1+50+200").split("+").map(Number);
    await part("echo", () => firstKeys(stage, counts.includes(1)));
    await part("memory", () => memory(stage));
    await part("login", async () => {
      const times = await medians((path) => logIn(stage, path), rounds * 3);
      return [
        figure("log-in and `true`, against ssh -J", "ms", times.gateway, times.jumped, {
          measure: "ratio",
          at: "most",
          bound: 1.5,
        }),
        figure("log-in and `true`, against direct", "ms", times.gateway, times.direct),
      ];
    });
    await part("echo", () => echo(stage, counts, rounds, log));
    await part("flood", () => flood(stage, rounds, log));
    await part("throughput", () => throughput(stage, rounds, log));
    return figures;
  } finally {
    await stage.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
