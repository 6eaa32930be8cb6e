import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadLine, csvRecords } from "../../../recorder/cases/import-records.ts";
import { TimeReader } from "../../../recorder/cases/import-times.ts";
import { readImport } from "../../../recorder/cases/read-import.ts";
import { ImportSettings } from "../../../shared/api/cases.ts";

const csv = (settings: Record<string, unknown> = {}) =>
  ImportSettings.parse({ format: "csv", mapping: { at: "time", text: ["message"] }, ...settings });
const jsonl = (settings: Record<string, unknown> = {}) =>
  ImportSettings.parse({ format: "jsonl", mapping: { at: "time", text: ["message"] }, ...settings });
const read = (text: string, settings = csv()) => readImport(Buffer.from(text), settings);

const recordsOf = (text: string, delimiter = ",") =>
  [...csvRecords(text, delimiter)].filter((record) => record !== null);
const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;

describe("CSV", () => {
  it("reads what was written, whatever stands in the fields", () => {
    const field = fc.string({ maxLength: 30, unit: fc.constantFrom("a", "é", '"', ",", ";", "\n", "\r", " ", "\t") });
    const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 5 }), { maxLength: 20 });
    fc.assert(
      fc.property(rows, fc.constantFrom(",", ";", "\t"), fc.constantFrom("\n", "\r\n"), (table, delimiter, end) => {
        const text = table.map((row) => row.map(quoted).join(delimiter) + end).join("");
        expect(recordsOf(text, delimiter).map(({ fields }) => fields)).toEqual(table);
      }),
    );
  });

  it("reads anything in bounded time and memory, or says at which line not", () => {
    const anything = fc.string({ maxLength: 400, unit: fc.constantFrom("a", '"', ",", "\n", "\r", "\0", "é") });
    fc.assert(
      fc.property(anything, (text) => {
        try {
          const records = recordsOf(text);
          expect(records.flatMap(({ fields }) => fields).join("").length).toBeLessThanOrEqual(text.length);
          const lines = records.map(({ line }) => line);
          expect(lines).toEqual([...lines].sort((a, b) => a - b));
        } catch (error) {
          expect(error).toBeInstanceOf(BadLine);
          expect((error as BadLine).line).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("names the line that it is about, also after a field of several lines", () => {
    const records = recordsOf('time,message\n1,"two\nlines"\n\n2,b\n');
    expect(records.map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  it.each([
    ["a quotation mark that is never closed", `time,message\n1,"${"a".repeat(200_000)}`, /not closed/],
    ["a line without end", `time,message\n${"a".repeat(200_000)}`, /longer than 64 KiB/],
    ["columns without end", `${",".repeat(10_000)}\n`, /more than 500 columns/],
    ["text behind a field", 'time,message\n"1"x,b\n', /closing quotation mark/],
  ])("ends at %s", async (_what, text, message) => {
    const { events, errors } = await read(text);
    expect(events).toEqual([]);
    expect(errors.map((error) => error.message).join()).toMatch(message);
  });

  it("imports nothing of a file with more events than are taken", async () => {
    const text = `time,message\n${"1764000000,a\n".repeat(100_001)}`;
    const { errors } = await read(text);
    expect(errors).toEqual([{ line: 100_002, message: "there are more than 100000 events" }]);
  });

  it("names the columns that there are where one is not", async () => {
    const { errors } = await read("when,message\n1,a\n");
    expect(errors).toEqual([{ line: 1, message: 'there is no column "time"; there are when, message' }]);
  });

  it("takes columns by their number where there are no headings", async () => {
    const settings = csv({ header: false, delimiter: ";", mapping: { at: "2", text: ["1", "3"] } });
    const { events, errors } = await read("valve;1764000000;opened\n", settings);
    expect(errors).toEqual([]);
    expect(events).toEqual([[1_764_000_000_000, "events", "valve opened", null]]);
  });
});

describe("an import", () => {
  it("puts events in order, adds the offset, and takes lane and severity from their columns", async () => {
    const text = "time,message,area,level\n2026-11-23 10:00:02,second,Tank,HIHI\n2026-11-23 10:00:01,first,,odd\n";
    const mapping = { at: "time", text: ["message"], lane: "area", severity: "level" };
    const { events } = await read(text, csv({ mapping, offsetMs: -1500, lane: "alarms" }));
    const at = Date.parse("2026-11-23T10:00:00Z");
    expect(events).toEqual([
      [at - 500, "alarms", "first", null],
      [at + 500, "Tank", "second", "alarm"],
    ]);
  });

  it("says what is wrong with each line, and stops after the first twenty", async () => {
    const { errors } = await read("time,message\n2026-11-23 10:00:00,a\n,b\nnever,c\n2026-11-23 10:00:00,\n");
    expect(errors.map(({ line }) => line)).toEqual([3, 4, 5]);
    expect((await read(`time,message\n${"never,c\n".repeat(500)}`)).errors).toHaveLength(20);
  });

  it("is in the encoding that was stated, and in no other", async () => {
    const latin = Buffer.from("time,message\n1764000000,\xdcberdruck\n", "latin1");
    expect((await readImport(latin, csv())).errors[0]?.message).toMatch(/not utf-8/);
    expect((await readImport(latin, csv({ encoding: "windows-1252" }))).events[0]?.[2]).toBe("Überdruck");
    const wide = Buffer.from("\ufefftime,message\n1764000000,ok\n", "utf16le");
    expect((await readImport(wide, csv({ encoding: "utf-16le" }))).events).toHaveLength(1);
    expect((await read("time,message\n1764000000,a\0b\n")).errors[0]).toMatchObject({ line: 2 });
  });

  it("keeps controls and changes of direction out of what is shown", async () => {
    const { events } = await read('time,message\n1764000000,"a\u202eb\u0007c\nd\ud83d"\n');
    expect(events[0]?.[2]).toMatch(/^a b c d/);
  });

  it("takes so many lanes", async () => {
    const lines = Array.from({ length: 21 }, (_, i) => `1764000000,a,lane${i}\n`).join("");
    const mapping = { at: "time", text: ["message"], lane: "lane" };
    const { errors } = await read(`time,message,lane\n${lines}`, csv({ mapping }));
    expect(errors[0]).toMatchObject({ line: 22, message: expect.stringMatching(/more than 20 lanes/) });
  });
});

describe("JSON lines", () => {
  it("finds members of members, and not what every object has", async () => {
    const settings = jsonl({ mapping: { at: "meta.at", text: ["data.text", "data"], lane: "constructor" } });
    const { events, errors } = await read('{"meta":{"at":"2026-11-23T10:00:00Z"},"data":{"text":"x"}}\n', settings);
    expect(errors).toEqual([]);
    expect(events[0]?.slice(1)).toEqual(["events", 'x {"text":"x"}', null]);
  });

  it("says which lines are none", async () => {
    const text = '{"time":1764000000,"message":"a"}\n[]\nnull\n{"time"\n\n{"time":1764000000,"message":"b"}\n';
    expect((await read(text, jsonl())).errors.map(({ line }) => line)).toEqual([2, 3, 4]);
  });

  it("stops after the first twenty bad lines, and gives way at blank ones", async () => {
    const { errors } = await read("x\n".repeat(20_000), jsonl());
    expect(errors.map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    for (const settings of [csv(), jsonl()]) {
      let turns = 0;
      let going = true;
      const count = () => {
        turns++;
        if (going) setImmediate(count);
      };
      setImmediate(count);
      await read("\n".repeat(20_000), settings);
      going = false;
      expect(turns).toBeGreaterThan(3);
    }
  });

  it("says of a member that is nested too deeply that it is", async () => {
    const deep = `{"time":1764000000,"message":${"[".repeat(30_000)}${"]".repeat(30_000)}}\n`;
    expect((await read(deep, jsonl())).errors).toEqual([{ line: 1, message: expect.stringMatching(/too deeply/) }]);
  });

  it("reads whatever objects there are, or says why not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.json(), fc.string({ maxLength: 40 })), { maxLength: 20 }),
        async (lines) => {
          const { events, errors } = await read(lines.join("\n"), jsonl());
          expect(events.length + errors.length).toBeGreaterThan(0);
          expect(errors.length).toBeLessThanOrEqual(20);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("times", () => {
  const at = (text: string, zone = "UTC", format: "auto" | "day-first" | "month-first" = "auto") =>
    new Date(new TimeReader(zone, format).read(text)).toISOString();

  it.each([
    ["2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000Z"],
    ["2026-11-23 10:00:00.250", "2026-11-23T10:00:00.250Z"],
    ["2026-11-23T10:00:00,5+01:00", "2026-11-23T09:00:00.500Z"],
    ["2026/11/23 10:00", "2026-11-23T10:00:00.000Z"],
    ["2026-11-23", "2026-11-23T00:00:00.000Z"],
    ["23.11.2026 10:00:00", "2026-11-23T10:00:00.000Z"],
    ["1764000000", "2025-11-24T16:00:00.000Z"],
    ["1764000000.5", "2025-11-24T16:00:00.500Z"],
    ["1764000000123", "2025-11-24T16:00:00.123Z"],
    ["2026-11-23 12:05:00 AM", "2026-11-23T00:05:00.000Z"],
    ["2026-11-23 01:05:00 pm", "2026-11-23T13:05:00.000Z"],
  ])("reads %s", (text, expected) => {
    expect(at(text)).toBe(expected);
  });

  it("asks where a date can be read in two ways", () => {
    expect(() => at("03/04/2026 10:00")).toThrow(/two ways/);
    expect(at("03/04/2026 10:00", "UTC", "day-first")).toBe("2026-04-03T10:00:00.000Z");
    expect(at("03/04/2026 10:00", "UTC", "month-first")).toBe("2026-03-04T10:00:00.000Z");
  });

  it.each([
    "",
    "yesterday",
    "2026-13-01",
    "2026-02-30 10:00",
    "2026-11-23 25:00",
    "1",
    "2026-11-23 13:00 PM",
    "2026-11-23T10:00:00+99:99",
    "2026-11-23T10:00:00-14:01",
    "2026-11-23T10:00:00+01:60",
  ])("refuses %j", (text) => {
    expect(() => at(text)).toThrow(RangeError);
  });

  it("knows when the clocks of a zone were put forward and back", () => {
    expect(at("2026-07-01 10:00", "Europe/Berlin")).toBe("2026-07-01T08:00:00.000Z");
    expect(at("2026-11-23 10:00", "Europe/Berlin")).toBe("2026-11-23T09:00:00.000Z");
    expect(() => at("2026-03-29 02:30", "Europe/Berlin")).toThrow(/does not exist in Europe\/Berlin/);
    expect(at("2026-10-25 02:30", "Europe/Berlin")).toBe("2026-10-25T00:30:00.000Z");
    expect(at("2026-10-25 03:30", "Europe/Berlin")).toBe("2026-10-25T02:30:00.000Z");
  });

  it("gives back every moment that a zone's clock shows once", () => {
    const reader = new TimeReader("America/St_Johns", "auto");
    const wall = new Intl.DateTimeFormat("sv-SE", {
      timeZone: "America/St_Johns",
      dateStyle: "short",
      timeStyle: "medium",
    });
    const moments = fc.integer({ min: Date.UTC(2020, 0, 1) / 1000, max: Date.UTC(2030, 0, 1) / 1000 });
    fc.assert(
      fc.property(moments, (seconds) => {
        const shown = wall.format(seconds * 1000);
        const read = reader.read(shown);
        expect(wall.format(read)).toBe(shown);
        // The first of two that look alike.
        expect([0, 3_600_000]).toContain(seconds * 1000 - read);
      }),
    );
  });
});
