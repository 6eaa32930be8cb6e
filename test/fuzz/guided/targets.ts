// The parsers that face somebody else's bytes, each as a function of one input. It returns for whatever the parser takes
// or refuses in its own words; what it throws is a fault. Fed by engine.ts, and by corpus.test.ts with what was found.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decompress } from "fzstd";
import { z } from "zod";
import { readImport } from "../../../recorder/cases/read-import.ts";
import { SourceDocument, validate } from "../../../recorder/config/document.ts";
import { ConfigFile } from "../../../recorder/config/schema.ts";
import { BadTimestamp, readTimestamp } from "../../../recorder/ledger/timestamp-answer.ts";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { loadJpegDecoder } from "../../../recorder/rfb/decoders/jpeg.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { parsePin } from "../../../recorder/tap/ssh/host-keys.ts";
import { envOf, exitOf, programOf, ptyOf, windowChangeOf } from "../../../recorder/tap/ssh/requests.ts";
import { SftpRecorder } from "../../../recorder/tap/ssh/sftp/sftp-recorder.ts";
import * as accessApi from "../../../shared/api/access.ts";
import * as casesApi from "../../../shared/api/cases.ts";
import * as typesApi from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { FileEvent } from "../../../shared/events/session-event.ts";
import { EventsLine, FilesLine, InputLine } from "../../../shared/events/stored.ts";
import { parseCheckpoint } from "../../../shared/ledger/checkpoint.ts";
import { formatEntry, parseEntry } from "../../../shared/ledger/entry.ts";
import { decodeFrame, encodeFrame } from "../../../shared/live/frame.ts";
import { WatcherMessage } from "../../../shared/live/messages.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { lintPolicy, policyFaults } from "../../../shared/policy/lint.ts";
import { Policy } from "../../../shared/policy/policy.ts";
import { readFrames } from "../../../shared/screen/frames.ts";
import { GrowingScreen } from "../../../shared/screen/growing.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { parseJsonSegment, parseTerminalSegment } from "../../../shared/segment/parse.ts";
import { openCapture } from "../../golden/rfb/capture.ts";
import { ScreenProbe } from "../../golden/rfb/screen-probe.ts";
import { memoryGate } from "../../unit/tap/fake-sink.ts";

export interface FuzzTarget {
  name: string;
  /** Words of its language, which no flip of a bit comes upon. */
  words: readonly string[];
  seeds(): Buffer[];
  run(input: Buffer): void | Promise<void>;
}

const golden = fileURLToPath(new URL("../../golden/", import.meta.url));
const goldenFile = (...path: string[]) => readFileSync(join(golden, ...path));
const unpacked = (file: Buffer) => Buffer.from(decompress(file));

/** Of a parser that may say no: in its own words only. */
function inOwnWords(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof AppError) || error.code === "INTERNAL") throw error;
  }
}

const text = (input: Buffer) => input.toString("utf8");

/** JSON or nothing: what is no JSON is refused before any parser sees it. */
function json(input: Buffer): unknown {
  try {
    return JSON.parse(text(input));
  } catch {
    return undefined;
  }
}

