import { expect, test } from "vitest";
import { Pacer } from "../../../recorder/cli/recordings/pacer.ts";

/** A clock that moves only by sleeping; `onSleep` runs in mid-sleep, when its time has come. */
function plant(options: {
  speed?: number;
  idleLimitUs?: number;
  keys?: [atMs: number, press: (pacer: Pacer) => void][];
}) {
  let nowMs = 1000;
  const keys = [...(options.keys ?? [])];
  const pacer: Pacer = new Pacer({
    speed: options.speed ?? 1,
    ...(options.idleLimitUs === undefined ? {} : { idleLimitUs: options.idleLimitUs }),
    now: () => nowMs,
    sleep: async (ms) => {
      const [next] = keys;
      if (next !== undefined && next[0] <= nowMs - 1000 + ms) {
        keys.shift();
        nowMs = Math.max(nowMs, 1000 + next[0]);
        next[1](pacer);
      } else {
        if (!Number.isFinite(ms)) throw new Error("it would wait for ever");
        nowMs += ms;
      }
    },
  });
  pacer.begin(0);
  return { pacer, elapsedMs: () => nowMs - 1000, advance: (ms: number) => (nowMs += ms) };
}

test("waits as long as the session did", async () => {
  const { pacer, elapsedMs } = plant({});
  await pacer.until(1_500_000);
  expect(elapsedMs()).toBe(1500);
  await pacer.until(1_750_000);
  expect(elapsedMs()).toBe(1750);
});

test("speed divides, the idle limit shortens each pause before it", async () => {
  const { pacer, elapsedMs } = plant({ speed: 4, idleLimitUs: 2_000_000 });
  await pacer.until(60_000_000);
  expect(elapsedMs()).toBe(500);
  await pacer.until(61_000_000);
  expect(elapsedMs()).toBe(750);
});

test("a slow terminal is made up for", async () => {
  const { pacer, elapsedMs, advance } = plant({});
  await pacer.until(1_000_000);
  advance(300);
  await pacer.until(2_000_000);
  expect(elapsedMs()).toBe(2000);
});

test("while paused no time passes", async () => {
  const { pacer, elapsedMs } = plant({
    keys: [
      [400, (p) => p.togglePause()],
      [5400, (p) => p.togglePause()],
    ],
  });
  await pacer.until(1_000_000);
  expect(elapsedMs()).toBe(6000);
});

test("a change of speed holds from its moment on", async () => {
  const { pacer, elapsedMs } = plant({ keys: [[500, (p) => p.changeSpeed(2)]] });
  await pacer.until(1_500_000);
  expect(elapsedMs()).toBe(1000);
});

test("stopping ends every wait", async () => {
  const { pacer, elapsedMs } = plant({ keys: [[10, (p) => p.stop()]] });
  await pacer.until(3_600_000_000);
  expect(elapsedMs()).toBe(10);
  await pacer.until(7_200_000_000);
  expect(elapsedMs()).toBe(10);
});
