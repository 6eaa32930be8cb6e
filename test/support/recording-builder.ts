// Builds whole recordings in memory by the format of shared/events/stored.ts, signed and chained like real ones, for
// tests of readers (the replay UI, exports, verification) that need exact control over what was recorded and when.
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { gzipSync } from "node:zlib";
import serialize from "@xterm/addon-serialize";
import headless from "@xterm/headless";
import { compress } from "zstd-napi";
import type { BegunEncryption } from "../../recorder/encryption/recording-encryption.ts";
import { encryptSegment } from "../../recorder/encryption/segment-cipher.ts";
import { segmentName } from "../../recorder/store/keys.ts";
import type { RecordingIndex, RecordingState, RecordingSummary } from "../../shared/api/types.ts";
import { streamOf } from "../../shared/encryption/scheme.ts";
import type { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import { makeSessionId } from "../../shared/ids.ts";
import type { Gap, Manifest, SegmentCodec, SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import { type OpenRecord, RECORDING_FORMAT } from "../../shared/manifest/open-record.ts";

const SECOND_US = 1_000_000;
const SEGMENT_US = 10 * SECOND_US;
const SEGMENT_BYTES = 256 * 1024;

export interface BuiltRecording {
  summary: RecordingSummary;
  index: RecordingIndex;
  /** Stored objects by name within the recording's prefix. */
  objects: Map<string, Buffer>;
}

export interface SigningKey {
  keyId: string;
  privateKey: KeyObject;
  publicKeyPem: string;
}

export function makeSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const der = publicKey.export({ type: "spki", format: "der" });
  return {
    keyId: sha256(der).slice(0, 16),
    privateKey,
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

export interface RecordingFacts {
  person: string;
  target: string;
  /** RFC 3339. */
  startedAt: string;
  /** Decides the session id. */
  seed: number;
  state?: RecordingState;
  endReason?: string;
  codec?: SegmentCodec;
  protocol?: "ssh" | "vnc";
  /** Of the policy that was in force. */
  policyHash?: string;
  /** Made for `sessionOf` these facts. */
  encryption?: BegunEncryption;
}

export function sessionOf(facts: Pick<RecordingFacts, "seed" | "startedAt">): string {
  const random = createHash("sha256").update(`recording ${facts.seed}`).digest().subarray(0, 10);
  return makeSessionId(random, Date.parse(facts.startedAt));
}

/** A segment of a track that the caller codes, e.g. a screen. */
export interface MadeSegment {
  raw: Uint8Array;
  startUs: number;
  endUs: number;
  events: number;
  width?: number;
  height?: number;
}

interface OpenSegment {
  header: Record<string, unknown>;
  startUs: number;
  endUs: number;
  firstSeq: number;
  lastSeq: number;
  lines: string[];
  rawBytes: number;
  cols?: number;
  rows?: number;
}

interface Track {
  meta: TrackMeta;
  nextIndex: number;
  open: OpenSegment | null;
  terminal: { emulator: headless.Terminal; serializer: serialize.SerializeAddon } | null;
  /** The last output of a channel without a pty, which its keyframe repeats. */
  tail: string;
}

export class RecordingBuilder {
  readonly session: string;
  private facts: RecordingFacts;
  private readonly key: SigningKey;
  private readonly tracks = new Map<string, Track>();
  private readonly segments: SegmentMeta[] = [];
  private readonly gaps: Gap[] = [];
  private readonly objects = new Map<string, Buffer>();
  private readonly openSha256: string;
  private link: Buffer;
  private seq = 0;
  private lastUs = 0;
  private keystrokes = 0;
  private files = 0;
  private redactions = 0;
  private outputBytes = 0;
  private inputBytes = 0;
  private readonly open: OpenRecord;

  constructor(facts: RecordingFacts, key: SigningKey) {
    this.facts = facts;
    this.key = key;
    this.session = sessionOf(facts);
    this.open = {
      format: RECORDING_FORMAT,
      type: "open",
      session: this.session,
      recorder: { id: "recorder-1", sequence: facts.seed, keyId: key.keyId, version: "0.1.0" },
      startedAt: facts.startedAt,
      protocol: facts.protocol ?? "ssh",
      person: { name: facts.person, roles: ["vendor"], authMethod: "publickey" },
      client: { address: "10.20.0.14", port: 50222, software: "SSH-2.0-OpenSSH_9.2p1" },
      target: {
        name: facts.target,
        conduit: "vendor-to-cell",
        address: "192.0.2.10:22",
        account: "service",
        hostKey: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        tags: ["plc"],
      },
      request: null,
      policy: { hash: facts.policyHash ?? "0".repeat(64), rule: "vendors-to-controllers", reason: "allowed-by-rule" },
      recording: { durability: "strict", failureMode: "strict", sealRecipients: [] },
      limits: { maxSessionSeconds: 14_400, maxRecordedBytes: 16 * 1024 ** 3 },
      retentionDays: 90,
      ...(facts.encryption === undefined ? {} : { encryption: facts.encryption.open }),
    };
    const bytes = Buffer.from(JSON.stringify(this.open));
    this.putSigned("open.json", bytes);
    this.openSha256 = sha256(bytes);
    this.link = Buffer.from(this.openSha256, "hex");
  }

  /** Adds a terminal track for a channel. */
  channel(
    channel: number,
    options: { request: "shell" | "exec" | "subsystem"; pty: boolean; command?: string; cols?: number; rows?: number },
  ): void {
    const emulator = new headless.Terminal({
      cols: options.cols ?? 80,
      rows: options.rows ?? 24,
      // As the recorder: what scrolled off does not come back when the terminal grows.
      scrollback: 0,
      allowProposedApi: true,
    });
    const serializer = new serialize.SerializeAddon();
    emulator.loadAddon(serializer);
    this.tracks.set(`terminal-${channel}`, {
      meta: {
        name: `terminal-${channel}`,
        kind: "terminal",
        channel,
        request: options.request,
        pty: options.pty,
        ...(options.command === undefined ? {} : { command: options.command }),
      },
      nextIndex: 0,
      open: null,
      terminal: { emulator, serializer },
      tail: "",
    });
  }

  async output(channel: number, atUs: number, data: string, code: "o" | "e" = "o"): Promise<void> {
    const track = this.trackOf(`terminal-${channel}`);
    this.outputBytes += Buffer.byteLength(data);
    await this.terminalLine(track, atUs, code, data);
    track.tail = (track.tail + data).slice(-4096);
    const { emulator } = track.terminal!;
    await new Promise<void>((resolve) => emulator.write(data, resolve));
  }

  async resize(channel: number, atUs: number, cols: number, rows: number): Promise<void> {
    const track = this.trackOf(`terminal-${channel}`);
    await this.terminalLine(track, atUs, "r", `${cols}x${rows}`);
    track.terminal!.emulator.resize(cols, rows);
  }

  async exit(channel: number, atUs: number, status: number): Promise<void> {
    await this.terminalLine(this.trackOf(`terminal-${channel}`), atUs, "x", String(status));
  }

  /** Bytes that are not UTF-8, of a channel without a pty. */
  async binary(channel: number, atUs: number, data: Uint8Array): Promise<void> {
    this.outputBytes += data.length;
    await this.terminalLine(this.trackOf(`terminal-${channel}`), atUs, "ob", Buffer.from(data).toString("base64"));
  }

  input(line: Omit<InputLine, "s">): void {
    if (line.k !== "data" && line.k !== "pointer" && line.down !== false)
      this.keystrokes += line.k === "text" ? [...(line.d ?? "")].length : 1;
    if (line.k === "secret") this.redactions++;
    this.inputBytes += line.d?.length ?? 0;
    this.jsonLine("input", line.t, line);
  }

  file(line: Omit<FilesLine, "s">): void {
    if (line.op === "close") this.files++;
    this.jsonLine("files", line.t, line);
  }

  event(line: Omit<EventsLine, "s">): void {
    this.jsonLine("events", line.t, line);
  }

  /** Which segment of the track comes next, and the number of the next event, for its header. */
  next(track: TrackMeta): { index: number; firstSeq: number } {
    return { index: this.madeTrack(track).nextIndex, firstSeq: this.seq };
  }

  /** Stores a segment whose header says what `next` said. */
  made(track: TrackMeta, segment: MadeSegment): void {
    const { raw, startUs, endUs, events, width, height } = segment;
    const firstSeq = this.seq;
    this.seq += events;
    this.lastUs = Math.max(this.lastUs, endUs);
    const size = width === undefined || height === undefined ? {} : { cols: width, rows: height };
    const lastSeq = Math.max(firstSeq, this.seq - 1);
    this.store(this.madeTrack(track), raw, { startUs, endUs, events, firstSeq, lastSeq, ...size });
  }

  private madeTrack(meta: TrackMeta): Track {
    let track = this.tracks.get(meta.name);
    if (track === undefined) {
      track = { meta, nextIndex: 0, open: null, terminal: null, tail: "" };
      this.tracks.set(meta.name, track);
    }
    return track;
  }

  /** Time that was lost; also an event. Closes every open segment, as recovery does. */
  gap(fromUs: number, toUs: number, reason: string): void {
    for (const track of this.tracks.values()) this.closeSegment(track);
    this.gaps.push({ fromUs, toUs, reason });
    this.event({ t: toUs, type: "gap", facts: { fromUs, toUs, reason } });
  }

  /** The recording as it stands while the session goes on: closed segments only. */
  snapshot(): BuiltRecording {
    return { summary: this.summary("recording"), index: this.indexNow(true), objects: new Map(this.objects) };
  }

  /** Overrides the state that was given at the start. */
  endAs(state: RecordingState): void {
    this.facts = { ...this.facts, state };
  }

  finish(durationUs = this.lastUs): BuiltRecording {
    this.lastUs = Math.max(this.lastUs, durationUs);
    for (const track of this.tracks.values()) this.closeSegment(track);
    const state = this.facts.state ?? "sealed";
    if (state === "sealed" || state === "interrupted") this.seal(state);
    return { summary: this.summary(state), index: this.indexNow(false), objects: this.objects };
  }

  private seal(state: "sealed" | "interrupted"): void {
    const manifest: Manifest = {
      format: RECORDING_FORMAT,
      type: "manifest",
      session: this.session,
      recorder: this.open.recorder,
      openSha256: this.openSha256,
      state,
      startedAt: this.facts.startedAt,
      endedAt: this.wall(this.lastUs),
      durationUs: this.lastUs,
      endReason: this.facts.endReason ?? "client-closed",
      tracks: [...this.tracks.values()].map((track) => track.meta),
      segments: this.segments,
      gaps: this.gaps,
      counts: {
        events: this.seq,
        keystrokes: this.keystrokes,
        files: this.files,
        redactions: this.redactions,
        outputBytes: this.outputBytes,
        inputBytes: this.inputBytes,
      },
      retainUntil: this.wall(90 * 86_400 * SECOND_US),
    };
    this.putSigned("manifest.json", Buffer.from(JSON.stringify(manifest)));
  }

  private putSigned(name: string, bytes: Buffer): void {
    this.objects.set(name, bytes);
    this.objects.set(`${name}.sig`, sign(null, bytes, this.key.privateKey));
  }

  private wall(offsetUs: number): string {
    return new Date(Date.parse(this.facts.startedAt) + offsetUs / 1000).toISOString();
  }

  private summary(state: RecordingState): RecordingSummary {
    const ended = state !== "recording";
    return {
      session: this.session,
      sequence: this.facts.seed,
      person: this.facts.person,
      target: this.facts.target,
      conduit: "vendor-to-cell",
      protocol: this.facts.protocol ?? "ssh",
      clientAddress: "10.20.0.14",
      startedAt: this.facts.startedAt,
      endedAt: ended ? this.wall(this.lastUs) : null,
      durationUs: this.lastUs,
      state,
      endReason: ended ? (this.facts.endReason ?? "client-closed") : null,
      keystrokes: this.keystrokes,
      files: this.files,
      bytes: this.segments.reduce((sum, segment) => sum + segment.bytes, 0),
      gaps: this.gaps.length,
      redactions: this.redactions,
    };
  }

  private indexNow(live: boolean): RecordingIndex {
    return {
      session: this.session,
      live,
      durationUs: this.lastUs,
      startedAt: this.facts.startedAt,
      openSha256: this.openSha256,
      tracks: [...this.tracks.values()].map((track) => track.meta),
      segments: [...this.segments],
      gaps: [...this.gaps],
    };
  }

  private trackOf(name: string): Track {
    let track = this.tracks.get(name);
    if (track === undefined) {
      if (name.startsWith("terminal-")) throw new Error(`open ${name} with channel() first`);
      const kind = name as "input" | "files" | "events";
      track = { meta: { name, kind }, nextIndex: 0, open: null, terminal: null, tail: "" };
      this.tracks.set(name, track);
    }
    return track;
  }

  private async terminalLine(track: Track, atUs: number, code: string, data: string): Promise<void> {
    const open = this.segmentFor(track, atUs);
    this.append(open, atUs, JSON.stringify([0, code, data]).replace("0", (atUs / 1e6).toFixed(6)));
  }

  private jsonLine(name: string, atUs: number, line: object): void {
    const open = this.segmentFor(this.trackOf(name), atUs);
    this.append(open, atUs, JSON.stringify({ ...line, s: this.seq }));
  }

  private append(open: OpenSegment, atUs: number, line: string): void {
    open.lines.push(line);
    open.rawBytes += line.length + 1;
    open.endUs = atUs;
    open.lastSeq = this.seq++;
    this.lastUs = Math.max(this.lastUs, atUs);
  }

  private segmentFor(track: Track, atUs: number): OpenSegment {
    const open = track.open;
    if (open !== null && atUs - open.startUs < SEGMENT_US && open.rawBytes < SEGMENT_BYTES) return open;
    this.closeSegment(track);
    const header: Record<string, unknown> = {
      conduit: {
        version: 1,
        session: this.session,
        track: track.meta.name,
        index: track.nextIndex,
        startUs: atUs,
        firstSeq: this.seq,
        ...(track.terminal === null ? {} : { pty: track.meta.pty === true }),
      },
    };
    const next: OpenSegment = {
      header,
      startUs: atUs,
      endUs: atUs,
      firstSeq: this.seq,
      lastSeq: this.seq,
      lines: [],
      rawBytes: 0,
    };
    if (track.terminal !== null) {
      const { emulator, serializer } = track.terminal;
      next.cols = emulator.cols;
      next.rows = emulator.rows;
      next.header = { version: 2, width: emulator.cols, height: emulator.rows, ...header };
      const keyframe =
        track.meta.pty === true
          ? `\u001bc${serializer.serialize({ scrollback: 0 })}`
          : `\u001bc\u001b[20h${track.tail}`;
      next.lines.push(JSON.stringify([0, "o", keyframe]).replace("0", (atUs / 1e6).toFixed(6)));
    }
    track.open = next;
    return next;
  }

  private closeSegment(track: Track): void {
    const open = track.open;
    if (open === null) return;
    track.open = null;
    const raw = Buffer.from(`${JSON.stringify(open.header)}\n${open.lines.join("\n")}\n`);
    const { startUs, endUs, firstSeq, lastSeq } = open;
    const events = open.lines.length - (track.terminal === null ? 0 : 1);
    const size = open.cols === undefined ? {} : { cols: open.cols, rows: open.rows! };
    this.store(track, raw, { startUs, endUs, events, firstSeq, lastSeq, ...size });
  }

  private store(
    track: Track,
    raw: Uint8Array,
    facts: Pick<SegmentMeta, "startUs" | "endUs" | "events" | "firstSeq" | "lastSeq" | "cols" | "rows">,
  ): void {
    const codec = this.facts.codec ?? "zstd";
    const compressed = codec === "zstd" ? compress(Buffer.from(raw), { compressionLevel: 3 }) : gzipSync(raw);
    const { encryption } = this.facts;
    const name = segmentName(track.meta.name, track.nextIndex, codec, encryption !== undefined);
    const place = { track: track.meta.name, index: track.nextIndex };
    const stream = streamOf(track.meta.name);
    const stored = encryption
      ? Buffer.concat(encryptSegment(encryption.keys[stream], this.session, place, [compressed]))
      : compressed;
    const digest = createHash("sha256").update(stored).digest();
    this.link = createHash("sha256").update(this.link).update(digest).digest();
    this.objects.set(name, stored);
    this.segments.push({
      n: this.segments.length,
      track: track.meta.name,
      index: track.nextIndex++,
      name,
      codec,
      ...(encryption ? { encryption: stream } : {}),
      bytes: stored.length,
      sha256: digest.toString("hex"),
      link: this.link.toString("hex"),
      rawBytes: raw.length,
      ...facts,
    });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
