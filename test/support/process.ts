// Programs that tests run: to completion (runProcess) or in the background (startProcess).
// Each gets a process group of its own, so that its children end with it, and no terminal, so that none can prompt.
// Invariant: whatever was started here and still runs is killed when the test process exits.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { waitFor } from "./wait-for.ts";

export interface ProcessOptions {
  cwd?: string;
  /** Added to the environment of this process; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
}

export interface RunOptions extends ProcessOptions {
  /** Written to standard input, which is then closed. */
  input?: string | Uint8Array;
  timeoutMs?: number;
}

export interface ProcessResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  stdoutBytes: Buffer;
}

export interface StartOptions extends ProcessOptions {
  /** The process counts as started when this matches its output, or answers true. Without it: at once. */
  ready?: RegExp | (() => boolean | Promise<boolean>);
  readyTimeoutMs?: number;
}

export interface RunningProcess {
  pid: number;
  child: ChildProcess;
  /** Everything written so far to standard output and standard error, in order of arrival. */
  output(): string;
  stdout(): string;
  stderr(): string;
  write(text: string | Uint8Array): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends the signal (SIGTERM) to it and its children, waits, and resorts to SIGKILL after `graceMs`. Harmless when already gone. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

const OUTPUT_GRACE_MS = 2_000;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) signalGroup(child, "SIGKILL");
});

/** Runs a program to its end. A nonzero exit is an answer, not an error; a missing program or a timeout is an error. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const { input, timeoutMs = 60_000 } = options;
  const { child, collected, exited } = launch(command, args, options);
  child.stdin?.on("error", () => {}); // a program may end without reading its input
  child.stdin?.end(input);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    signalGroup(child, "SIGKILL");
  }, timeoutMs);
  try {
    const { code, signal } = await exited;
    const result = {
      code,
      signal,
      stdout: collected.text("stdout"),
      stderr: collected.text("stderr"),
      stdoutBytes: collected.bytes("stdout"),
    };
    if (timedOut) {
      throw new Error(`${shown(command, args)} did not end in ${timeoutMs} ms\n${result.stdout}${result.stderr}`);
    }
    return result;
  } finally {
    clearTimeout(timer);
  }
}

/** runProcess, but a nonzero exit throws with the program's output. Gives standard output. */
export async function runChecked(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await runProcess(command, args, options);
  if (result.code !== 0) {
    throw new Error(
      `${shown(command, args)} ended with ${result.code ?? result.signal}\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

export async function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<RunningProcess> {
  const { ready, readyTimeoutMs = 60_000 } = options;
  const { child, collected, exited } = launch(command, args, options);
  let ended = false;
  exited.then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  child.stdin?.on("error", () => {});

  const started: RunningProcess = {
    pid: child.pid ?? -1,
    child,
    output: () => collected.text(),
    stdout: () => collected.text("stdout"),
    stderr: () => collected.text("stderr"),
    write: (text) => {
      child.stdin?.write(text);
    },
    exited,
    stop: async (signal = "SIGTERM", graceMs = 5_000) => {
      if (ended) return;
      signalGroup(child, signal);
      const timer = setTimeout(() => signalGroup(child, "SIGKILL"), graceMs);
      await exited.catch(() => {});
      clearTimeout(timer);
      signalGroup(child, "SIGKILL"); // what it left behind
    },
  };

  if (ready !== undefined) {
    const isReady = typeof ready === "function" ? ready : () => ready.test(collected.text());
    try {
      await waitFor(async () => ended || (await isReady()), {
        what: `${shown(command, args)} to be ready`,
        timeoutMs: readyTimeoutMs,
      });
      if (ended && !(await isReady())) {
        const { code, signal } = await exited;
        throw new Error(`${shown(command, args)} ended with ${code ?? signal} before it was ready`);
      }
    } catch (error) {
      await started.stop("SIGKILL");
      throw new Error(`${(error as Error).message}\n${collected.text()}`, { cause: error });
    }
  }
  return started;
}

type Stream = "stdout" | "stderr";

function launch(command: string, args: readonly string[], options: ProcessOptions) {
  const spawnOptions: SpawnOptions = {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    detached: true,
  };
  if (options.cwd !== undefined) spawnOptions.cwd = options.cwd;
  const child = spawn(command, args, spawnOptions);
  running.add(child);

  const chunks: { stream: Stream; bytes: Buffer }[] = [];
  child.stdout?.on("data", (bytes: Buffer) => chunks.push({ stream: "stdout", bytes }));
  child.stderr?.on("data", (bytes: Buffer) => chunks.push({ stream: "stderr", bytes }));
  const bytes = (stream?: Stream) =>
    Buffer.concat(chunks.filter((c) => stream === undefined || c.stream === stream).map((c) => c.bytes));

  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      running.delete(child);
      reject(error.code === "ENOENT" ? new Error(missingProgram(command)) : error);
    });
    child.once("exit", (code, signal) => {
      running.delete(child);
      // Its pipes close a moment later, and never while a child of its own holds them.
      const settle = () => resolve({ code, signal });
      child.once("close", settle);
      setTimeout(settle, OUTPUT_GRACE_MS).unref();
    });
  });
  exited.catch(() => {}); // reported to whoever awaits it; never as an unhandled rejection
  return { child, exited, collected: { bytes, text: (stream?: Stream) => bytes(stream).toString("utf8") } };
}

/** Signals the program and its children; nothing happens when all are gone. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function missingProgram(command: string): string {
  return `the program ${command} is missing: run "npm run test:setup" (it installs scripts/debian-packages.txt)`;
}

function shown(command: string, args: readonly string[]): string {
  const line = [command, ...args].join(" ");
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
