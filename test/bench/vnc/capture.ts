// What a target sends, with its times, as a viewer gets it that asks at most 30 times a second: what the VNC bench records,
// decodes and compares with. A capture is a line of JSON and then, again and again, milliseconds, length and bytes.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { PixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { RfbClient, type Way } from "./rfb-client.ts";

const askEveryMs = 33;

export interface CaptureHead {
  width: number;
  height: number;
  format: PixelFormat;
  seconds: number;
}

export interface Capture extends CaptureHead {
  chunks: { ms: number; bytes: Buffer }[];
  bytes: number;
}

export interface WatchOptions {
  way: Way;
  encodings: readonly number[];
  seconds: number;
  /** Written there; without it bytes are only counted. */
  path?: string;
}

/** Watches a screen for so long. Gives the number of bytes after ServerInit. */
export async function watch({ way, encodings, seconds, path }: WatchOptions): Promise<number> {
  const client = await RfbClient.connect(way, encodings);
  const { width, height, format } = client;
  if (format === undefined) throw new Error("a viewer without a pixel format");
  const file = path === undefined ? null : openSync(path, "w");
  const head: CaptureHead = { width, height, format, seconds };
  if (file !== null) writeSync(file, `${JSON.stringify(head)}\n`);
  let total = 0;
  const startedAt = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      let askedAt = 0;
      const ask = (incremental: boolean) => {
        askedAt = performance.now();
        client.ask(incremental);
      };
      const updated = () => {
        const waitMs = askedAt + askEveryMs - performance.now();
        if (waitMs <= 0) ask(true);
        else setTimeout(() => ask(true), waitMs);
      };
      const framer = new ServerFramer(format, client, { updated });
      setTimeout(resolve, seconds * 1000);
      client.stream.once("close", () => reject(new Error("the target hung up")));
      client.handOn((bytes) => {
        total += bytes.length;
        if (file !== null) writeChunk(file, performance.now() - startedAt, bytes);
        framer.push(bytes);
      });
      ask(false);
    });
  } finally {
    client.close();
    if (file !== null) closeSync(file);
  }
  return total;
}

/** The whole screen, asked for so many times: the bytes of each answer. */
export async function refreshes(way: Way, encodings: readonly number[], count: number): Promise<Buffer[]> {
  const client = await RfbClient.connect(way, encodings);
  const { format } = client;
  if (format === undefined) throw new Error("a viewer without a pixel format");
  const answers: Buffer[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      let parts: Buffer[] = [];
      let ended = false;
      const framer = new ServerFramer(format, client, {
        updated: () => {
          ended = true;
        },
      });
      client.stream.once("close", () => reject(new Error("the target hung up")));
      client.handOn((bytes) => {
        parts.push(bytes);
        framer.push(bytes);
        // Nothing else was asked for: an update's end is the end of what came.
        if (!ended) return;
        ended = false;
        answers.push(Buffer.concat(parts));
        parts = [];
        if (answers.length === count) resolve();
        else client.ask(false);
      });
      client.ask(false);
    });
  } finally {
    client.close();
  }
  return answers;
}

function writeChunk(file: number, ms: number, bytes: Buffer): void {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(Math.round(ms), 0);
  head.writeUInt32LE(bytes.length, 4);
  writeSync(file, head);
  writeSync(file, bytes);
}

export function readCapture(path: string): Capture {
  const file = readFileSync(path);
  const lineEnd = file.indexOf("\n");
  const head = JSON.parse(file.toString("utf8", 0, lineEnd)) as CaptureHead;
  const chunks: Capture["chunks"] = [];
  let bytes = 0;
  for (let at = lineEnd + 1; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    chunks.push({ ms: file.readUInt32LE(at), bytes: file.subarray(at + 8, at + 8 + length) });
    bytes += length;
    at += 8 + length;
  }
  return { ...head, chunks, bytes };
}
