import { describe, expect, it } from "vitest";
import { stopInSteps } from "../../recorder/stopping.ts";

function log() {
  const lines: { step: unknown; message: string }[] = [];
  const warn = (facts: object, message: string) =>
    void lines.push({ step: (facts as { step?: unknown }).step, message });
  return { lines, warn };
}

describe("the end of the service", () => {
  it("takes its steps in order, and says nothing of those that are quick", async () => {
    const logger = log();
    const done: string[] = [];
    const step = (what: string) => ({ what, stop: async () => void done.push(what) });
    await stopInSteps([step("a"), { what: "b", stop: () => void done.push("b") }, step("c")], logger);
    expect(done).toEqual(["a", "b", "c"]);
    expect(logger.lines).toEqual([]);
  });

  it("names the step that it waits for, while it waits", async () => {
    const logger = log();
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const named = new Promise<void>((resolve) => {
      const { warn } = logger;
      logger.warn = (facts, message) => {
        warn(facts, message);
        resolve();
      };
    });
    const stopped = stopInSteps(
      [
        { what: "the quick one", stop: () => undefined },
        { what: "the slow one", stop: () => gate },
      ],
      logger,
      5,
    );
    await named;
    expect(logger.lines[0]).toEqual({
      step: "the slow one",
      message: "stopping takes long: the service waits for the slow one",
    });
    release();
    await stopped;
    expect(logger.lines.at(-1)?.message).toBe("stopping goes on: that was the slow one");
  });

  it("ends with the step that fails, and looks after it no longer", async () => {
    const logger = log();
    const done: string[] = [];
    const failing = { what: "the failing one", stop: () => Promise.reject(new Error("no disk")) };
    await expect(
      stopInSteps([failing, { what: "after", stop: () => void done.push("after") }], logger),
    ).rejects.toThrow("no disk");
    expect(done).toEqual([]);
  });
});
