// `npm run bench -- live`: from the target's output to a watcher's socket, and to the operator, with 1 and 100 watchers, SSH
// and VNC; joining; what 100 watchers cost the session; how soon a freeze takes effect. `--set only=latency|freeze|cost|echo|bulk|vnc`. Service, target, operator and
// watchers are processes of their own on loopback, and read one monotonic clock.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync, write } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { rawUpdate, type ScriptedTarget, startScriptedTarget } from "../integration/vnc/scripted-target.ts";
import type { RunningService } from "../support/service.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Portal, signInToPortal } from "../support/watch-client.ts";
import { type BenchContext, type Figure, figure, interleaved, median, percentile } from "./harness.ts";
import { colourOf, newestPicture } from "./live/pictures.ts";
import type { Question, Taken } from "./live/watchers.ts";
import { startTopology, type Topology } from "./ssh/topology.ts";
import { Child, cpuMs, settled } from "./vnc/child.ts";
import { RfbClient } from "./vnc/rfb-client.ts";
import { startVncService, Portal as VncPortal, person as viewerPerson } from "./vnc/stage.ts";

const password = "eleven quiet harbour lights";
const watcherNames = Array.from({ length: 13 }, (_, i) => `watcher-${i}`);
const many = 100;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Stamps its output; each line of input is answered with one more. */
const stampEvery = (seconds: number) =>
  `python3 -u -c 'import time
while True:
    print("T%d;" % time.monotonic_ns(), flush=True)
    time.sleep(${seconds})'`;

/** Says when it last read something. */
const sayWhenRead = `stty raw -echo; python3 -u -c 'import os, time
os.write(1, b"go\\n")
while os.read(0, 65536):
    os.write(1, b"L%d;" % time.monotonic_ns())'`;

class Watchers {
  readonly #child = Child.script(new URL("./live/watchers.ts", import.meta.url), "run");

  static async start(service: RunningService): Promise<Watchers> {
    for (const [n, name] of watcherNames.entries()) {
      // Most who look on escort nobody.
      const role = n === 0 ? "escort" : "auditor";
      await service.conduit(["user", "add", name, "--role", role, "--password-stdin"], `${password}\n`);
    }
    const watchers = new Watchers();
    await watchers.#child.line();
    await watchers.ask({ do: "sign-in", url: service.httpUrl, people: watcherNames, password });
    return watchers;
  }

  get pid(): number {
    return this.#child.pid;
  }

  ask(question: Question): Promise<unknown> {
    return this.#child.ask(question);
  }

  async open(session: string, count: number, oneByOne = false): Promise<number[]> {
    return (await this.ask({ do: "open", session, count, oneByOne })) as number[];
  }

  async take(): Promise<Taken> {
    return (await this.ask({ do: "take" })) as Taken;
  }

  /** And the session is followed no more. */
  async close(): Promise<void> {
    await this.ask({ do: "close" });
    await sleep(6500);
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

class Operator {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  latenciesMs: number[] = [];
  lastReadNs = 0n;
  text = "";

  constructor(stage: Topology, args: readonly string[], command: string) {
    this.process = spawn("ssh", ["-F", stage.clientConfig, ...args, "gateway", command], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.process.stdout.on("data", (chunk: Buffer) => {
      const atNs = process.hrtime.bigint();
      if (chunk.length > 4096) return;
      this.text = (this.text + chunk.toString("latin1")).slice(-4096);
      for (const [, ns] of chunk.toString("latin1").matchAll(/T(\d+);/g)) {
        this.latenciesMs.push(Number(atNs - BigInt(ns ?? "0")) / 1e6);
      }
      for (const [, ns] of chunk.toString("latin1").matchAll(/L(\d+);/g)) this.lastReadNs = BigInt(ns ?? "0");
    });
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null) return;
    this.process.kill("SIGTERM");
    await once(this.process, "exit");
  }
}

async function liveSession(portal: Portal, not: ReadonlySet<string> = new Set()): Promise<string> {
  return waitFor(async () => {
    const answer = await fetch(`${portal.url}/api/v1/sessions`, { headers: { cookie: portal.cookie } });
    const { items } = (await answer.json()) as { items: { session: string; state: string; channels: number }[] };
    return items.find(({ session, state, channels }) => state === "active" && channels > 0 && !not.has(session))
      ?.session;
  });
}

function latencies(name: string, watchers: readonly number[], operator: readonly number[]): Figure[] {
  return [50, 95, 99].map((p) => {
    const bound = p === 50 ? 30 : p === 99 ? 120 : null;
    const goal = bound === null ? undefined : ({ measure: "value", at: "most", bound } as const);
    return figure(`${name} p${p}, against the operator`, "ms", percentile(watchers, p), percentile(operator, p), goal);
  });
}

/** What watchers get is on the disk first: small writes that are synced, beside those that are measured. */
class Disk {
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  #slowestMs = 0;

  constructor(directory: string) {
    this.#fd = openSync(join(directory, "disk"), constants.O_CREAT | constants.O_WRONLY | constants.O_DSYNC, 0o600);
    this.#timer = setInterval(() => this.#write(), 50);
  }

  #write(): void {
    const startedMs = performance.now();
    write(this.#fd, Buffer.alloc(4096), 0, 4096, 0, () => {
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
    });
  }

