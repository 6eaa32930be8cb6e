import { expect, it } from "vitest";
import { SingleUse } from "../../../recorder/access/single-use.ts";

it("an answer is taken once, from whom it was asked, and in time", () => {
  let nowMs = 0;
  const asked = new SingleUse<string>(1000, () => nowMs);
  const { ticket } = asked.keep("challenge", "sign-in-1", "192.0.2.1");
  expect(asked.take(ticket, "sign-in-2")).toBeUndefined();
  expect(asked.take("x", "sign-in-1")).toBeUndefined();
  expect(asked.take(ticket, "sign-in-1")).toBe("challenge");
  expect(asked.take(ticket, "sign-in-1")).toBeUndefined();
  const late = asked.keep("challenge", "sign-in-1", "192.0.2.1");
  nowMs = 1000;
  expect(asked.take(late.ticket, "sign-in-1")).toBeUndefined();
});

it("one network pushes out its own questions, and memory is bounded", () => {
  const asked = new SingleUse<number>(1000, () => 0);
  const first = asked.keep(0, "mine", "198.51.100.1");
  for (let i = 0; i < 500; i++) asked.keep(i, "theirs", "192.0.2.1");
  expect(asked.size).toBe(51);
  for (let i = 0; i < 3000; i++) asked.keep(i, "theirs", `10.${i >> 8}.${i % 256}.1`);
  expect(asked.size).toBeLessThanOrEqual(2000);
  expect(asked.take(first.ticket, "mine")).toBeUndefined();
});
