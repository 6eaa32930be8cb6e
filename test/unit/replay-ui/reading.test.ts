import { beforeAll, describe, expect, it } from "vitest";
import { isSegmentMeta, readIndex } from "../../../replay-ui/api/read-index.ts";
import { formatBytes, formatDuration, formatPlural, formatSessionTime } from "../../../replay-ui/format.ts";
import { parseRoute } from "../../../replay-ui/router.ts";
import {
  filtersFromAddress,
  filtersToAddress,
  noFilters,
  queryOf,
} from "../../../replay-ui/views/recording-filters.tsx";
import { RecordingIndex } from "../../../shared/api/types.ts";
import { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";

describe("reading an index", () => {
  let index: RecordingIndex;
  beforeAll(async () => {
    const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };
    index = (await maintenanceScene(facts, makeSigningKey())).index;
  });

  it("takes what the schema takes", () => {
    expect(RecordingIndex.safeParse(index).success).toBe(true);
    expect(readIndex(JSON.parse(JSON.stringify(index)))).toEqual(index);
  });

  it("judges every damaged member of a segment as the schema does", () => {
    const whole = { ...index.segments.find((s) => s.cols !== undefined)!, versionId: "v1" };
    expect(isSegmentMeta(whole)).toBe(true);
    const values = [
      undefined,
      null,
      -1,
      0,
      1.5,
      2 ** 60,
      "",
      "text",
      "a".repeat(64),
      "A".repeat(64),
      true,
      [],
      {},
      "gzip",
    ];
    let refused = 0;
    for (const name of Object.keys(whole)) {
      for (const value of values) {
        const changed: Record<string, unknown> = { ...whole, [name]: value };
        if (value === undefined) delete changed[name];
        const expected = SegmentMeta.safeParse(changed).success;
        expect(isSegmentMeta(changed), `${name} = ${JSON.stringify(value)}`).toBe(expected);
        if (!expected) refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
    for (const value of [null, 7, "segment"]) expect(isSegmentMeta(value)).toBe(false);
  });

  it("refuses an index with a bad segment", () => {
    const segments = index.segments.with(2, { ...index.segments[2]!, sha256: "no" });
    expect(() => readIndex({ ...index, segments })).toThrow();
  });
});

describe("writing for people", () => {
  it("writes session times", () => {
    expect(formatSessionTime(0)).toBe("0:00");
    expect(formatSessionTime(187_449_999, { tenths: true })).toBe("3:07.4");
    expect(formatSessionTime(14_587_000_000)).toBe("4:03:07");
    expect(formatSessionTime(1_000_000, { hours: true })).toBe("0:00:01");
  });

  it("writes durations, sizes and counts", () => {
    expect([400_000, 12_000_000, 187_000_000, 14_587_000_000].map(formatDuration)).toEqual([
      "0.4 s",
      "12 s",
      "3 min 07 s",
      "4 h 03 min",
    ]);
    expect([0, 999, 1_000, 48_917, 999_960, 1_000_000, 2.5e9].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "49 kB",
      "1.0 MB",
      "1.0 MB",
      "2.5 GB",
    ]);
    expect([formatPlural(1, "file"), formatPlural(1_200, "file")]).toEqual(["1 file", "1,200 files"]);
  });
});

describe("addresses", () => {
  it("name views", () => {
    expect(parseRoute("/", "")).toEqual({ view: "recordings" });
    expect(parseRoute("/recordings/abc", "?t=12.5&track=terminal-1")).toEqual({
      view: "recording",
      session: "abc",
      atSeconds: 12.5,
      track: "terminal-1",
    });
    expect(parseRoute("/recordings/abc", "?t=-4")).toMatchObject({ atSeconds: 0 });
    expect(parseRoute("/recordings/abc", "?t=x")).toMatchObject({ atSeconds: 0 });
    expect(parseRoute("/live", "")).toEqual({ view: "live" });
    expect(parseRoute("/nothing/here", "")).toEqual({ view: "unknown" });
  });

  it("carry the filters of the list", () => {
    const filters = { ...noFilters, person: "vendor", range: "custom", from: "2026-11-20T06:00" };
    expect(filtersFromAddress(filtersToAddress(filters))).toEqual(filters);
    expect(filtersToAddress(noFilters)).toBe("");
    expect(queryOf(filters)).toMatchObject({
      person: "vendor",
      from: new Date("2026-11-20T06:00").toISOString(),
      to: "",
    });
    expect(queryOf({ ...filters, range: "" }).from).toBe("");
    const day = Date.now() - Date.parse(queryOf({ ...noFilters, range: "24h" }).from!);
    expect(Math.abs(day - 86_400_000)).toBeLessThan(5_000);
  });
});
