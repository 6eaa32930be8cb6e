// What one screen may take of its thread's time: paid for with the session's time and bytes, else it ends.
import { expect, test } from "vitest";
import { WorkAllowance } from "../../../recorder/record/segments/work-allowance.ts";

let nowMs = 0;
const takes = (ms: number) => () => {
  nowMs += ms;
};

test("time that its records do not account for is owed, and more than so much ends it", () => {
  const allowance = new WorkAllowance(5000, () => nowMs);
  allowance.earn(1_000_000, 1000);
  allowance.work(takes(4900));
  allowance.check();
  allowance.earn(1_000_000, 16);
  allowance.work(takes(200));
  expect(() => allowance.check()).toThrow(
    expect.objectContaining({ code: "PROTOCOL_LIMIT", message: expect.stringContaining("5.1 s") }),
  );
});

test("is seen amid the work too, and work that failed counts", () => {
  const allowance = new WorkAllowance(5000, () => nowMs);
  allowance.work(() => {
    takes(4000)();
    allowance.check();
    takes(2000)();
    expect(() => allowance.check()).toThrow("6.0 s");
  });
  const failing = new WorkAllowance(5000, () => nowMs);
  expect(() =>
    failing.work(() => {
      takes(6000)();
      throw new Error("unreadable");
    }),
  ).toThrow("unreadable");
  expect(() => failing.check()).toThrow("6.0 s");
});

test("half of the session's time is its own, and so is a microsecond for each byte", () => {
  const byTime = new WorkAllowance(5000, () => nowMs);
  const byBytes = new WorkAllowance(5000, () => nowMs);
  for (let second = 1; second < 60; second += 1) {
    byTime.earn(second * 1_000_000, 10);
    byTime.work(takes(490));
    byTime.check();
    byBytes.earn(0, 1_000_000);
    byBytes.work(takes(990));
    byBytes.check();
  }
});

test("nothing is saved up, and a time that does not go on earns nothing", () => {
  const allowance = new WorkAllowance(5000, () => nowMs);
  allowance.earn(0, 0);
  allowance.earn(3_600_000_000, 100_000_000);
  allowance.work(takes(5100));
  expect(() => allowance.check()).toThrow("5.1 s");
  allowance.earn(1_000_000, 0);
  expect(() => allowance.check()).toThrow("5.1 s");
});
