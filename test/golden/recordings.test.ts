// Recordings of earlier versions stay readable, byte for byte the same; those of later versions are refused in plain
// words. Nothing under recording-1 and recording-2 may be changed: what reads it must go on doing so.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkSegmentContent } from "../../recorder/catalog/verify-segment.ts";
import { exactOutput } from "../../recorder/cli/recordings/cat.ts";
import { castOf } from "../../recorder/export/cast.ts";
import { decompressSegment } from "../../recorder/store/codec.ts";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import { chainLink } from "../../shared/manifest/chain.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { hasBytes, parseJsonSegment, parseTerminalSegment } from "../../shared/segment/parse.ts";
import { content } from "./bytes-content.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

describe("a recording of format 1", () => {
  const read = (name: string) => readFileSync(join(here, "recording-1", name));
  const manifest = Manifest.parse(JSON.parse(read("manifest.json").toString()));
  const text = (name: string) => Buffer.from(decompressSegment(read(name), "zstd")).toString("utf8");
  const names = (track: string) => manifest.segments.filter((meta) => meta.track === track).map((meta) => meta.name);

  it("proves itself: signatures, chain, hashes", () => {
    const key = createPublicKey(read("pub.pem"));
    for (const file of ["open.json", "manifest.json"]) {
      expect(verify(null, read(file), key, read(`${file}.sig`))).toBe(true);
    }
    const open = OpenRecord.parse(JSON.parse(read("open.json").toString()));
    expect(open.session).toBe(manifest.session);
    let link = sha256(read("open.json")).toString("hex");
    expect(manifest.openSha256).toBe(link);
    for (const meta of manifest.segments) {
      expect(sha256(read(meta.name)).toString("hex")).toBe(meta.sha256);
      link = chainLink(link, meta.sha256, sha256);
      expect(meta.link).toBe(link);
    }
  });

  it("gives back what was shown, with its times", () => {
    const [first, second] = names("terminal-0").map((name) => parseTerminalSegment(text(name)));
    expect(first?.events.slice(0, 4)).toEqual([
      { atUs: 40_000, code: "o", data: "\x1b[1;32mplc-1\x1b[0m$ " },
      { atUs: 500_000, code: "o", data: "l" },
      { atUs: 620_000, code: "o", data: "s" },
      { atUs: 900_000, code: "o", data: "\r\nprogram.st  Zustände.csv\r\n\x1b[1;32mplc-1\x1b[0m$ " },
    ]);
    expect(first?.events.find((event) => event.code === "ob")?.data).toBe("//4NCg==");
    expect(first?.events.find((event) => event.code === "r")).toEqual({ atUs: 3_400_000, code: "r", data: "100x30" });
    expect([second?.cols, second?.rows, second?.header.startUs]).toEqual([100, 30, 12_000_000]);
    expect(second?.keyframe).toContain("program.st  Zustände.csv");
    expect(second?.events).toEqual([
      { atUs: 12_000_000, code: "o", data: "exit\r\n" },
      { atUs: 12_000_000, code: "x", data: "0" },
    ]);
    const [exec] = names("terminal-1").map((name) => parseTerminalSegment(text(name)));
    expect(exec?.events.map((event) => event.code + event.data)).toEqual(["oline one\nline two\n", "ewarn\n", "x0"]);
  });

  it("gives back what was typed, and no password", () => {
    const lines = names("input").flatMap((name) => parseJsonSegment(text(name), InputLine).lines);
    expect(lines.map((line) => line.name ?? `${line.k} ${line.d}`)).toEqual([
      "text l",
      "text s",
      "Enter",
      "text s",
      "text u",
      "Enter",
      "secret [secret]",
      "Enter",
      "Up",
      "Ctrl+C",
      "data stdin of a command\n",
      "text exit",
      "Enter",
    ]);
    for (const meta of manifest.segments) expect(text(meta.name)).not.toContain("hunter2");
  });

  it("gives back files and events", () => {
    const files = names("files").flatMap((name) => parseJsonSegment(text(name), FilesLine).lines);
    expect(files.map((line) => `${line.op} ${line.path} ${line.bytes ?? ""}`.trim())).toEqual([
      "open /etc/plc.conf",
      "close /etc/plc.conf 3",
    ]);
    const events = names("events").flatMap((name) => parseJsonSegment(text(name), EventsLine).lines);
    expect(events.map((line) => line.type)).toContain("redacted");
    expect(events.at(0)).toEqual({ t: 0, s: 0, type: "session-open", facts: { person: "erika" } });
  });
});

