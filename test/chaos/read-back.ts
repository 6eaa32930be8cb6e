// Reads a recording back from a store, as an investigator would: nothing of the recorder's own code but the codec. Every
// hash, link and signature is checked on the way.
import { createHash, createPublicKey, verify } from "node:crypto";
import { expect } from "vitest";
import { decompressSegment } from "../../recorder/store/codec.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import type { EncryptionStream } from "../../shared/encryption/scheme.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { dataKeyOf, opened } from "../support/encryption.ts";

export interface ReadBack {
  open: OpenRecord;
  manifest: Manifest;
  /** Names within the recording's prefix. */
  names: string[];
  /** The exact bytes of a channel's stdout or stderr. */
  output(channel: number, stream?: "stdout" | "stderr"): Buffer;
  /** The bytes of `data` and typed `text` lines of the input track. */
  input(channel: number): Buffer;
  events(): Array<{ t: number; s: number; type: string; facts: Record<string, unknown> }>;
  /** Lines of the input track. */
  inputLines(): Array<{ t: number; s: number; k: string; [name: string]: unknown }>;
  /** Compressed bytes of a segment of pictures. */
  picture(name: string): Buffer;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Prefixes of all recordings in the store, by session. */
export async function recordingsIn(store: ObjectStore): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for await (const { key } of store.list("recordings/")) {
    const [, year, month, day, session = "", ...name] = key.split("/");
    const names = found.get(session) ?? [];
    names.push(name.join("/"));
    found.set(session, names);
    expect(`${year}/${month}/${day}`).toMatch(/^\d{4}\/\d\d\/\d\d$/);
  }
  return found;
}

/** @param identity of an encrypted recording's recipient: then nothing may be in the clear. */
export async function readBack(store: ObjectStore, session: string, identity?: string): Promise<ReadBack> {
  const { prefix, names } = await find(store, session);
  const get = async (name: string) => Buffer.from(await store.get(prefix + name));
  const openBytes = await get("open.json");
  const open = OpenRecord.parse(JSON.parse(openBytes.toString()));
  const manifestBytes = await get("manifest.json");
  const manifest = Manifest.parse(JSON.parse(manifestBytes.toString()));
  const key = createPublicKey(Buffer.from(await store.get(`keys/${manifest.recorder.keyId}.pub.pem`)));
  expect(verify(null, openBytes, key, await get("open.json.sig")), "open.json's signature").toBe(true);
  expect(verify(null, manifestBytes, key, await get("manifest.json.sig")), "manifest.json's signature").toBe(true);
  await checkSums(names, get);

  expect(open.session).toBe(session);
  expect(manifest.session).toBe(session);
  expect(manifest.openSha256).toBe(hex(sha256(openBytes)));
  const key32 = async (stream: EncryptionStream) => (identity ? dataKeyOf(open, stream, identity) : null);
  const dataKeys = { content: await key32("content"), input: await key32("input") };
  let link = manifest.openSha256;
  const lines = new Map<string, unknown[]>();
  const pictures = new Map<string, Buffer>();
  const nextIndex = new Map<string, number>();
  for (const [n, segment] of manifest.segments.entries()) {
    const stored = await get(segment.name);
    expect(segment).toMatchObject({ n, bytes: stored.length, sha256: hex(sha256(stored)) });
    link = hex(sha256(Buffer.from(link + segment.sha256, "hex")));
    expect(segment.link).toBe(link);
    expect(segment.index, `index of ${segment.name}`).toBe(nextIndex.get(segment.track) ?? 0);
    nextIndex.set(segment.track, segment.index + 1);
    expect(segment.encryption !== undefined, `${segment.name} is encrypted`).toBe(identity !== undefined);
    const dataKey = segment.encryption && dataKeys[segment.encryption];
    const compressed = dataKey ? opened(session, segment, stored, dataKey) : stored;
    if (/^(?:screen|frames)-/.test(segment.track)) {
      pictures.set(segment.name, compressed);
      continue;
    }
    const all = linesOf(Buffer.from(decompressSegment(compressed, segment.codec)));
    const begin = segment.track.startsWith("terminal-") ? 2 : 1;
    lines.set(segment.track, [...(lines.get(segment.track) ?? []), ...all.slice(begin)]);
  }
  expect(new Set(manifest.segments.map((segment) => segment.name)).size).toBe(manifest.segments.length);
  const stray = names.filter((name) => name.includes("/") && !manifest.segments.some((known) => known.name === name));
  expect(stray, "segments that the manifest does not name").toEqual([]);

  const parsed = (track: string) => (lines.get(track) ?? []) as never[];
  return {
    open,
    manifest,
    names,
    output: (channel, stream = "stdout") => outputBytes(parsed(`terminal-${channel}`), stream),
    input: (channel) => inputBytes(parsed("input"), channel),
    events: () => parsed("events"),
    inputLines: () => parsed("input"),
    picture: (name) => pictures.get(name) ?? Buffer.alloc(0),
  };
}

