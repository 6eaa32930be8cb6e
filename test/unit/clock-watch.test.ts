// What the service says of the host's clock, with clocks of the test's own.
import { expect, it } from "vitest";
import { ClockWatch } from "../../recorder/clock-watch.ts";

function watch(synchronised: boolean | null = null) {
  const now = { wall: 1_700_000_000_000, monotonic: 5000 };
  const jumps: number[] = [];
  const clock = new ClockWatch({
    wallMs: () => now.wall,
    monotonicMs: () => now.monotonic,
    isSynchronised: async () => synchronised,
    jumped: (byMs) => jumps.push(byMs),
  });
  const pass = (ms: number, wallMs = ms) => {
    now.monotonic += ms;
    now.wall += wallMs;
    clock.look();
  };
  return { clock, jumps, pass };
}

it("a clock that jumps is told once, in either direction, and stands in health for an hour", () => {
  const { clock, jumps, pass } = watch();
  pass(1000);
  pass(1000, 4000);
  pass(1000);
  pass(1000, -60_000);
  pass(1000);
  expect(jumps).toEqual([3000, -61_000]);
  expect(clock.health()).toMatchObject({ name: "clock", ok: false, message: expect.stringContaining("-61.0 s") });
  pass(3_600_000);
  expect(clock.health()).toEqual({ name: "clock", ok: true, message: "not known to be synchronised" });
});

it("one that is slewed, or read late, has not jumped", () => {
  const { jumps, pass } = watch();
  for (let i = 0; i < 10_000; i++) pass(1000, 1000.5);
  pass(90_000);
  expect(jumps).toEqual([]);
});

it.each([
  [true, true, "synchronised"],
  [false, false, "not synchronised: start chrony or systemd-timesyncd"],
  [null, true, "not known to be synchronised"],
])("says what is known: %s", async (synchronised, ok, message) => {
  const { clock, pass } = watch(synchronised);
  pass(0);
  await Promise.resolve();
  await Promise.resolve();
  expect(clock.health()).toEqual({ name: "clock", ok, message });
});
