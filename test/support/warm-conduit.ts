// The built `conduit` in a process that stays: for the many lines of a test whose subject is not the program's own start.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ProcessResult } from "./process.ts";

const runnerScript = fileURLToPath(new URL("./conduit-runner.mjs", import.meta.url));

interface Answer {
  id: number;
  code: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
}

export class WarmConduit {
  readonly #env: Record<string, string>;
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  #child: ChildProcess | null = null;
  #lines = 0;

  constructor(env: Record<string, string> = {}) {
    this.#env = env;
  }

  /** As a process of its own would: lines that are asked for together run one after the other. */
  async run(
    args: readonly string[],
    { input, directory = process.cwd() }: { input?: string; directory?: string } = {},
  ): Promise<ProcessResult> {
    const child = this.#start();
    const id = ++this.#lines;
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#hold(child);
    child.send({ id, args, input, directory });
    try {
      const { code, stdout, stderr } = await answer;
      const stdoutBytes = Buffer.from(stdout);
      return {
        ...{ code, signal: null, stdoutBytes },
        stdout: stdoutBytes.toString("utf8"),
        stderr: Buffer.from(stderr).toString("utf8"),
      };
    } finally {
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#release(child);
    }
  }

  /** It ends by itself when the test's process does. */
  stop(): void {
    this.#child?.disconnect();
    this.#child = null;
  }

  #start(): ChildProcess {
    if (this.#child !== null) return this.#child;
    const child = fork(runnerScript, {
      env: { ...process.env, ...this.#env },
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.on("message", (message) => {
      const answer = message as Answer;
      this.#waiting.get(answer.id)?.resolve(answer);
    });
    const gone = (why: string) => {
      if (this.#child === child) this.#child = null;
      for (const { reject } of this.#waiting.values()) reject(new Error(`the conduit that stays ${why}`));
    };
    child.once("error", (error) => gone(`failed: ${error.message}`));
    child.once("exit", (code, signal) => gone(`ended with ${code ?? signal}`));
    this.#child = child;
    return child;
  }

  // It keeps nobody waiting for it while it has nothing to do.
  #hold(child: ChildProcess): void {
    child.ref();
    child.channel?.ref();
  }

  #release(child: ChildProcess): void {
    child.unref();
    child.channel?.unref();
  }
}
