import { beforeEach, describe, expect, it } from "vitest";
import { Throttle } from "../../../recorder/access/throttle.ts";
import { networkOf } from "../../../shared/network.ts";

let nowMs = 0;
let throttle: Throttle;
beforeEach(() => {
  nowMs = 1_000_000;
  throttle = new Throttle(
    { freePerPair: 3, freePerAddress: 6, maxDelaySeconds: 60, attemptsPerMinute: 1000, maxEntries: 50 },
    () => nowMs,
  );
});

function waitOf(name: string, address: string): number {
  try {
    throttle.begin(name, address);
    return 0;
  } catch (error) {
    return (error as { details: { retryAfterSeconds: number } }).details.retryAfterSeconds;
  }
}

const fail = (name: string, address: string, times: number) => {
  for (let i = 0; i < times; i++) expect(waitOf(name, address)).toBe(0);
};

describe("delays", () => {
  it("begin after the free attempts and double up to the longest", () => {
    fail("jane", "192.0.2.1", 3);
    const delays = [];
    for (let i = 0; i < 9; i++) {
      expect(waitOf("jane", "192.0.2.1")).toBe(0);
      delays.push(waitOf("jane", "192.0.2.1"));
      nowMs += (delays.at(-1) ?? 0) * 1000;
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it("hold for a burst of parallel attempts, none of which has failed yet", () => {
    const passed = Array.from({ length: 50 }, () => waitOf("jane", "192.0.2.1")).filter((wait) => wait === 0);
    expect(passed).toHaveLength(4);
  });

  it("do not tell names that exist from others, nor case", () => {
    fail("Jane", "192.0.2.1", 4);
    expect(waitOf("jANE", "192.0.2.1")).toBe(1);
  });

  it("count an address that tries many names", () => {
    for (let i = 0; i < 7; i++) fail(`name${i}`, "192.0.2.1", 1);
    expect(waitOf("yet-another", "192.0.2.1")).toBe(1);
  });

  it("do not lock the person out from elsewhere", () => {
    for (let i = 0; i < 200; i++) waitOf("jane", "192.0.2.66");
    expect(waitOf("jane", "192.0.2.66")).toBeGreaterThan(0);
    expect(waitOf("jane", "192.0.2.1")).toBe(0);
  });

  it("are forgotten after quiet", () => {
    fail("jane", "192.0.2.1", 4);
    nowMs += 3_601_000;
    fail("jane", "192.0.2.1", 4);
  });
});

describe("success", () => {
  it("clears the pair, and of the address only its own attempt", () => {
    fail("victim", "192.0.2.1", 3);
    // Somebody with an account of his own cannot wash the address clean by signing in between guesses.
    for (let i = 0; i < 20; i++) throttle.begin("own", "192.0.2.1").succeeded();
    fail("victim2", "192.0.2.1", 3);
    fail("victim3", "192.0.2.1", 1);
    expect(waitOf("victim4", "192.0.2.1")).toBe(1);
  });

  it("gives the pair its free attempts back", () => {
    for (let round = 0; round < 5; round++) {
      fail("jane", "192.0.2.1", 1);
      throttle.begin("jane", "192.0.2.1").succeeded();
      nowMs += 3_601_000;
    }
    fail("jane", "192.0.2.1", 4);
  });
});

it("an attempt that nobody could decide is no failure, and an attempt of its minute all the same", () => {
  throttle = new Throttle({ freePerPair: 3, freePerAddress: 6, attemptsPerMinute: 30 }, () => nowMs);
  for (let i = 0; i < 20; i++) throttle.begin("jane", "192.0.2.1").undecided();
  fail("jane", "192.0.2.1", 3);
  fail("jane", "192.0.2.2", 3);
  const both = [throttle.begin("omar", "192.0.2.3"), throttle.begin("omar", "192.0.2.3")];
  both[0]?.undecided();
  fail("omar", "192.0.2.3", 2);
  for (let i = 0; i < 7; i++) throttle.begin("jane", "192.0.2.1").undecided();
  expect(waitOf("jane", "192.0.2.1")).toBe(60);
});

it("limits attempts in a minute whether they succeed or not: each costs a password hash", () => {
  throttle = new Throttle({ attemptsPerMinute: 10 }, () => nowMs);
  for (let i = 0; i < 10; i++) throttle.begin("jane", "192.0.2.1").succeeded();
  expect(waitOf("jane", "192.0.2.1")).toBe(60);
  nowMs += 60_000;
  expect(waitOf("jane", "192.0.2.1")).toBe(0);
});

it("keeps its memory bounded, and what is in use longest", () => {
  for (let i = 0; i < 1000; i++) {
    waitOf("jane", "192.0.2.1");
    waitOf("x", `10.0.${i >> 8}.${i % 256}`);
  }
  expect(throttle.size).toBeLessThanOrEqual(50);
  expect(waitOf("jane", "192.0.2.1")).toBeGreaterThan(0);
});

it("takes an IPv6 site for one address", () => {
  expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(networkOf("2001:db8:1:2::1")).toBe("2001:db8:1:2::/64");
  expect(networkOf("2001:DB8:0001:2:ffff::")).toBe("2001:db8:1:2::/64");
  expect(networkOf("::1")).toBe("0:0:0:0::/64");
  expect(networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(networkOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(networkOf("192.0.2.1")).toBe("192.0.2.1");
});