  /** Since the last time. */
  said(): string {
    const slowestMs = this.#slowestMs;
    this.#slowestMs = 0;
    return `the disk's slowest synced write took ${slowestMs.toFixed(0)} ms`;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await sleep(1000);
    closeSync(this.#fd);
  }
}

/** When it was slow, and whether the watchers' own process was: what stalls does so at a moment that says why. */
function slowestOf({ slowest, resyncs, lateMs }: Taken, fromNs: bigint): string {
  const each = slowest.map(({ atNs, latencyMs }) => {
    const second = Number(BigInt(atNs) - fromNs) / 1e9;
    return `${latencyMs.toFixed(0)} ms at ${second.toFixed(1)} s`;
  });
  return `slowest ${each.join(", ")}; ${resyncs} resynchronisations; the watchers' process was late by ${lateMs.toFixed(0)} ms`;
}

async function sshLatency(
  stage: Topology,
  portal: Portal,
  watchers: Watchers,
  seconds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const disk = new Disk(stage.directory);
  const operator = new Operator(stage, ["-tt"], stampEvery(0.1));
  const session = await liveSession(portal);
  for (const count of [1, many]) {
    await watchers.open(session, count);
    await sleep(500);
    await watchers.take();
    operator.latenciesMs = [];
    disk.said();
    await sleep(seconds * 1000);
    const fromNs = process.hrtime.bigint() - BigInt(seconds) * 1_000_000_000n;
    const taken = await watchers.take();
    const { latenciesMs } = taken;
    log(`${count} watching: ${slowestOf(taken, fromNs)}; ${disk.said()}`);
    figures.push(...latencies(`SSH output to ${count} watching`, latenciesMs, operator.latenciesMs));
    await watchers.close();
  }
  await disk.stop();
  const joins = await watchers.open(session, 20, true);
  figures.push(
    figure("join, until the terminal is there, p50", "ms", median(joins), null, {
      measure: "value",
      at: "most",
      bound: 100,
    }),
    figure("join, until the terminal is there, p99", "ms", percentile(joins, 99), null),
  );
  await watchers.close();
  await operator.end();
  return figures;
}

const script = fileURLToPath(new URL("./ssh/echo-client.ts", import.meta.url));

async function echoMs(stage: Topology, portal: Portal, watchers: Watchers | null, seconds: number): Promise<number[]> {
  const job = {
    ...{ host: "127.0.0.1", port: stage.service.sshPort, username: "bench+target", privateKeyFile: stage.clientKey },
    ...{ proxy: null, sessions: 1, keysPerSecond: 10 },
  };
  const typist = Child.program(process.execPath, ["--import", "tsx", script, JSON.stringify(job)]);
  await typist.line();
  const session = await liveSession(portal);
  await watchers?.open(session, many);
  typist.process.stdin?.write(`${seconds}\n`);
  const { latenciesMs } = JSON.parse(await typist.line()) as { latenciesMs: number[] };
  await typist.stop();
  if (watchers) await watchers.close();
  await gone(portal, session);
  return latenciesMs;
}

async function gone(portal: Portal, session: string): Promise<void> {
  await waitFor(
    async () => {
      const answer = await fetch(`${portal.url}/api/v1/sessions`, { headers: { cookie: portal.cookie } });
      const { items } = (await answer.json()) as { items: { session: string }[] };
      return items.every((one) => one.session !== session);
    },
    { what: "the session's end", timeoutMs: 60_000 },
  );
}

interface Bulk {
  megabytesPerSecond: number;
  /** Milliseconds of processor time a megabyte. */
  serviceMs: number;
  watchersMs: number;
}

async function bulk(stage: Topology, portal: Portal, watchers: Watchers | null): Promise<Bulk> {
  const operator = new Operator(stage, [], `read x; cat ${stage.textFile}`);
  const session = await liveSession(portal);
  // They join now, and have the channel's beginning when there is one.
  const opened = watchers?.open(session, many);
  await sleep(watchers ? 3000 : 500);
  const service = stage.service.process.pid ?? 0;
  // The recording before this one is still being read for the search: that is no cost of those who watch.
  await settled(service);
  const spent = () => ({ service: cpuMs(service), watchers: watchers === null ? 0 : cpuMs(watchers.pid) });
  const [startedMs, before] = [performance.now(), spent()];
  operator.process.stdin.end("\n");
  await once(operator.process, "exit");
  const [endedMs, after] = [performance.now(), spent()];
  const megabytes = stage.fileBytes / 1e6;
  await opened;
  if (watchers) await watchers.close();
  await gone(portal, session);
  return {
    megabytesPerSecond: megabytes / ((endedMs - startedMs) / 1000),
    serviceMs: (after.service - before.service) / megabytes,
    watchersMs: (after.watchers - before.watchers) / megabytes,
  };
}

async function cost(
  stage: Topology,
  portal: Portal,
  watchers: Watchers,
  rounds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  return [
    ...(await echoCost(stage, portal, watchers, rounds, log)),
    ...(await bulkCost(stage, portal, watchers, rounds, log)),
  ];
}

async function echoCost(
  stage: Topology,
  portal: Portal,
  watchers: Watchers,
  rounds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  const echoes = { without: [] as number[], watched: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    echoes.without.push(...(await echoMs(stage, portal, null, 10)));
    echoes.watched.push(...(await echoMs(stage, portal, watchers, 10)));
    log(`round ${round + 1} of echo is done`);
  }
  return [
    figure(`echo p50 with ${many} watching, against none`, "ms", median(echoes.watched), median(echoes.without), {
      measure: "ratio",
      at: "most",
      bound: 1.05,
    }),
    figure(
      `echo p99 with ${many} watching, against none`,
      "ms",
      percentile(echoes.watched, 99),
      percentile(echoes.without, 99),
    ),
  ];
}

async function bulkCost(
  stage: Topology,
  portal: Portal,
  watchers: Watchers,
  rounds: number,
  log: BenchContext["log"],
): Promise<Figure[]> {
  // The watchers run on the same processors, as they do nowhere else: what the service itself spends is told apart.
  const all: Record<"without" | "watched", Bulk[]> = { without: [], watched: [] };
  const one = async (kind: "without" | "watched") => {
    const taken = await bulk(stage, portal, kind === "watched" ? watchers : null);
    all[kind].push(taken);
    return taken.megabytesPerSecond;
  };
  const rates = await interleaved({ without: () => one("without"), watched: () => one("watched") }, rounds);
  log(`bulk: ${JSON.stringify(rates, (_key, value) => (typeof value === "number" ? Math.round(value) : value))} MB/s`);
  const [watched, without] = [median(rates.watched), median(rates.without)];
  const spent = (kind: "without" | "watched") => median(all[kind].map(({ serviceMs }) => serviceMs));
  return [
    figure(`bulk download with ${many} watching, against none`, "MB/s", watched, without, {
      measure: "ratio",
      at: "least",
      bound: 0.95,
    }),
    figure(
      `the service's processor time in it, ${many} watching, against none`,
      "ms/MB",
      spent("watched"),
      spent("without"),
    ),
    figure(
      "the watchers' own processor time in it",
      "ms/MB",
      median(all.watched.map(({ watchersMs }) => watchersMs)),
      null,
    ),
  ];
}

async function freeze(stage: Topology, portal: Portal, rounds: number): Promise<Figure[]> {
  const operator = new Operator(stage, ["-tt"], sayWhenRead);
  operator.process.stdin.on("error", () => undefined);
  const session = await liveSession(portal);
  await waitFor(() => operator.text.includes("go"));
  const typing = setInterval(() => operator.process.stdin.write("x"), 1);
  const post = async (what: string) => {
    const answer = await fetch(`${portal.url}/api/v1/sessions/${session}/${what}`, {
      method: "POST",
      headers: { cookie: portal.cookie, "x-csrf-token": portal.csrf, "content-type": "application/json" },
      body: "{}",
    });
    if (answer.status >= 300) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
  };
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await sleep(150);
    const atNs = process.hrtime.bigint();
    await post("freeze");
    await sleep(150);
    took.push(Math.max(0, Number(operator.lastReadNs - atNs) / 1e6));
    await post("unfreeze");
  }
  clearInterval(typing);
  await operator.end();
  return [
    figure("freeze, from the request to the last byte at the target, p50", "ms", median(took), null),
    figure("freeze, from the request to the last byte at the target, p99", "ms", percentile(took, 99), null, {
      measure: "value",
      at: "most",
      bound: 20,
    }),
  ];
}

