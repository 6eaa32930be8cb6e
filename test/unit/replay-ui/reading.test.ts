import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { isMe, isRecordingIndex, isRecordingSummary } from "../../../replay-ui/api/quick-checks.ts";
import { formatBytes, formatDuration, formatPlural, formatSessionTime } from "../../../replay-ui/format.ts";
import { parseRoute } from "../../../replay-ui/router.ts";
import {
  filtersFromAddress,
  filtersToAddress,
  noFilters,
  queryOf,
} from "../../../replay-ui/views/recording-filters.tsx";
import { Me, RecordingIndex, RecordingSummary } from "../../../shared/api/types.ts";
import { SegmentHeader } from "../../../shared/events/stored.ts";
import { isSegmentHeader } from "../../../shared/segment/parse.ts";
import { type BuiltRecording, makeSigningKey } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";

/** Each member replaced by each of many values, one at a time; `undefined` takes it away. */
function* damaged(whole: Record<string, unknown>): Generator<Record<string, unknown>> {
  const values = [
    undefined,
    null,
    -1,
    0,
    1,
    1.5,
    2 ** 60,
    "",
    "text",
    "a".repeat(64),
    "A".repeat(64),
    true,
    [],
    ["admin"],
    ["x"],
    {},
    "gzip",
    "ssh",
  ];
  for (const name of [...Object.keys(whole), "somethingElse"]) {
    for (const value of values) {
      const changed: Record<string, unknown> = { ...whole, [name]: value };
      if (value === undefined) delete changed[name];
      yield changed;
    }
  }
}

function expectAgreement(check: (value: unknown) => boolean, schema: z.ZodType, whole: Record<string, unknown>): void {
  expect(schema.safeParse(whole).success).toBe(true);
  expect(check(whole)).toBe(true);
  let refused = 0;
  for (const changed of damaged(whole)) {
    const expected = schema.safeParse(changed).success;
    expect(check(changed), JSON.stringify(changed).slice(0, 400)).toBe(expected);
    if (!expected) refused++;
  }
  expect(refused).toBeGreaterThan(40);
  for (const value of [null, undefined, 7, "text", []]) expect(check(value)).toBe(false);
}

describe("answers that are checked by hand", () => {
  let recording: BuiltRecording;
  beforeAll(async () => {
    const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };
    recording = await maintenanceScene(facts, makeSigningKey());
  });

  it("are judged as by their schemas", () => {
    const flags = { mustChangePassword: false, mustEnrol: false, factors: ["password", "totp"] };
    const me = { name: "engineer", roles: ["admin"], csrfToken: "t", ...flags, expiresAt: "later" };
    expectAgreement(isMe, Me, me);
    expectAgreement(isRecordingSummary, RecordingSummary, recording.summary);
    expectAgreement(isRecordingIndex, RecordingIndex, { ...recording.index, faults: ["open.json does not exist"] });
  });

  it("are judged so in all their parts", () => {
    const { index } = recording;
    const within =
      <K extends "segments" | "tracks" | "gaps">(name: K) =>
      (value: unknown) =>
        isRecordingIndex({ ...index, [name]: [value] });
    const schemaWithin = (name: "segments" | "tracks" | "gaps") =>
      z.unknown().refine((value) => RecordingIndex.safeParse({ ...index, [name]: [value] }).success);
    const segment = { ...index.segments.find((s) => s.cols !== undefined)!, versionId: "v1" };
    const track = { ...index.tracks.find((t) => t.kind === "terminal")!, command: "x" };
    expectAgreement(within("segments"), schemaWithin("segments"), segment);
    expectAgreement(within("tracks"), schemaWithin("tracks"), track);
    expectAgreement(within("gaps"), schemaWithin("gaps"), { fromUs: 0, toUs: 1, reason: "recorder-crash" });
  });

  it("are a segment's header too", () => {
    const conduit = { version: 1, session: "s", track: "input", index: 0, startUs: 0, firstSeq: 0, pty: true };
    const within = (value: unknown) => isSegmentHeader({ width: 80, conduit: value });
    const schema = z.unknown().refine((value) => SegmentHeader.safeParse({ width: 80, conduit: value }).success);
    expectAgreement(within, schema, conduit);
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
      toSeconds: null,
      track: "terminal-1",
    });
    expect(parseRoute("/recordings/abc", "?t=12.5&to=1:02:03")).toMatchObject({ atSeconds: 12.5, toSeconds: 3723 });
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
