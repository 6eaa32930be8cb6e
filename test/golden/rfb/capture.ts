// Reads the captured streams under captures/: the handshake is walked over, what follows is given in both directions with
// the pixel format in force, so that a test can feed parsers and decoders as a tap would.
import { readFileSync } from "node:fs";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { type PixelFormat, readPixelFormat } from "../../../recorder/rfb/pixel-format.ts";

export const captureNames = [
  "qemu-gvncviewer",
  "tightvnc-xtightvncviewer-sec16",
  "tour-x11vnc",
  "x11vnc-remmina",
  "xtigervnc-novnc",
  "xtigervnc-vncsnapshot-rfb33",
] as const;
export type CaptureName = (typeof captureNames)[number];

export interface ExpectedCapture {
  initSize: [number, number];
  finalSize: [number, number];
  rects: Record<string, { n: number; bytes: number }>;
  clientMsgs: Record<string, { n: number; bytes: number }>;
  keysDown: string[];
  pointer: number;
  clip: string[];
  serverMsgs: Record<string, number>;
  finalFbMd5_RGBA: string;
  jpegRects: number;
}

export interface ServerStep {
  /** Bytes of the target after ServerInit. */
  data: Buffer;
  /** The format in force from these bytes on. */
  format: PixelFormat;
}

export interface Capture {
  init: { width: number; height: number; format: PixelFormat; name: string };
  server: ServerStep[];
  client: Buffer;
}

const folder = new URL("./captures/", import.meta.url);

export function expectedOf(name: CaptureName): ExpectedCapture {
  const all = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as Record<string, ExpectedCapture>;
  return all[`${name}.rfbcap`]!;
}

interface Piece {
  fromServer: boolean;
  data: Buffer;
}

function readPieces(name: CaptureName): Piece[] {
  const bytes = readFileSync(new URL(`${name}.rfbcap`, folder));
  let at = bytes.indexOf(10, bytes.indexOf(10) + 1) + 1;
  const pieces: Piece[] = [];
  while (at < bytes.length) {
    const length = bytes.readUInt32LE(at + 5);
    pieces.push({ fromServer: bytes[at] === 0, data: bytes.subarray(at + 9, at + 9 + length) });
    at += 9 + length;
  }
  return pieces;
}

/** Walks one direction of the handshake. */
class Reader {
  at = 0;
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  take(count: number): Buffer {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  u8(): number {
    return this.take(1)[0]!;
  }
  u16(): number {
    return this.take(2).readUInt16BE(0);
  }
  u32(): number {
    return this.take(4).readUInt32BE(0);
  }
}

function walkSecurity(server: Reader, client: Reader): number {
  server.take(12);
  const version = client.take(12).toString("latin1");
  if (version.startsWith("RFB 003.003")) return server.u32();
  server.take(server.u8());
  const chosen = client.u8();
  if (chosen !== 16) return chosen;
  const tunnels = server.u32();
  server.take(16 * tunnels);
  if (tunnels > 0) client.take(4);
  const kinds = server.u32();
  server.take(16 * kinds);
  return kinds === 0 ? 16 : client.u32() === 2 ? 2 : 16;
}

export function openCapture(name: CaptureName): Capture {
  const pieces = readPieces(name);
  const joined = (fromServer: boolean): Buffer =>
    Buffer.concat(pieces.filter((piece) => piece.fromServer === fromServer).map((piece) => piece.data));
  const server = new Reader(joined(true));
  const client = new Reader(joined(false));
  const rfb33 = client.bytes.toString("latin1", 0, 11) === "RFB 003.003";
  const security = walkSecurity(server, client);
  if (security === 2) {
    server.take(16);
    client.take(16);
  }
  if (!rfb33 || security === 2) server.take(4);
  client.take(1);
  const width = server.u16();
  const height = server.u16();
  const format = readPixelFormat(server.take(16), 0);
  const desktop = server.take(server.u32()).toString("utf8");
  if (!rfb33 && server.bytes.indexOf("TGHT") > 0) {
    const counts = server.u16() + server.u16() + server.u16();
    server.take(2 + 16 * counts);
  }
  return {
    init: { width, height, format, name: desktop },
    server: serverSteps(pieces, server.at, client.at, format),
    client: client.bytes.subarray(client.at),
  };
}

function serverSteps(pieces: Piece[], serverStart: number, clientStart: number, init: PixelFormat): ServerStep[] {
  const parser = new ClientParser();
  const steps: ServerStep[] = [];
  let format = init;
  let server = serverStart;
  let client = clientStart;
  for (const { fromServer, data } of pieces) {
    const skipped = Math.min(data.length, fromServer ? server : client);
    const rest = data.subarray(skipped);
    if (fromServer) {
      server -= skipped;
      if (rest.length > 0) steps.push({ data: rest, format });
      continue;
    }
    client -= skipped;
    for (const message of parser.push(rest)) if (message.type === "set-pixel-format") format = message.format;
  }
  return steps;
}
