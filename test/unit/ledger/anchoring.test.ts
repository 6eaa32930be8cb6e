// When an anchor is given a checkpoint: at once where it takes each, at most every so often where it does not.
import { expect, test, vi } from "vitest";
import { type Anchor, Anchoring } from "../../../recorder/ledger/anchor.ts";
import type { LedgerCheckpoint } from "../../../recorder/ledger/contract.ts";

const checkpoint = (size: number) => ({ size, note: `note ${size}\n` }) as LedgerCheckpoint;

function anchored(everyMs?: number) {
  const took: number[] = [];
  const anchor: Anchor = {
    name: "outside",
    anchor: async ({ size }) => {
      took.push(size);
      return { receipt: `took ${size}` };
    },
    ...(everyMs === undefined ? {} : { everyMs }),
  };
  const alarms = { raise: () => undefined, clear: () => undefined };
  const anchoring = new Anchoring({ anchors: [anchor], append: async () => undefined, alarms });
  const offer = async (size: number) => {
    anchoring.offer(checkpoint(size));
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { took, anchoring, offer };
}

test("an anchor that takes each checkpoint is given each", async () => {
  const { took, anchoring, offer } = anchored();
  for (const size of [1, 2, 3]) await offer(size);
  expect(took).toEqual([1, 2, 3]);
  await anchoring.stop();
});

test("one that takes one an hour is given the newest of each hour, also after checkpoints that came too soon", async () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(1000);
  const { took, anchoring, offer } = anchored(3_600_000);
  await offer(1);
  clock.mockReturnValue(301_000);
  await offer(2);
  clock.mockReturnValue(3_601_000);
  await offer(3);
  clock.mockReturnValue(3_901_000);
  await offer(4);
  clock.mockReturnValue(7_300_000);
  await offer(5);
  expect(took).toEqual([1, 3, 5]);
  await anchoring.stop();
});