async function drawAndWatch(
  target: ScriptedTarget,
  viewer: RfbClient,
  watchers: Watchers,
  seconds: number,
  log: BenchContext["log"],
) {
  const fromNs = process.hrtime.bigint();
  const sent = new Map<number, bigint>();
  const operator: number[] = [];
  let shown = -1;
  viewer.handOn((bytes) => {
    const atNs = process.hrtime.bigint();
    // Its pixels are little-endian words.
    const picture = newestPicture(Buffer.from(bytes).reverse(), shown);
    const sentNs = picture === null ? undefined : sent.get(picture);
    if (picture === null || sentNs === undefined) return;
    shown = picture;
    operator.push(Number(atNs - sentNs) / 1e6);
  });
  await watchers.take();
  for (let i = 0; i < seconds * 10; i++) {
    const update = rawUpdate((i * 37) % 500, (i * 23) % 400, 40, 30);
    for (let at = 16; at < update.length; at += 4) update.writeUInt32LE(colourOf(i), at);
    sent.set(i, process.hrtime.bigint());
    target.send(update);
    viewer.ask(true);
    await sleep(100);
  }
  await sleep(500);
  const taken = await watchers.take();
  const came = taken.pictures.flatMap(([picture, atNs]) => {
    const sentNs = sent.get(picture);
    return sentNs === undefined ? [] : [{ atNs, latencyMs: Number(BigInt(atNs) - sentNs) / 1e6 }];
  });
  const slowest = came.sort((a, b) => b.latencyMs - a.latencyMs).slice(0, 5);
  log(`${came.length} pictures came: ${slowestOf({ ...taken, slowest }, fromNs)}`);
  const latenciesMs = came.map(({ latencyMs }) => latencyMs);
  return { latenciesMs, operator };
}

