// Emergency access is loud while it is open and while its review is overdue, and a clock that is behind is, too.
import { afterEach, beforeEach, expect, it } from "vitest";
import { AccessAlarms } from "../../../../recorder/access-alarms.ts";
import { type AccessUnderTest, accessUnderTest, hourMs } from "./access-under-test.ts";

let access: AccessUnderTest;
let active: Map<string, string>;
const board = {
  raise: (code: string, message: string) => void active.set(code, message),
  clear: (code: string) => void active.delete(code),
};
const alarms = async () => {
  const made = new AccessAlarms(access.requests, board);
  await made.start(access.feed);
  return made;
};

beforeEach(async () => {
  access = await accessUnderTest();
  active = new Map();
  await access.feed.start();
});
afterEach(() => access.close());

it("raises while emergency access is open, and while its review is overdue, over restarts, too", async () => {
  await alarms();
  const { id } = await access.requests.breakGlass(access.as("petra"), {
    target: "plc-1",
    reason: "the pump does not stop",
  });
  await access.feed.settled();
  const open = new Map([[`BREAK_GLASS_OPEN ${id}`, expect.stringContaining("petra opened emergency access to plc-1")]]);
  expect(active).toEqual(open);
  active.clear();
  await alarms();
  expect(active).toEqual(open);
  access.pass(hourMs);
  await access.requests.sweep();
  await access.feed.settled();
  expect(active).toEqual(new Map());
  access.pass(72 * hourMs);
  await access.requests.sweep();
  await access.feed.settled();
  const overdue = new Map([
    [`BREAK_GLASS_REVIEW_OVERDUE ${id}`, expect.stringContaining("petra's emergency access is overdue")],
  ]);
  expect(active).toEqual(overdue);
  active.clear();
  await alarms();
  expect(active).toEqual(overdue);
  await access.requests.review(id, access.as("audrey"), { verdict: "justified", comment: "looked at it" });
  await access.feed.settled();
  expect(active).toEqual(new Map());
});

it("says once that the clock is behind, and when it has caught up", async () => {
  const watching = await alarms();
  access.requests.nowMs();
  access.clock.wallMs -= 60_000;
  watching.lookAtClock();
  expect(active.size).toBe(0);
  access.clock.wallMs -= 1;
  watching.lookAtClock();
  expect([...active.keys()]).toEqual(["ACCESS_CLOCK_BEHIND"]);
  expect([...active.values()][0]).toContain("conduit access accept-clock");
  active.clear();
  watching.lookAtClock();
  expect(active.size).toBe(0);
  access.clock.wallMs += 2 * hourMs;
  active.set("ACCESS_CLOCK_BEHIND", "");
  watching.lookAtClock();
  expect(active.size).toBe(0);
});
