import { describe, expect, test } from "vitest";
import { formatSize, normaliseUnits, parseDurationMs, parseSize, readUnit } from "../../../recorder/config/units.ts";
import { formatBytes } from "../../../replay-ui/format.ts";

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["268435456", 268_435_456],
    ["10 GiB", 10 * 1024 ** 3],
    ["1.5MiB", 1.5 * 1024 ** 2],
    ["2 kb", 2000],
    ["1 TB", 1e12],
    [" 64 mib ", 64 * 1024 ** 2],
  ])("%j is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(["", "GiB", "-1", "1 GiB 2", "10 parsecs", "1e9", "9999999999 TiB"])("%j is no size", (text) =>
    expect(parseSize(text)).toBeNull(),
  );

  test("are shown in the unit that fits", () => {
    const sizes = [0, 999, 1000, 9_949, 9_950, 597_000, 999_499, 999_500, 10_485_760, 3e12];
    expect(sizes.map(formatSize)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "9.9 kB",
      "10 kB",
      "597 kB",
      "999 kB",
      "1.0 MB",
      "10 MB",
      "3.0 TB",
    ]);
    expect(sizes.map(formatSize)).toEqual(sizes.map(formatBytes));
  });
});

describe("durations", () => {
  test.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["1h 30m", 5_400_000],
    ["2 d", 172_800_000],
    ["250ms", 250],
    ["0.5 h", 1_800_000],
  ])("%j is %d ms", (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  test.each(["", "15", "m", "15 minutes", "1h30", "-5s"])("%j is no duration", (text) =>
    expect(parseDurationMs(text)).toBeNull(),
  );

  test("land in the unit that the key names", () => {
    expect(readUnit("idleSeconds", "15m")).toBe(900);
    expect(readUnit("intervalMs", "0.1s")).toBe(100);
    expect(readUnit("idleSeconds", "20")).toBe(20);
    expect(readUnit("description", "15m")).toBeNull();
  });
});

test("normalising reaches every depth and leaves what it cannot read for the schema to refuse", () => {
  const raw = { limits: { idleSeconds: "15m", note: "15m" }, list: [{ maxBytes: "1 KiB" }], floorBytes: "lots" };
  expect(normaliseUnits(raw)).toEqual({
    limits: { idleSeconds: 900, note: "15m" },
    list: [{ maxBytes: 1024 }],
    floorBytes: "lots",
  });
});
