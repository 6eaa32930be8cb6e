// What every bench is built from: figures with goals, interleaved rounds, and measures of a process.
// A bench is a file test/bench/NAME.bench.ts that exports `run(context)`; `npm run bench -- NAME` prints its figures.
import { readFile } from "node:fs/promises";

export interface Figure {
  name: string;
  /** Ours. */
  value: number;
  unit: string;
  /** The same measure of the peer, in the same run and unit; null when there is no peer. */
  peer: number | null;
  /** value / peer; null without a peer. */
  ratio: number | null;
  /** In words with its bound, such as "ratio >= 1.25" or "<= 15 ms"; null for a figure that is only shown. */
  goal: string | null;
  /** Whether the goal is met; null without a goal. */
  met: boolean | null;
}

export interface BenchContext {
  /** Progress, on standard error. */
  log(line: string): void;
  /** What stood after the bench's names on the command line as `--set KEY=VALUE`. */
  settings: Readonly<Record<string, string>>;
}

export type Bench = (context: BenchContext) => Promise<Figure[]>;

export interface Bound {
  measure: "value" | "ratio" | "difference";
  at: "least" | "most";
  bound: number;
}

/** A figure with its goal judged: `difference` is value − peer. */
export function figure(name: string, unit: string, value: number, peer: number | null, goal?: Bound): Figure {
  const ratio = peer === null || peer === 0 ? null : value / peer;
  if (goal === undefined) return { name, value, unit, peer, ratio, goal: null, met: null };
  const measured =
    goal.measure === "value" ? value : goal.measure === "ratio" ? ratio : peer === null ? null : value - peer;
  const sign = goal.at === "least" ? ">=" : "<=";
  const words =
    goal.measure === "ratio"
      ? `ratio ${sign} ${goal.bound}`
      : `${goal.measure === "difference" ? "ours − peer " : ""}${sign} ${goal.bound} ${unit}`;
  const met = measured !== null && (goal.at === "least" ? measured >= goal.bound : measured <= goal.bound);
  return { name, value, unit, peer, ratio, goal: words, met };
}

/**
 * Runs the contenders in turn, A, B, C, C, B, A …, so that a slow minute of the machine falls on all of them, and none always
 * comes right after the same other.
 * Each gives one number a round; `warmUps` rounds are run first and thrown away.
 */
export async function interleaved<Name extends string>(
  contenders: Readonly<Record<Name, (round: number) => Promise<number>>>,
  rounds: number,
  warmUps = 1,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await contenders[name](round);
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

/** Linear between the two nearest ranks; throws on no samples, since a figure from nothing would look like a result. */
export function percentile(samples: readonly number[], percent: number): number {
  if (samples.length === 0) throw new Error("a percentile of no samples");
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? Number.NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}

/** Milliseconds that `action` took. */
export async function timeMs(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Resident memory of a process in bytes (Linux). */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} shows no resident memory`);
  return Number(kibibytes) * 1024;
}

/** Resident memory of a process and all its descendants in bytes. */
export async function residentBytesOfTree(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  let total = await residentBytes(pid);
  for (const child of children.trim().split(" ").filter(Boolean)) {
    total += await residentBytesOfTree(Number(child)).catch(() => 0); // it may have ended in the meantime
  }
  return total;
}