/** Parsed; where bytes follow a line, they stand in it in place of their number, in base64. */
function linesOf(raw: Buffer): unknown[] {
  const lines: unknown[] = [];
  for (let at = 0; at < raw.length; ) {
    const end = raw.indexOf(10, at);
    expect(end, "every line ends").toBeGreaterThanOrEqual(at);
    const line = JSON.parse(raw.toString("utf8", at, end));
    at = end + 1;
    const count = Array.isArray(line) ? line[2] : line.bytes;
    if (lines.length > 0 && typeof count === "number" && (Array.isArray(line) || line.k === "data")) {
      expect(lines[0]).toMatchObject({ conduit: { version: 2 } });
      const bytes = raw.subarray(at, at + count).toString("base64");
      if (Array.isArray(line)) line[2] = bytes;
      else Object.assign(line, { d: bytes, enc: "base64" });
      expect(raw[at + count], "a line feed after the bytes").toBe(10);
      at += count + 1;
    }
    lines.push(line);
  }
  return lines;
}

async function find(store: ObjectStore, session: string): Promise<{ prefix: string; names: string[] }> {
  let prefix = "";
  const names: string[] = [];
  for await (const { key } of store.list("recordings/")) {
    const at = key.indexOf(`/${session}/`);
    if (at < 0) continue;
    prefix = key.slice(0, at + session.length + 2);
    names.push(key.slice(prefix.length));
  }
  if (prefix === "") throw new Error(`the store has nothing of session ${session}`);
  return { prefix, names };
}

async function checkSums(names: string[], get: (name: string) => Promise<Buffer>): Promise<void> {
  const listed: string[] = [];
  for (const line of (await get("SHA256SUMS")).toString().trimEnd().split("\n")) {
    const [, sum = "", name = ""] = /^([0-9a-f]{64})[ ][ *](.+)$/.exec(line) ?? [];
    expect(hex(sha256(await get(name))), name).toBe(sum);
    listed.push(name);
  }
  const unlisted = names.filter((name) => !listed.includes(name) && name !== "SHA256SUMS");
  expect(unlisted, "objects that SHA256SUMS does not list").toEqual([]);
}

function outputBytes(lines: Array<[number, string, string]>, stream: "stdout" | "stderr"): Buffer {
  const text = stream === "stdout" ? "o" : "e";
  const parts: Buffer[] = [];
  let exactTime: number | null = null;
  for (const [time, code, data] of lines) {
    if (code === `${text}b`) {
      parts.push(Buffer.from(data, "base64"));
      exactTime = time;
    } else if (code === text) {
      // On a pty the line after exact bytes shows the same bytes to players.
      const shown = exactTime === time && data.includes("\ufffd");
      exactTime = null;
      if (!shown) parts.push(Buffer.from(data));
    }
  }
  return Buffer.concat(parts);
}

function inputBytes(lines: Array<{ ch: number; k: string; d?: string; enc?: string }>, channel: number): Buffer {
  const own = lines.filter((line) => line.ch === channel && line.d !== undefined);
  return Buffer.concat(own.map((line) => Buffer.from(line.d ?? "", line.enc === "base64" ? "base64" : "utf8")));
}