async function vnc(directory: string, seconds: number, log: BenchContext["log"]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const target = await startScriptedTarget({ size: { width: 640, height: 480 } });
  const service = await startVncService(directory, [{ name: "hmi", host: target.host, port: target.port }]);
  const watchers = await Watchers.start(service);
  try {
    const way = await (await VncPortal.signIn(service)).viewer("hmi");
    const portal = await signInToPortal(service.httpUrl, viewerPerson.name, viewerPerson.password);
    const viewer = await RfbClient.connect(way, [0]);
    viewer.ask(false);
    target.send(rawUpdate(0, 0, 640, 480));
    const session = await liveSession(portal);
    for (const count of [1, many]) {
      await watchers.open(session, count);
      const { latenciesMs, operator } = await drawAndWatch(target, viewer, watchers, seconds, log);
      figures.push(...latencies(`VNC picture to ${count} watching`, latenciesMs, operator));
      await watchers.close();
      target.send(rawUpdate(0, 0, 640, 480));
      await sleep(500);
    }
    const joins = await watchers.open(session, 20, true);
    figures.push(
      figure("join, until the picture is there, p50", "ms", median(joins), null, {
        measure: "value",
        at: "most",
        bound: 100,
      }),
    );
    viewer.close();
  } finally {
    await watchers.stop();
    await service.stop();
    await target.stop();
  }
  return figures;
}

export async function run({ log, settings }: BenchContext): Promise<Figure[]> {
  const seconds = Number(settings["seconds"] ?? 20);
  const rounds = Number(settings["rounds"] ?? 4);
  const only = settings["only"];
  const base = mkdtempSync(join(tmpdir(), "conduit-bench-live-"));
  const figures: Figure[] = [];
  try {
    const wants = (part: string) => only === undefined || only === part;
    if (only !== "vnc") {
      const stage = await startTopology(base, 64 * 1024 * 1024);
      try {
        const watchers = await Watchers.start(stage.service);
        try {
          const portal = await signInToPortal(stage.service.httpUrl, watcherNames[0] as string, password);
          if (wants("latency")) {
            log("SSH: latency and joining");
            figures.push(...(await sshLatency(stage, portal, watchers, seconds, log)));
          }
          if (wants("freeze")) {
            log("SSH: freezing");
            figures.push(...(await freeze(stage, portal, Number(settings["freezes"] ?? 100))));
          }
          if (wants("cost")) {
            log(`SSH: what ${many} watchers cost`);
            figures.push(...(await cost(stage, portal, watchers, rounds, log)));
          }
          if (only === "echo") figures.push(...(await echoCost(stage, portal, watchers, rounds, log)));
          if (only === "bulk") figures.push(...(await bulkCost(stage, portal, watchers, rounds, log)));
        } finally {
          await watchers.stop();
        }
      } finally {
        await stage.stop();
      }
    }
    if (wants("vnc")) {
      log("VNC: latency and joining");
      figures.push(...(await vnc(join(base, "vnc"), seconds, log)));
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return figures;
}
