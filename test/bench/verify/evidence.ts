// The verification of a store against `sha256sum` on the same bytes, and the attestation of many recordings.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Figure, figure, interleaved, median, timeMs } from "../harness.ts";
import { type EvidenceOnDisk, evidenceOnDisk } from "./evidence-on-disk.ts";
import type { Asked, Measured } from "./measured-process.ts";

const program = fileURLToPath(new URL("./measured-process.ts", import.meta.url));
type Log = (line: string) => void;

function measured(asked: Asked, oneCore: boolean): Measured {
  const node = [process.execPath, "--import", "tsx", program, JSON.stringify(asked)];
  const [command = "", ...args] = oneCore ? ["taskset", "-c", "0", ...node] : node;
  const answer = execFileSync(command, args, { encoding: "utf8", maxBuffer: 1024 ** 2 });
  const told = JSON.parse(answer) as Measured;
  if (told.verdict !== "VALID") throw new Error(`the bench's own store is ${told.verdict}`);
  return told;
}

/** User and system time of a shell's command. */
function cpuMsOf(command: string): number {
  const script = `TIMEFORMAT='%U %S'; time { ${command}; }`;
  const { stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  const [user = "", system = ""] = stderr.trim().split(" ");
  return (Number(user) + Number(system)) * 1000;
}

function asked(what: Asked["what"], made: EvidenceOnDisk, threads: number): Asked {
  const { directory, rootFile, recorder, nowMs, fromMs } = made;
  return { what, directory, rootFile, recorder, nowMs, fromMs, threads };
}

/** MB/s of hashing what is stored; contents are not parsed, as `--all` does it. */
export async function verifiedAgainstSha256sum(
  directory: string,
  mib: number,
  rounds: number,
  log: Log,
): Promise<Figure[]> {
  const segmentBytes = 2 * 1024 ** 2;
  const recordings = 8;
  const segments = Math.max(1, Math.round(mib / 2 / recordings));
  log(`writing ${recordings} recordings of ${segments * 2} MiB`);
  const made = evidenceOnDisk(directory, { recordings, segments, segmentBytes }, (bytes) => randomBytes(bytes));
  const list = `${directory}.files`;
  writeFileSync(list, made.files.map((file) => `${file}\0`).join(""));
  const sums = (core: string) => `taskset -c ${core} xargs -0 sha256sum < '${list}' > /dev/null`;
  const cores = Math.min(availableParallelism(), 16);
  // Of a machine that others use too, this says more than the time on the clock.
  const cpu: number[] = [];
  const samples = await interleaved(
    {
      sha256sum: () => timeMs(async () => execFileSync("sh", ["-c", sums("0")])),
      sha256sumCpu: async () => cpuMsOf(sums("0")),
      one: async () => {
        const { ms, cpuMs } = measured(asked("verify", made, 0), true);
        cpu.push(cpuMs);
        return ms;
      },
      all: async () => measured(asked("verify", made, cores), false).ms,
    },
    rounds,
  );
  const rate = (ms: readonly number[]) => made.bytes / 1e6 / (median(ms) / 1000);
  const [one, all, peer] = [rate(samples.one), rate(samples.all), rate(samples.sha256sum)];
  const least = (bound: number) => ({ measure: "ratio" as const, at: "least" as const, bound });
  return [
    figure("verify on one core, beside sha256sum on one core", "MB/s", one, peer, least(1 / 1.3)),
    figure("the same in CPU time", "MB/s", rate(cpu.slice(-rounds)), rate(samples.sha256sumCpu), least(1 / 1.3)),
    figure(`verify on ${cores} cores, beside itself on one`, "MB/s", all, one, least(1.4)),
  ];
}

export async function attestationOf(
  directory: string,
  recordings: number,
  rounds: number,
  log: Log,
): Promise<Figure[]> {
  log(`writing ${recordings} recordings`);
  const text = Buffer.from("a line of a terminal\r\n".repeat(100));
  const made = evidenceOnDisk(directory, { recordings, segments: 3, segmentBytes: text.length }, () => text);
  log("attesting");
  const cores = Math.min(availableParallelism(), 16);
  const samples = await interleaved(
    {
      attest: async () => measured(asked("attest", made, 0), false).ms / 1000,
      verify: async () => measured(asked("verify", made, cores), false).ms / 1000,
    },
    Math.min(rounds, 3),
    0,
  );
  const bound = { measure: "value" as const, at: "most" as const, bound: 60 };
  return [
    figure(`attestation of ${recordings} recordings, file store`, "s", median(samples.attest), null, bound),
    figure(`verification of ${recordings} recordings, file store`, "s", median(samples.verify), null),
  ];
}
