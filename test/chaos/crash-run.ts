// Starts and kills crash-writer.ts or vnc-crash-writer.ts, and compares recordings with what it had acknowledged.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type AckLine, type CrashMode, stepBytes } from "./crash-writer.ts";
import type { ReadBack } from "./read-back.ts";
import type { Directories } from "./recorder-fixture.ts";

const scriptOf = (mode: CrashMode | "vnc"): string =>
  fileURLToPath(new URL(mode === "vnc" ? "./vnc-crash-writer.ts" : "./crash-writer.ts", import.meta.url));
const loader = fileURLToPath(new URL("../../scripts/worker-ts.mjs", import.meta.url));

export function startWriter(directories: Directories, run: number, mode: CrashMode | "vnc"): ChildProcess {
  return fork(scriptOf(mode), [directories.base, String(run), mode], {
    execArgv: ["--import", "tsx", "--import", loader],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

/** Its first message. A writer that ends without one is a failure that says how it ended, and not a wait without end. */
export async function whenRecovered(child: ChildProcess): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const ended = async (): Promise<never> => {
    const [code, killedBy] = hasEnded(child)
      ? [child.exitCode, child.signalCode]
      : ((await once(child, "exit", { signal })) as [number | null, string | null]);
    throw new Error(`the writer ended before it had recovered: ${killedBy ?? `exit code ${code}`}`);
  };
  try {
    await Promise.race([once(child, "message", { signal }), ended()]);
  } finally {
    over.abort();
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export async function killWriter(child: ChildProcess): Promise<void> {
  // Of a process that has ended by itself there is no second event.
  if (hasEnded(child))
    throw new Error(`the writer ended by itself: ${child.signalCode ?? `exit code ${child.exitCode}`}`);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

export interface Acknowledged {
  run: number;
  ordinal: number;
  steps: number;
  closed: boolean;
}

export function acknowledged(directories: Directories): Map<string, Acknowledged> {
  const file = path.join(directories.base, "acks.jsonl");
  const sessions = new Map<string, Acknowledged>();
  if (!existsSync(file)) return sessions;
  for (const text of readFileSync(file, "utf8").split("\n").slice(0, -1)) {
    const line = JSON.parse(text) as AckLine;
    if (line.at === "open")
      sessions.set(line.session, { run: line.run, ordinal: line.ordinal, steps: 0, closed: false });
    if (line.at === "step") (sessions.get(line.session) as Acknowledged).steps = line.step + 1;
    if (line.at === "closed") (sessions.get(line.session) as Acknowledged).closed = true;
  }
  return sessions;
}

export function expectHolds(back: ReadBack, known: Acknowledged): void {
  const [output, input] = [back.output(0), back.input(0)];
  const all = { output: [] as Buffer[], input: [] as Buffer[] };
  let [outputBytes, inputBytes] = [0, 0];
  let [ackedOutput, ackedInput] = [0, 0];
  // What was appended and not yet acknowledged may be there too.
  for (let step = 0; outputBytes < output.length || inputBytes < input.length || step < known.steps; step++) {
    const bytes = stepBytes(known.run, known.ordinal, step);
    all.output.push(bytes.output);
    all.input.push(bytes.input);
    outputBytes += bytes.output.length;
    inputBytes += bytes.input.length;
    if (step < known.steps) [ackedOutput, ackedInput] = [outputBytes, inputBytes];
  }
  expect(output.length, "acknowledged output").toBeGreaterThanOrEqual(ackedOutput);
  expect(input.length, "acknowledged input").toBeGreaterThanOrEqual(ackedInput);
  expect(Buffer.concat(all.output).subarray(0, output.length).equals(output), "output is what was sent").toBe(true);
  expect(Buffer.concat(all.input).subarray(0, input.length).equals(input), "input is what was sent").toBe(true);
}
