// Fuzzing that is led by coverage: an input that reaches code which none before reached is kept, and others are made from
// it. What a target has covered is counted by V8 itself, in batches, so that an input costs little.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FuzzTarget } from "./targets.ts";

const corpusFolder = fileURLToPath(new URL("../corpus/", import.meta.url));
/** An input longer than this is no better, only slower. */
export const maxInputBytes = 4096;
const batchInputs = 64;
/** zod's is what reads where a parser is a schema. */
const readingCode = /^(?!.*\/test\/).*\/(?:recorder|shared|node_modules\/zod)\/(?!.*\/node_modules\/)/;

/** What was found for a target, by the first bytes of its SHA-256. */
export function corpusOf(target: string): Buffer[] {
  const folder = join(corpusFolder, target);
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => readFileSync(join(folder, name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export function keepCorpus(target: string, inputs: readonly Buffer[]): void {
  const folder = join(corpusFolder, target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const input of inputs) {
    writeFileSync(join(folder, createHash("sha256").update(input).digest("hex").slice(0, 16)), input);
  }
}

interface CoveredFunction {
  url: string;
  ranges: readonly { startOffset: number; endOffset: number; count: number }[];
}

/** Which characters of the project's sources were run. */
class Coverage {
  readonly #session = new Session();
  readonly #covered = new Map<string, Uint8Array>();
  count = 0;

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  async stop(): Promise<void> {
    await this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  /** What ran since the last time. */
  async taken(): Promise<CoveredFunction[]> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    return result.flatMap(({ url, functions }) =>
      readingCode.test(url) ? functions.map(({ ranges }) => ({ url, ranges })) : [],
    );
  }

  /** How many characters of it were never run before; `keep`: they are known from now on. */
  news(ran: readonly CoveredFunction[], keep: boolean): number {
    let fresh = 0;
    for (const { url, ranges } of ran) {
      const [whole] = ranges;
      if (whole === undefined || whole.count === 0) continue;
      // Ranges are nested, outer ones first: the innermost says whether a character was run.
      const run = new Uint8Array(whole.endOffset - whole.startOffset).fill(1);
      for (const { startOffset, endOffset, count } of ranges.slice(1)) {
        run.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
      }
      const covered = this.#of(url, whole.endOffset);
      for (let i = 0; i < run.length; i++) {
        if (run[i] === 0 || covered[whole.startOffset + i] === 1) continue;
        fresh++;
        if (keep) covered[whole.startOffset + i] = 1;
      }
    }
    if (keep) this.count += fresh;
    return fresh;
  }

  #of(url: string, length: number): Uint8Array {
    const known = this.#covered.get(url);
    if (known !== undefined && known.length >= length) return known;
    const longer = new Uint8Array(Math.max(length, 2 * (known?.length ?? 0)));
    if (known !== undefined) longer.set(known);
    this.#covered.set(url, longer);
    return longer;
  }
}

/** Small and repeatable (mulberry32): a run is told by its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const edges = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

function mutated(inputs: readonly Buffer[], words: readonly Buffer[], random: (below: number) => number): Buffer {
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  let data: Buffer = Buffer.from(pick(inputs));
  for (let changes = 1 + random(6); changes > 0; changes--) {
    const at = random(data.length + 1);
    const spliced = (removed: number, added: Buffer) =>
      Buffer.concat([data.subarray(0, at), added, data.subarray(at + removed)]);
    switch (random(9)) {
      case 0:
        if (at < data.length) data[at] = (data[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        if (at < data.length) data[at] = random(256);
        break;
      case 2:
        data = spliced(random(32), Buffer.alloc(0));
        break;
      case 3:
        data = spliced(0, Buffer.from(Array.from({ length: 1 + random(8) }, () => random(256))));
        break;
      case 4: {
        const other = pick(inputs);
        const from = random(other.length + 1);
        data = spliced(random(64), other.subarray(from, from + random(200)));
        break;
      }
      case 5: {
        const number = Buffer.alloc(4);
        number.writeUInt32BE(pick(edges));
        const bytes = [1, 2, 4][random(3)] ?? 4;
        data = spliced(random(2) * bytes, number.subarray(4 - bytes));
        break;
      }
      case 6:
        if (words.length > 0) data = spliced(random(2) * 4, pick(words));
        break;
      case 7:
        data = spliced(0, data.subarray(at, at + random(100)));
        break;
      default: {
        // A number in text becomes another one.
        const digits = /\d+/.exec(data.toString("latin1", at, at + 200));
        if (digits !== null) {
          const from = at + digits.index;
          const number = Buffer.from(String(pick([0, 1, -1, 65536, 2 ** 31, 2 ** 53, 1e21, 0.5])));
          data = Buffer.concat([data.subarray(0, from), number, data.subarray(from + digits[0].length)]);
        }
      }
    }
  }
  return data.subarray(0, maxInputBytes);
}

export interface FuzzOutcome {
  inputs: number;
  /** Characters of the project's sources that were run. */
  covered: number;
  corpus: Buffer[];
  /** The first fault, with the input that shows it. */
  fault: { input: Buffer; error: unknown } | null;
}

export interface FuzzOptions {
  forMs: number;
  seed: number;
  /** Before each input, so that whoever watches can tell which one hangs. */
  trying(input: Buffer): void;
}

/** Tries inputs until the time is over or one is a fault. The corpus begins with what was kept and the seeds. */
export async function fuzz(target: FuzzTarget, { forMs, seed, trying }: FuzzOptions): Promise<FuzzOutcome> {
  const random = randomOf(seed);
  const words = target.words.map((word) =>
    Buffer.from(word, [...word].every((one) => one <= "\xff") ? "latin1" : "utf8"),
  );
  const coverage = new Coverage();
  await coverage.start();
  const outcome: FuzzOutcome = { inputs: 0, covered: 0, corpus: [], fault: null };
  const tried = async (input: Buffer): Promise<boolean> => {
    trying(input);
    outcome.inputs++;
    try {
      await target.run(input);
      return true;
    } catch (error) {
      outcome.fault = { input, error };
      return false;
    }
  };
  /** Tried by itself, and kept where it reaches something new. False: a fault. */
  const kept = async (input: Buffer): Promise<boolean> => {
    if (!(await tried(input))) return false;
    if (coverage.news(await coverage.taken(), true) > 0) outcome.corpus.push(input);
    return true;
  };
  await coverage.taken();
  try {
    for (const input of [...target.seeds(), ...corpusOf(target.name)].map((one) => one.subarray(0, maxInputBytes)))
      if (!(await kept(input))) return outcome;
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const batch = Array.from({ length: batchInputs }, () => mutated(outcome.corpus, words, random));
      for (const input of batch) if (!(await tried(input))) return outcome;
      if (coverage.news(await coverage.taken(), false) === 0) continue;
      // Which of them it was.
      for (const input of batch) if (!(await kept(input))) return outcome;
    }
    return outcome;
  } finally {
    outcome.covered = coverage.count;
    await coverage.stop();
  }
}