function goldenSegments(kind: "cast" | "jsonl", folder?: string): Buffer[] {
  return readdirSync(join(golden, "recording-1"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(`.${kind}.zst`) && (folder === undefined || name.startsWith(folder)))
    .map((name) => unpacked(goldenFile("recording-1", name)));
}

const limits = { maxSide: 4096, maxPixels: 4_000_000 };

/** Steps of an exchange: way, length, bytes. */
function* steps(input: Buffer): Generator<{ inbound: boolean; bytes: Buffer }> {
  for (let at = 0; at + 3 <= input.length; ) {
    const length = input.readUInt16BE(at + 1);
    yield { inbound: ((input[at] ?? 0) & 1) === 0, bytes: input.subarray(at + 3, at + 3 + length) };
    at += 3 + length;
  }
}

const step = (way: 0 | 1, bytes: Buffer) => {
  const head = Buffer.from([way, 0, 0]);
  head.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
const sftpPacket = (type: number, ...parts: (number | string)[]) => {
  const fields = parts.map((part) => {
    const body = Buffer.alloc(4);
    body.writeUInt32BE(typeof part === "number" ? part : part.length);
    return typeof part === "number" ? body : Buffer.concat([body, Buffer.from(part)]);
  });
  const body = Buffer.concat([Buffer.from([type]), ...fields]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
};

const schemas = (module: object): z.ZodType[] => Object.values(module).filter((one) => one instanceof z.ZodType);
const bodies = [accessApi, casesApi, typesApi].flatMap(schemas);

const policySeed = `version: 1
groups: { oem: [erika, "role:vendor"] }
prohibitedTargets: ["SIS-*", "SAFETY-*"]
patterns:
  - { id: wipe, match: "rm -rf /", in: input, action: terminate }
rules:
  - id: vendors
    people: ["group:oem"]
    targets: ["plc-*", "conduit:reactor", "tag:x"]
    protocols: [ssh, vnc]
    limits: { maxSessionSeconds: 4h, idleSeconds: 15m }
    hours: { days: [mon, tue], from: "06:00", to: "18:00", timeZone: Europe/Berlin }
`;

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: "ssh-channel-requests",
    words: ["xterm-256color", "LANG", "TERM", "\u0000\u0000\u0000\u0004", "\u0000\u0000\u0000\u0050"],
    seeds: () => [
      Buffer.from([0, 0, 0, 0, 2, 0x6c, 0x73]),
      Buffer.concat([
        Buffer.from([1, 0, 0, 0, 5]),
        Buffer.from("xterm"),
        Buffer.from([0, 0, 0, 80, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 3, 0, 0, 0, 127, 0]),
      ]),
      Buffer.from([2, 0, 0, 0, 80, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from([3, 0, 0, 0, 1, 0x41, 0, 0, 0, 1, 0x42]),
      Buffer.from([4, 0, 0, 0, 1]),
      Buffer.from([5, 0, 0, 0, 4, 0x54, 0x45, 0x52, 0x4d, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    ],
    run(input) {
      const payload = input.subarray(1);
      inOwnWords(() => {
        const kind = (input[0] ?? 0) % 7;
        if (kind === 0) programOf("exec", payload);
        else if (kind === 1) ptyOf(payload);
        else if (kind === 2) windowChangeOf(payload);
        else if (kind === 3) envOf(payload);
        else if (kind === 4) exitOf("exit-status", payload);
        else if (kind === 5) exitOf("exit-signal", payload);
        else programOf("subsystem", payload);
      });
      parsePin(text(payload.subarray(0, 200)));
    },
  },
  {
    name: "sftp",
    words: ["posix-rename@openssh.com", "copy-data", "/a", "h1", "\u0000\u0000\u0000\u0001"],
    seeds: () => [
      Buffer.concat([step(0, sftpPacket(1, 3)), step(1, sftpPacket(2, 3))]),
      Buffer.concat([
        step(0, sftpPacket(3, 1, "/a", 0x1a, 0)),
        step(1, sftpPacket(102, 1, "h1")),
        step(0, sftpPacket(6, 2, "h1", 0, 0, "data")),
        step(1, sftpPacket(101, 2, 0, "", "")),
        step(0, sftpPacket(4, 3, "h1")),
        step(1, sftpPacket(101, 3, 0, "", "")),
      ]),
      Buffer.concat([step(0, sftpPacket(18, 1, "/a", "/b")), step(0, sftpPacket(200, 4, "copy-data"))]),
      Buffer.concat([step(0, sftpPacket(5, 4, "h1", 0, 0, 9)), step(1, sftpPacket(103, 4, "data"))]),
    ],
    run(input) {
      const { gate, events } = memoryGate();
      const recorder = new SftpRecorder(gate, 0);
      inOwnWords(() => {
        for (const { inbound, bytes } of steps(input)) {
          if (inbound) recorder.inbound(bytes);
          else recorder.outbound("stdout", bytes);
          recorder.endBatch();
        }
      });
      recorder.end();
      for (const event of events) if (event.type === "file") FileEvent.parse(event.event);
    },
  },
  {
    name: "rfb-client",
    words: ["\u0006", "\u0002\u0000", "\u00ff\u0000"],
    seeds: () => [
      openCapture("xtigervnc-novnc").client.subarray(0, 600),
      openCapture("x11vnc-remmina").client.subarray(0, 600),
    ],
    run(input) {
      inOwnWords(() => {
        const parser = new ClientParser();
        const piece = 1 + (input.at(-1) ?? 0);
        for (let at = 0; at < input.length; at += piece) parser.push(input.subarray(at, at + piece));
      });
    },
  },
  {
    name: "rfb-server",
    words: [
      "\u0000\u0000\u0000\u0001",
      "\u00ff\u00ff\u00ff\u0021",
      "\u0000\u0000\u0000\u0010",
      "\u0000\u0000\u0000\u0007",
    ],
    seeds: () =>
      (["qemu-gvncviewer", "tour-x11vnc", "xtigervnc-novnc", "xtigervnc-vncsnapshot-rfb33"] as const).map((name) =>
        Buffer.concat(openCapture(name).server.map(({ data }) => data)).subarray(0, 3000),
      ),
    async run(input) {
      await loadJpegDecoder();
      const { format } = openScreen;
      const init = { width: 320, height: 200, format, name: "" };
      inOwnWords(() => {
        const probe = new ScreenProbe(init.width, init.height);
        probe.decoder = new ScreenDecoder({ ...init, limits }, probe);
        probe.decoder.push(input);
      });
      inOwnWords(() => {
        new ServerFramer(init.format, init, {}, limits).push(input);
      });
    },
  },
  {
    name: "watch",
    words: ['{"type":"', '"seen"', '"us":', '"visible":true', '"control"', '"confirm"', '"pointer"', '"key"', '"text"'],
    seeds: () => [
      Buffer.from('{"type":"seen","us":5,"visible":true}'),
      Buffer.from('{"type":"confirm","n":1,"given":true,"reason":"x"}'),
      Buffer.from('{"type":"pointer","channel":0,"x":1,"y":2,"buttons":0}'),
      Buffer.from(
        encodeFrame({ kind: "add", track: 1, index: 2, offset: 3, lastSeq: 4, endUs: 5, bytes: Buffer.from("abc") }),
      ),
    ],
    run(input) {
      WatcherMessage.safeParse(json(input));
      const frame = decodeFrame(input);
      // What is read is what would be written: nothing of it is lost on the way.
      if (frame !== null && !Buffer.from(encodeFrame(frame)).subarray(2).equals(input.subarray(2))) {
        throw new Error("a frame that is read is written otherwise");
      }
    },
  },
  {
    name: "terminal-segment",
    words: ['{"version":3', '"conduit":{', '[0.1,"o","', '"ob",3]', '"r"', '"m"'],
    seeds: () => goldenSegments("cast").map((segment) => segment.subarray(0, 4000)),
    run: (input) => inOwnWords(() => parseTerminalSegment(input)),
  },
  {
    name: "json-segments",
    words: ['{"conduit":{', '"t":', '"s":', '"ch":0', '"k":"key"', '"type":"', '"bytes":3'],
    seeds: () => goldenSegments("jsonl").map((segment) => segment.subarray(0, 4000)),
    run(input) {
      for (const schema of [InputLine, FilesLine, EventsLine])
        inOwnWords(() => parseJsonSegment<unknown>(input, schema));
    },
  },
  {
    name: "screen-segments",
    words: ['{"width":', '"height":', '"conduit":{', "\u0000\u0001"],
    seeds: () => [
      unpacked(goldenFile("screen", "000000.screen.zst")).subarray(0, 3000),
      unpacked(goldenFile("screen", "000000.frames.zst")).subarray(0, 3000),
    ],
    run(input) {
      inOwnWords(() => {
        const reader = new ScreenReader(input);
        for (let record = reader.next(); record !== null; ) record = reader.next();
      });
      inOwnWords(() => {
        const growing = new GrowingScreen();
        const half = input.length >> 1;
        growing.push(input.subarray(0, half));
        growing.push(input.subarray(half));
      });
      inOwnWords(() => readFrames(new Uint8Array(input)));
    },
  },
  {
    name: "manifests",
    words: [
      '"segments":[',
      '"sha256":"',
      '"tracks":[',
      '"gaps":[',
      '"format":"conduit-recording/1"',
      '"type":"manifest"',
    ],
    seeds: () => [goldenFile("recording-1", "manifest.json"), goldenFile("recording-1", "open.json")],
    run(input) {
      const value = json(input);
      Manifest.safeParse(value);
      OpenRecord.safeParse(value);
    },
  },
  {
    name: "ledger",
    words: ['{"n":1', '"previous":"', "\u2014 ", "\n\n", "conduit.recorder/", '"type":"'],
    seeds: () => [
      Buffer.from(
        "conduit.recorder/plant\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n2026-11-24T00:00:00.000Z\n\n\u2014 conduit.recorder/plant AAAAAA==\n",
      ),
      Buffer.from(
        `{"n":0,"previous":"${"0".repeat(64)}","at":"2026-11-24T00:00:00.000Z","type":"open","facts":{"session":"x"}}`,
      ),
    ],
    run(input) {
      parseCheckpoint(text(input));
      const entry = parseEntry(text(input));
      if (entry !== null && parseEntry(formatEntry(entry)) === null) {
        throw new Error("a ledger entry that is read is written so that it cannot be read");
      }
    },
  },
  {
    name: "timestamps",
    words: [
      "0\u0003\u0002\u0001\u0000",
      "0\u0080",
      "\u0006\u0009\u002a\u0086H\u0086\u00f7\r\u0001\u0007\u0002",
      "\u00a0\u0003",
    ],
    seeds: () => [
      Buffer.from("300530030201003000", "hex"),
      Buffer.from("3014300302010030 0d06092a864886f70d010702a000".replace(" ", ""), "hex"),
    ],
    run(input) {
      try {
        readTimestamp(input);
      } catch (error) {
        if (!(error instanceof BadTimestamp)) throw error;
      }
    },
  },
  {
    name: "policy-files",
    words: ["rules:", "people:", "targets: [", "&a", "*a", "<<: *a", "hours:", "match:", "!!binary", "- {", "4h"],
    seeds: () => [Buffer.from(policySeed)],
    run(input) {
      inOwnWords(() => {
        const policy = validate(Policy, SourceDocument.parse("policy.yaml", text(input)));
        policyFaults(policy);
        lintPolicy(compilePolicy(policy));
      });
    },
  },
  {
    name: "config-files",
    words: ["ssh:", "listen:", "store:", "kind: s3", "bucket:", "masterKey:", "127.0.0.1:22", "&a", "*a"],
    seeds: () => [
      Buffer.from("recorder: { id: plant }\nssh: { listen: 127.0.0.1:2222 }\nstore: { kind: s3, bucket: records }\n"),
      Buffer.from(
        "spool: { floorBytes: 1GiB }\nlimits: { loginAttempts: 3 }\nledger: { anchors: [{ kind: file, path: /a }] }\n",
      ),
    ],
    run: (input) => inOwnWords(() => validate(ConfigFile, SourceDocument.parse("conduit.yaml", text(input)))),
  },
  {
    name: "http-bodies",
    words: ['{"purpose":"', '"targets":[', '"from":"2026-11-24T08:00:00Z"', '"name":"', '"base64":"', '"settings":{'],
    seeds: () => [
      Buffer.from(
        '{"purpose":"x","targets":["plc-1"],"people":["vera"],"from":"2026-11-24T08:00:00Z","to":"2026-11-24T09:00:00Z"}',
      ),
      Buffer.from('{"name":"a","settings":{"format":"csv","mapping":{"at":"t","text":["x"]}},"base64":"YQ=="}'),
    ],
    run(input) {
      const value = json(input);
      for (const schema of bodies) schema.safeParse(value);
    },
  },
  {
    name: "imports",
    words: ["time,alarm\n", '"', "2026-11-24T08:00:00Z", '{"t":1732406400,"x":"a"}', "\r\n", ";"],
    seeds: () => [
      Buffer.from('\u0000t,x,lane\n2026-11-24T08:00:00Z,high level,alarms\n1732406400,"a ""b""",plc\n'),
      Buffer.from('\u0001{"t":"2026-11-24 08:00:00","x":"a","lane":"b"}\n{"t":1732406400.5,"x":"c"}\n'),
    ],
    async run(input) {
      const settings = casesApi.ImportSettings.parse({
        format: (input[0] ?? 0) % 2 === 0 ? "csv" : "jsonl",
        mapping: { at: "t", text: ["x"], lane: "lane" },
        timeFormat: (["auto", "day-first", "month-first"] as const)[(input[0] ?? 0) % 3],
        timeZone: "Europe/Berlin",
      });
      const { events } = await readImport(input.subarray(1), settings);
      for (const [atMs] of events) if (!Number.isSafeInteger(atMs)) throw new Error(`an event at ${atMs}`);
    },
  },
];

const openScreen = openCapture("xtigervnc-novnc").init;