describe("a recording with bytes in its segments", () => {
  const read = (name: string) => readFileSync(join(here, "recording-2", name));
  const manifest = Manifest.parse(JSON.parse(read("manifest.json").toString()));
  const segments = (track: string) =>
    manifest.segments
      .filter((meta) => meta.track === track)
      .map((meta) => new Uint8Array(decompressSegment(read(meta.name), "zstd")));

  it("proves itself", () => {
    const key = createPublicKey(read("pub.pem"));
    for (const file of ["open.json", "manifest.json"]) {
      expect(verify(null, read(file), key, read(`${file}.sig`))).toBe(true);
    }
    let link = sha256(read("open.json")).toString("hex");
    for (const meta of manifest.segments) {
      expect(sha256(read(meta.name)).toString("hex")).toBe(meta.sha256);
      link = chainLink(link, meta.sha256, sha256);
      expect(meta.link).toBe(link);
      expect(checkSegmentContent(manifest.session, meta, read(meta.name), true)).toEqual([]);
    }
  });

  it("gives back every byte, and text as text", () => {
    const parsed = segments("terminal-0").map((segment) => parseTerminalSegment(segment));
    expect(segments("terminal-0").map(hasBytes)).toEqual([false, true]);
    const events = parsed.flatMap((segment) => segment.events);
    expect(events.map(({ atUs, code }) => `${atUs} ${code}`)).toEqual([
      "100000 o",
      "100000 o",
      "100000 o",
      "200000 ob",
      "200000 e",
      "400000 x",
    ]);
    expect(
      events
        .slice(0, 3)
        .map((event) => event.data)
        .join(""),
    ).toBe(content.text.toString());
    expect(Buffer.from(events[3]?.bytes ?? []).equals(content.binary)).toBe(true);
    expect(events[4]?.data).toBe(content.errors.toString());
    expect(parsed[1]?.keyframe.endsWith("0 Zustände:")).toBe(true);
    const [line] = segments("input").flatMap((segment) => parseJsonSegment(segment, InputLine).lines);
    expect(line).toMatchObject({ t: 300_000, ch: 0, k: "data", enc: "base64" });
    expect(Buffer.from(line?.d ?? "", "base64").equals(content.stdin)).toBe(true);
  });

  it("goes out by cat as it was, and as an asciicast of lines", async () => {
    const stdout = segments("terminal-0").flatMap((segment) =>
      [...exactOutput(segment)].filter(({ stream }) => stream === "stdout").map(({ bytes }) => bytes),
    );
    expect(Buffer.concat(stdout).equals(Buffer.concat([content.text, content.binary]))).toBe(true);
    const source = {
      segment: async (_session: string, n: number) => {
        const meta = manifest.segments[n] as (typeof manifest.segments)[number];
        return { meta, bytes: read(meta.name), intact: true };
      },
    };
    const index = { ...manifest, live: false, faults: [] } as unknown as RecordingIndex;
    let cast = "";
    for await (const piece of castOf(source, index, "terminal-0", "tar")) cast += piece;
    const [header, keyframe, ...events] = cast
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(header).toMatchObject({ version: 2, width: 80, title: "tar" });
    expect(keyframe).toEqual([0.1, "o", "\x1bc\x1b[20h"]);
    expect(events.map(([time, code]) => `${time} ${code}`)).toEqual([
      "0.1 o",
      "0.1 o",
      "0.1 o",
      "0.2 ob",
      "0.2 e",
      "0.4 x",
    ]);
    expect(Buffer.from(events[3][2], "base64").equals(content.binary)).toBe(true);
  });
});

describe("a recording of a later format", () => {
  const read = (name: string) => readFileSync(join(here, "future", name), "utf8");

  it("is refused with the version it needs, not guessed at", () => {
    const refusal = /has format version 3; this software reads up to 2: use a newer one/;
    for (const parse of [
      () => parseTerminalSegment(read("000000.cast")),
      () => parseJsonSegment(read("000000.jsonl"), InputLine),
    ]) {
      expect(parse).toThrow(refusal);
      expect(parse).toThrow(AppError);
    }
  });

  it("has a manifest that is not taken for one of ours", () => {
    expect(Manifest.safeParse(JSON.parse(read("manifest.json"))).success).toBe(false);
  });
});
