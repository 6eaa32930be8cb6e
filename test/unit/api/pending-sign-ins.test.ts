import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PendingCode } from "../../../recorder/access/sign-in.ts";
import { PendingSignIns, pendingLifetimeMs } from "../../../recorder/api/pending-sign-ins.ts";

const step: PendingCode = { outcome: "second-step", person: null, mayRepeat: false, verify: async () => null };
const browser = (address: string) => ({ address, userAgent: "b" });
let waiting: PendingSignIns;
let abandoned: string[];

const begin = (name: string, address = "192.0.2.1") =>
  waiting.begin({ name, step, abandoned: async () => void abandoned.push(name) }, browser(address));

beforeEach(() => {
  vi.useFakeTimers();
  waiting = new PendingSignIns();
  abandoned = [];
});
afterEach(async () => {
  await waiting.close();
  vi.useRealTimers();
});

describe("sign-ins that wait for their code", () => {
  it("are over after their time, and told of once", () => {
    const one = begin("erika");
    vi.advanceTimersByTime(pendingLifetimeMs - 1);
    expect(abandoned).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(abandoned).toEqual(["erika"]);
    expect(waiting.take(one.pending, one.cookie, browser("192.0.2.1"))).toBeUndefined();
  });

  it("of one network make room for one another, and leave those of others alone", () => {
    const mine = begin("erika");
    for (let n = 0; n < 500; n++) begin(`guess-${n}`, "198.51.100.7");
    expect(abandoned).toHaveLength(450);
    expect(abandoned[0]).toBe("guess-0");
    expect(waiting.take(mine.pending, mine.cookie, browser("192.0.2.1"))?.name).toBe("erika");
  });

  it("are bounded over all networks, the oldest first", () => {
    const first = begin("erika");
    for (let n = 0; n < 2000; n++) begin("guess", `10.${Math.floor(n / 250)}.${n % 250}.1`);
    expect(abandoned).toEqual(["erika"]);
    expect(waiting.take(first.pending, first.cookie, browser("192.0.2.1"))).toBeUndefined();
  });

  it("are out of reach while a code of theirs is looked at, back after a wrong one, and gone after five", () => {
    const one = begin("erika");
    const take = () => waiting.take(one.pending, one.cookie, browser("192.0.2.1"));
    for (let n = 1; n <= 5; n++) {
      const taken = take();
      expect(take()).toBeUndefined();
      expect(taken?.giveBack()).toBe(n < 5);
    }
    expect(take()).toBeUndefined();
    vi.advanceTimersByTime(2 * pendingLifetimeMs);
    // Each code was written down when it came.
    expect(abandoned).toEqual([]);
  });
});
