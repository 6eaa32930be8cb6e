// `npm run bench -- ssh`: the gateway with recording, hashing and durable-before-forward all on, against OpenSSH's own jump
// host (`ssh -J`) and against a direct connection. All on loopback, interleaved, medians; every path uses aes128-gcm.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type BenchContext, type Bound, type Figure, figure, interleaved, median, percentile } from "./harness.ts";
import { type Path, startTopology, type Topology } from "./ssh/topology.ts";

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

/** What the gateway still does for its own transfer must not slow the next one of another path. */
async function everythingStored(stage: Topology): Promise<void> {
  const spool = join(stage.service.directory, "data", "spool");
  const kept = new Set(["journal", "damaged"]);
  const waits = () => readdirSync(spool, { withFileTypes: true }).some((it) => it.isDirectory() && !kept.has(it.name));
  for (const until = performance.now() + 60_000; waits(); ) {
    if (performance.now() > until) throw new Error(`recordings still wait in ${spool} after a minute`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Typists {
  type(): Promise<number[]>;
}

async function startTypists(
  stage: Topology,
  path: Path,
  sessions: number,
  seconds: number,
  keysPerSecond = 5,
): Promise<Typists> {
  const job = {
    host: "127.0.0.1",
    port: path === "gateway" ? stage.service.sshPort : stage.targetPort,
    username: path === "gateway" ? "bench+target" : "root",
    privateKeyFile: stage.clientKey,
    // What OpenSSH makes of -J: a second ssh that passes the connection on.
    proxy: path === "jumped" ? ["ssh", "-F", stage.clientConfig, "-W", `127.0.0.1:${stage.targetPort}`, "jump"] : null,
    sessions,
    keysPerSecond,
    seconds,
  };
  const script = fileURLToPath(new URL("./ssh/echo-client.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(job)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let printed = "";
  const waiting: { line: (line: string) => void }[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
    for (let at = printed.indexOf("\n"); at >= 0; at = printed.indexOf("\n")) {
      waiting.shift()?.line(printed.slice(0, at));
      printed = printed.slice(at + 1);
    }
  });
  const nextLine = () =>
    new Promise<string>((resolve, reject) => {
      waiting.push({ line: resolve });
      child.once("exit", (code) => reject(new Error(`the typist ended with ${code}`)));
    });
  await nextLine();
  return {
    async type() {
      const result = nextLine();
      child.stdin.end("go\n");
      const { latenciesMs } = JSON.parse(await result) as { latenciesMs: number[] };
      if (child.exitCode === null) await once(child, "exit");
      return latenciesMs;
    },
  };
}

function residentMegabytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? Number.NaN) / 1024;
}

async function throughput(stage: Topology, rounds: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  const measure = async (name: string, one: Measure) => {
    const result = await medians(one, rounds, () => everythingStored(stage));
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
async function firstKeys(stage: Topology): Promise<Figure[]> {
  const latencies: Record<"direct" | "gateway", number[]> = { direct: [], gateway: [] };
  for (const path of ["direct", "gateway"] as const) {
    latencies[path] = await (await startTypists(stage, path, 1, 20)).type();
  }
  const { sessions, seconds, keysPerSecond } = warmUp;
  const keys = (await (await startTypists(stage, "gateway", sessions, seconds, keysPerSecond)).type()).length;
  return [
    figure(
      `keystroke echo p50, 1 session, the first ${latencies.gateway.length} keys after the start, against direct`,
      "ms",
      percentile(latencies.gateway, 50),
      percentile(latencies.direct, 50),
    ),
    figure("warm-up before all figures of echo below", "keys", latencies.gateway.length + keys, null),
  ];
}

async function echo(stage: Topology, counts: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const sessions of counts) {
    const latencies: Record<Path, number[]> = { direct: [], jumped: [], gateway: [] };
    // One session types few keys a second: more rounds give the percentiles something to stand on.
    for (let round = 0; round < (sessions === 1 ? 3 : 2); round++) {
      for (const path of ["direct", "jumped", "gateway"] as const) {
        const typists = await startTypists(stage, path, sessions, sessions === 1 ? 20 : 10);
        latencies[path].push(...(await typists.type()));
      }
    }
    const many = `${sessions} session${sessions === 1 ? "" : "s"}`;
    for (const p of [50, 95, 99]) {
      const goal: Bound | undefined =
        sessions === 1 && p === 50
          ? { measure: "difference", at: "most", bound: 1 }
          : sessions === 200 && p === 99
            ? { measure: "value", at: "most", bound: 15 }
            : undefined;
      const [ours, direct, jumped] = (["gateway", "direct", "jumped"] as const).map((path) =>
        percentile(latencies[path], p),
      ) as [number, number, number];
      figures.push(
        figure(`keystroke echo p${p}, ${many}, against direct`, "ms", ours, direct, goal),
        figure(`keystroke echo p${p}, ${many}, against ssh -J`, "ms", ours, jumped),
      );
    }
  }
  return figures;
}

async function memory(stage: Topology): Promise<Figure[]> {
  const pid = stage.service.process.pid ?? 0;
  const before = residentMegabytes(pid);
  const typists = await startTypists(stage, "gateway", 200, 10);
  await typists.type();
  const perSession = (residentMegabytes(pid) - before) / 200;
  return [
    figure("memory a session, 200 sessions typing", "MB", perSession, null, {
      measure: "value",
      at: "most",
      bound: 0.5,
    }),
  ];
}

async function flood(stage: Topology): Promise<Figure[]> {
  const pid = stage.service.process.pid ?? 0;
  const quiet: number[] = [];
  const flooded: number[] = [];
  const growth: number[] = [];
  for (let round = 0; round < 2; round++) {
    quiet.push(...(await (await startTypists(stage, "gateway", 20, 10)).type()));
    const typists = await startTypists(stage, "gateway", 20, 10);
    const yes = spawn("ssh", ["-F", stage.clientConfig, "-tt", "gateway", "yes"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const before = residentMegabytes(pid);
    flooded.push(...(await typists.type()));
    growth.push(residentMegabytes(pid) - before);
    yes.kill("SIGKILL");
    await once(yes, "exit");
  }
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
  const rounds = Number(context.settings["rounds"] ?? 5);
  const fileBytes = Number(context.settings["mib"] ?? 256) << 20;
  const only = context.settings["only"]?.split("+");
  const wanted = (part: string) => only === undefined || only.includes(part);
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-ssh-"));
  const stage = await startTopology(directory, fileBytes, context.settings["ciphers"]);
  try {
    await run_("ssh", ["-F", stage.clientConfig, "gateway", "true"]);
    const figures: Figure[] = [];
    const part = async (name: string, measure: () => Promise<Figure[]>) => {
      if (!wanted(name)) return;
      context.log(`ssh: ${name}`);
      figures.push(...(await measure()));
    };
    await part("echo", () => firstKeys(stage));
    await part("memory", () => memory(stage));
    await part("login", async () => {
      const times = await medians((path) => logIn(stage, path), rounds * 2);
      return [
        figure("log-in and `true`, against ssh -J", "ms", times.gateway, times.jumped, {
          measure: "ratio",
          at: "most",
          bound: 1.5,
        }),
        figure("log-in and `true`, against direct", "ms", times.gateway, times.direct),
      ];
    });
    const counts = (context.settings["sessions"] ?? "1+50+200").split("+").map(Number);
    await part("echo", () => echo(stage, counts));
    await part("flood", () => flood(stage));
    await part("throughput", () => throughput(stage, rounds));
    return figures;
  } finally {
    await stage.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
