// Child processes that a test owns: started with their output in a file, stopped by their own handle, and told by the
// kernel to end when the process that started them is killed.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { accessSync, closeSync, constants, openSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";

export interface Daemon {
  readonly name: string;
  readonly pid: number;
  /** Null while it runs, else how it ended. */
  readonly exited: string | null;
  pause(): void;
  resume(): void;
  /** SIGTERM, and SIGKILL when that does not end it in ten seconds. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export function startDaemon(
  name: string,
  command: string,
  args: string[],
  options: { env: NodeJS.ProcessEnv; outputFile: string; cwd?: string },
): Daemon {
  const output = openSync(options.outputFile, "a");
  const tied = whereIs("setpriv") !== null;
  const child: ChildProcess = spawn(
    tied ? "setpriv" : command,
    tied ? ["--pdeathsig", "KILL", "--", command, ...args] : args,
    {
      env: options.env,
      stdio: ["ignore", output, output],
      // A group of its own: Ctrl-C reaches the starter alone, which then ends its daemons in order.
      detached: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    },
  );
  closeSync(output);
  let exited: string | null = null;
  const gone = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      exited = error.message;
      resolve();
    });
    child.once("exit", (code, signal) => {
      exited = signal ?? `exit ${code}`;
      resolve();
    });
  });
  return {
    name,
    pid: child.pid ?? -1,
    get exited() {
      return exited;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      if (exited !== null) return;
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await gone;
      clearTimeout(timer);
    },
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Standard output of a program that must succeed. */
export function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, timeout: 60_000, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args[0] ?? ""} failed: ${stderr.trim() || error.message}`));
      else resolve(stdout + stderr);
    });
  });
}

export function whereIs(program: string): string | null {
  for (const folder of [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin", "/sbin"]) {
    if (folder === "") continue;
    const file = path.join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return null;
}

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
