import { describe, expect, it } from "vitest";
import { freePort, waitForPort } from "../../support/free-port.ts";
import { runChecked, runProcess, startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";

describe("a program run to its end", () => {
  it("gives output, exit code and signal", async () => {
    expect(await runProcess("sh", ["-c", "cat; echo no >&2; exit 3"], { input: "yes" })).toMatchObject({
      code: 3,
      signal: null,
      stdout: "yes",
      stderr: "no\n",
    });
    expect((await runProcess("sh", ["-c", "kill -TERM $$"])).signal).toBe("SIGTERM");
  });

  it("must not be missing, hang, or (checked) fail", async () => {
    await expect(runProcess("no-such-program", [])).rejects.toThrow(/no-such-program is missing.*test:setup/);
    await expect(runProcess("sleep", ["60"], { timeoutMs: 50 })).rejects.toThrow(/did not end in 50 ms/);
    await expect(runChecked("sh", ["-c", "echo why >&2; exit 1"])).rejects.toThrow(/why/);
  });
});

describe("a program in the background", () => {
  it("is ready when its output says so, and ends when stopped", async () => {
    const program = await startProcess("sh", ["-c", "echo up; cat"], { ready: /up/ });
    program.write("hello\n");
    await waitFor(() => program.stdout().includes("hello"), { what: "the echo" });
    await program.stop();
    expect((await program.exited).signal).toBe("SIGTERM");
  });

  it("that ends before it is ready is an error with its output", async () => {
    await expect(startProcess("sh", ["-c", "echo broken; exit 4"], { ready: /never/ })).rejects.toThrow(
      /4.*\n.*broken/s,
    );
  });

  it("that ignores SIGTERM is killed", async () => {
    const stubborn = await startProcess("sh", ["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"], {
      ready: /up/,
    });
    await stubborn.stop("SIGTERM", 100);
    expect((await stubborn.exited).signal).toBe("SIGKILL");
  });
});

describe("waiting", () => {
  it("names what never came, with the last error as its cause", async () => {
    const never = waitFor(() => Promise.reject(new Error("still closed")), { what: "the door", timeoutMs: 40 });
    await expect(never).rejects.toMatchObject({
      message: expect.stringContaining("the door"),
      cause: expect.objectContaining({ message: "still closed" }),
    });
  });

  it("for a port fails while nobody listens", async () => {
    await expect(waitForPort(await freePort(), 60)).rejects.toThrow(/a listener/);
  });
});
