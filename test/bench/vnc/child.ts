// Processes of the VNC bench: scripts of its own by tsx, that print lines and take lines.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.process = child;
    if (child.stdout === null) throw new Error("a child without standard output");
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  static script(url: URL, ...args: string[]): Child {
    return Child.program(process.execPath, ["--import", "tsx", url.pathname, ...args]);
  }

  static program(command: string, args: readonly string[], errors: "inherit" | "ignore" = "inherit"): Child {
    return new Child(spawn(command, args, { stdio: ["pipe", "pipe", errors] }));
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.process.spawnargs.slice(0, 5).join(" ")} ended early`);
    return value;
  }

  /** One line there, one line back. */
  async ask(question: unknown): Promise<unknown> {
    this.process.stdin?.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await this.line());
  }

  async stop(): Promise<void> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

/** Milliseconds of processor time that a process and its threads have used (Linux). */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

/** Waits until a process is all but idle: what it still does for one measure must not slow the next. */
export async function settled(pid: number, atMostMs = 20_000): Promise<void> {
  const until = performance.now() + atMostMs;
  for (let before = cpuMs(pid); performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const now = cpuMs(pid);
    if (now - before <= 20) return;
    before = now;
  }
}
