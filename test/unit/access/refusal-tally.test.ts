import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RefusalTally, type RefusedSignIn } from "../../../recorder/access/refusal-tally.ts";

let entries: RefusedSignIn[];
let errors: unknown[];
const tallyOf = (maxNetworks = 1000) =>
  new RefusalTally({
    append: async (refused) => {
      entries.push(refused);
    },
    failed: (error) => errors.push(error),
    maxNetworks,
  });

beforeEach(() => {
  vi.useFakeTimers();
  [entries, errors] = [[], []];
});
afterEach(() => vi.useRealTimers());

it("writes the first at once and those of its minute as one, with their number", async () => {
  const tally = tallyOf();
  for (let n = 0; n < 1000; n++) await tally.refused("unknown", "10.0.0.9", "ticket");
  expect(entries).toEqual([{ actor: "unknown", address: "10.0.0.9", details: { by: "ticket" } }]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(entries.slice(1)).toEqual([
    { actor: "unknown", address: "10.0.0.9", details: { by: "ticket", count: 999, seconds: 60 } },
  ]);
  await tally.refused("unknown", "10.0.0.9", "ticket");
  expect(entries).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(180_000);
  expect(entries).toHaveLength(3);
  await tally.refused("unknown", "10.0.0.9", "ticket");
  expect(entries).toHaveLength(4);
});

it("says whose accounts were tried, and tells one site's addresses not apart", async () => {
  const tally = tallyOf();
  await tally.refused("ada", "2001:db8::1", "password");
  await tally.refused("ada", "2001:db8::2", "password");
  await tally.refused("bob", "2001:db8::3", "password");
  await tally.refused("unknown", "2001:db8::4", "ticket");
  await tally.close();
  expect(entries).toEqual([
    { actor: "ada", address: "2001:db8::1", details: { by: "password" } },
    {
      actor: "unknown",
      address: "2001:db8::4",
      details: { by: "password, ticket", count: 3, seconds: 60, people: ["ada", "bob"] },
    },
  ]);
});

it("keeps few networks apart at once", async () => {
  const tally = tallyOf(2);
  for (let n = 1; n <= 50; n++) await tally.refused("unknown", `10.0.0.${n}`, "ticket");
  expect(entries).toHaveLength(3);
  await tally.close();
  expect(entries[3]).toEqual({
    actor: "unknown",
    address: "several",
    details: { by: "ticket", count: 47, seconds: 60 },
  });
});
