// The machine: Node, native modules, disk space, speed of syncs, clock, ports.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { AppError } from "../../../shared/errors.ts";
import { askAdmin } from "../../admin-socket.ts";
import { isClockSynchronised } from "../../clock-watch.ts";
import { listenMend } from "../../config/listen-error.ts";
import { formatSize } from "../../config/units.ts";
import type { Config, Endpoint } from "../../config.ts";
import { findFfmpeg } from "../../export/video/ffmpeg.ts";
import { segmentCodec } from "../../store/codec.ts";
import { nativeCryptoAvailable } from "../../tap/ssh/algorithms.ts";
import { type Check, fail, ok, warn } from "./check.ts";

export function checkNode(): Check[] {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    return [fail("node", `version ${process.versions.node}`, "Install Node 20.19 or newer.")];
  }
  return [ok("node", `version ${process.versions.node}`)];
}

export function checkNative(): Check[] {
  const checks: Check[] = [];
  if (nativeCryptoAvailable()) checks.push(ok("ssh crypto", "native"));
  else
    checks.push(
      warn(
        "ssh crypto",
        "JavaScript only: bulk transfers run at about 0.7 of the speed",
        "Install a C++ compiler and Python, then npm rebuild ssh2.",
      ),
    );
  if (segmentCodec() === "zstd") checks.push(ok("zstd", "native"));
  else
    checks.push(
      warn(
        "zstd",
        "not available: segments are written as gzip, at more CPU",
        "Install a C++ compiler, then npm rebuild zstd-napi.",
      ),
    );
  return checks;
}

/** @param path as the environment's PATH. */
export function checkFfmpeg(path: string): Check[] {
  try {
    return [ok("ffmpeg", `${findFfmpeg(path)}: videos can be exported`)];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const mend = "Install Debian's package ffmpeg; pictures (png) and all other exports need none.";
    return [warn("ffmpeg", "not found in PATH: recordings cannot be exported as video", mend)];
  }
}

/** The nearest directory that exists, for paths that the service makes at its first start. */
function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path));
}

export async function checkDisk(config: Config): Promise<Check[]> {
  const places: [string, string][] = [["spool", config.spool.directory]];
  if (config.store.kind === "fs") places.push(["store", config.store.directory]);
  const checks: Check[] = [];
  for (const [name, path] of places) {
    const { bavail, bsize, blocks } = await statfs(existing(path));
    const free = bavail * bsize;
    const { floorBytes } = config.spool;
    const message = `${formatSize(free)} of ${formatSize(blocks * bsize)} free, floor ${formatSize(floorBytes)}`;
    const mend = "Free space, move it to a larger disk, or lower spool.floorBytes.";
    if (free < floorBytes) checks.push(fail(`${name} disk`, `${message}: new sessions are refused`, mend));
    else if (free < floorBytes * 2) checks.push(warn(`${name} disk`, message, mend));
    else checks.push(ok(`${name} disk`, message));
  }
  return checks;
}

const syncs = 30;
const syncBytes = 4096;

/** What a keystroke waits for in the worst case: an append and a sync on the spool's disk. */
export async function checkSyncs(config: Config): Promise<Check[]> {
  const folder = mkdtempSync(join(existing(config.spool.directory), ".doctor-"));
  const times: number[] = [];
  try {
    const file = await open(join(folder, "sync"), "w", 0o600);
    try {
      await file.writeFile(Buffer.alloc(syncBytes * syncs));
      await file.sync();
      for (let i = 0; i < syncs; i++) {
        const startMs = performance.now();
        await file.write(Buffer.alloc(syncBytes, i), 0, syncBytes, i * syncBytes);
        await file.datasync();
        times.push(performance.now() - startMs);
      }
    } finally {
      await file.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  const worst = times.at(-1) ?? 0;
  const message = `${median.toFixed(1)} ms median, ${worst.toFixed(1)} ms worst of ${syncs}`;
  const mend = "Put spool.directory on a local SSD; every keystroke waits for a sync.";
  if (median > 100) return [fail("sync speed", message, mend)];
  return [median > 15 || worst > 500 ? warn("sync speed", message, mend) : ok("sync speed", message)];
}

const driftSampleMs = 1000;

export async function checkClock(): Promise<Check[]> {
  const wallMs = Date.now();
  const monotonicMs = performance.now();
  const synchronised = await isClockSynchronised();
  await new Promise((resolve) => setTimeout(resolve, driftSampleMs));
  const driftMs = Math.abs(Date.now() - wallMs - (performance.now() - monotonicMs));
  const checks: Check[] = [];
  if (synchronised === true) checks.push(ok("clock", "synchronised"));
  else if (synchronised === false)
    checks.push(
      warn("clock", "not synchronised", "Start chrony or systemd-timesyncd; recordings carry this clock's time."),
    );
  else
    checks.push(
      warn(
        "clock",
        "not known to be synchronised: neither timedatectl, chronyc nor systemd-timesyncd says so",
        "Make sure that the host runs NTP; recordings carry this clock's time.",
      ),
    );
  if (driftMs > 20) {
    const message = `wall clock and monotonic clock went ${driftMs.toFixed(0)} ms apart within a second`;
    checks.push(warn("clock drift", message, "Something is stepping the clock: let NTP slew it."));
  } else checks.push(ok("clock drift", `${driftMs.toFixed(1)} ms in a second`));
  return checks;
}

export async function checkPorts(config: Config): Promise<Check[]> {
  const running = await askAdmin(config.recorder.adminSocket, "GET", "/status").then(
    () => true,
    () => false,
  );
  if (running) return [ok("service", "running")];
  const checks: Check[] = [ok("service", "not running")];
  for (const [name, endpoint] of [
    ["ssh port", config.ssh.listen],
    ["vnc port", config.vnc.listen],
    ["http port", config.http.listen],
  ] as const) {
    const problem = await tryListen(endpoint);
    const at = `${endpoint.host}:${endpoint.port}`;
    if (problem === null) checks.push(ok(name, `${at} is free`));
    else checks.push(fail(name, `${at} cannot be used (${problem})`, listenMend(problem)));
  }
  return checks;
}

function tryListen({ host, port }: Endpoint): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown error"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
