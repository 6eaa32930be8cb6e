// A key service behind a command: the program is run with `seal` or `unseal` as its last argument, gets a text on standard
// input and prints the other one. Invariant: what it is given and gives is never in a message, an argument or the environment.
import { spawn } from "node:child_process";
import { AppError } from "../../shared/errors.ts";

const maxAnswerBytes = 64 * 1024;

export class KeyServiceCommand {
  readonly #command: readonly string[];
  readonly #timeoutMs: number;

  constructor(command: readonly string[], timeoutMs: number) {
    this.#command = command;
    this.#timeoutMs = timeoutMs;
  }

  seal(text: string): Promise<string> {
    return this.#run("seal", text);
  }

  unseal(sealed: string): Promise<string> {
    return this.#run("unseal", sealed);
  }

  #run(action: "seal" | "unseal", input: string): Promise<string> {
    const [program = "", ...args] = this.#command;
    const failed = (why: string, cause?: unknown) =>
      new AppError(
        "CONFIG_INVALID",
        `the key service's command ${JSON.stringify(program)} ${action} (encryption.keyService.command) ${why}`,
        { op: "encryption.keyService", retryable: true, cause },
      );
    return new Promise((resolve, reject) => {
      // A group of its own: what it started ends with it.
      const child = spawn(program, [...args, action], { stdio: ["pipe", "pipe", "ignore"], detached: true });
      const chunks: Buffer[] = [];
      let bytes = 0;
      const give = (error: AppError) => {
        clearTimeout(timer);
        child.stdout.destroy();
        killGroup(child.pid);
        reject(error);
      };
      const timer = setTimeout(() => give(failed(`gave nothing within ${this.#timeoutMs / 1000} s`)), this.#timeoutMs);
      child.on("error", (error: NodeJS.ErrnoException) => {
        give(failed(`cannot be run (${error.code ?? "unknown error"}); give the program with its full path`, error));
      });
      // It may end without reading: its exit code says more.
      child.stdin.on("error", () => {});
      child.stdin.end(`${input}\n`);
      child.stdout.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= maxAnswerBytes) chunks.push(chunk);
        else give(failed(`prints more than ${maxAnswerBytes} bytes`));
      });
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        const answer = Buffer.concat(chunks).toString("utf8").trim();
        if (code !== 0) reject(failed(`failed (${signal ?? `exit code ${code}`}); run it by hand to see why`));
        else if (answer === "") reject(failed("prints nothing"));
        else resolve(answer);
      });
    });
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
