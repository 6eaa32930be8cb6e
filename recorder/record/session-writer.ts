// One recording being written, as its session sees it: events in, journal records out. Invariant: every event becomes
// whole records in the order of `append`, numbered without a gap; once recording has failed nothing is taken silently —
// it is refused, or, under `best_effort`, counted into a stated gap.
import { AppError } from "../../shared/errors.ts";
import type { NoticeType, SessionEvent } from "../../shared/events/session-event.ts";
import { parseSessionId } from "../../shared/ids.ts";
import type { Gap, Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import {
  flagEncrypted,
  flagTypist,
  maxPayloadBytes,
  recordHeaderBytes,
  recordKind,
  withTypist,
  writeRecordHeader,
} from "./journal/format.ts";
import { encryptInput, inputOverheadBytes, inputSalt } from "./journal/input-key.ts";
import type { Batch, Journal, JournalSession } from "./journal/journal.ts";
import type { RecorderClock } from "./options.ts";
import type { EndReason, RecordingSituation, SessionRecorder } from "./recorder.ts";
import type { EventPayload } from "./segments/session-tracks.ts";

export interface WriterParts {
  journal: Journal;
  clock: RecorderClock;
  inputKey: Uint8Array;
  /** Bytes that this session may have on the way to its segments, as things stand. */
  inFlightLimit(): number;
  /** The same when there is not much on its way in all. */
  mostInFlight: number;
  /** Says how many bytes came into flight. */
  tookOff(bytes: number): void;
  /** Seals the recording; the writer takes nothing more. */
  finish(writer: SessionWriter, endReason: string): Promise<Manifest>;
  uploadedUs(session: string): number;
}

/**
 * Input of a channel without a pty from this size on is data and never a secret (input/tracker.ts): the input track holds
 * it as it is, so the journal may too.
 */
const plainInputBytes = 4096;

/** So long a text is one record, however much JSON has to escape in it. */
const clipboardPiece = 32 * 1024;

/** Where numbering goes on: from zero, or after what a crash left. */
export interface WriterStart {
  recordNo: number;
  seq: number;
  lastUs: number;
}

export class SessionWriter implements SessionRecorder, JournalSession {
  readonly id: string;
  readonly open: OpenRecord;
  /** Monotonic µs at offset 0; null for a recording that only recovery still writes to. */
  readonly originUs: number | null;
  readonly gaps: Gap[] = [];
  lane: "fast" | "bulk" = "fast";
  readonly unwritten = new Set<Batch>();
  unwrittenBytes = 0;
  readonly unsent = new Set<Batch>();
  onSent: (() => void) | null = null;
  watched = false;
  readonly #parts: WriterParts;
  readonly #idBytes: Uint8Array;
  readonly #salt = inputSalt();
  #recordNo: number;
  #seq: number;
  #lastUs: number;
  /** The channel whose input packets share the current number. */
  #inputChannel: number | null = null;
  /** And whose. */
  #inputBy: string | undefined;
  /** Channels that carry a program's data and no terminal. */
  readonly #plainChannels = new Set<number>();
  /** Channels with a screen, and how many output records each has. */
  readonly #screens = new Map<number, number>();
  #inFlight = 0;
  #recordedBytes = 0;
  readonly #drainWaiters: Array<() => void> = [];
  #failure: AppError | null = null;
  readonly #failureListeners: Array<(error: Error) => void> = [];
  #endAsked: EndReason | null = null;
  readonly #endListeners: Array<(reason: EndReason) => void> = [];
  /** Under best_effort: since when events are being dropped, and why. */
  #gap: { fromUs: number; reason: string } | null = null;
  #closing: Promise<Manifest> | null = null;

  constructor(open: OpenRecord, originUs: number | null, parts: WriterParts, start: WriterStart) {
    this.id = open.session;
    this.open = open;
    this.originUs = originUs;
    this.#parts = parts;
    this.#idBytes = parseSessionId(open.session);
    this.#recordNo = start.recordNo;
    this.#seq = start.seq;
    this.#lastUs = start.lastUs;
  }

  get session(): string {
    return this.id;
  }

  get lastUs(): number {
    return this.#lastUs;
  }

  /** Events numbered so far. */
  get eventCount(): number {
    return this.#seq;
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  nowUs(): number {
    if (this.originUs === null) return this.#lastUs;
    return Math.max(this.#lastUs, this.#parts.clock.monotonicUs() - this.originUs);
  }

  append(event: SessionEvent): boolean {
    if (this.#closing) throw this.#closedError();
    if (this.#gap) return true;
    if (this.#failure) throw this.#failure;
    const atUs = this.nowUs();
    this.#lastUs = atUs;
    switch (event.type) {
      case "output":
        this.#bytes(event.stream === "stdout" ? recordKind.stdout : recordKind.stderr, event.channel, event.data, atUs);
        break;
      case "input":
        this.#bytes(recordKind.input, event.channel, event.data, atUs, event.by);
        break;
      case "resize":
        this.#resize(event, atUs);
        break;
      case "clipboard":
        for (const text of textPieces(event.text)) this.#event({ ...event, text }, atUs);
        break;
      default:
        this.#event(event, atUs);
    }
    return this.#inFlight < this.#parts.inFlightLimit();
  }

  /** A notice that the segment worker asked for; also taken while the recording is being closed. */
  appendDerived(notice: NoticeType, channel: number, facts: Record<string, unknown>, cause: number): void {
    this.#lastUs = this.nowUs();
    this.#event({ type: "derived", notice, channel, facts, cause }, this.#lastUs);
  }

  /** The last record of a recording that ended in good order: recovery seals what follows it as it was meant. */
  appendClose(endReason: string): void {
    this.#lastUs = this.nowUs();
    this.#json(recordKind.close, { endReason }, this.#lastUs);
  }

  #bytes(kind: number, channel: number, data: Uint8Array, atUs: number, by?: string): void {
    const isInput = kind === recordKind.input;
    const mayBePlain = this.#plainChannels.has(channel);
    for (let at = 0; at < data.length; at += maxPayloadBytes) {
      const own = data.length > maxPayloadBytes ? data.subarray(at, at + maxPayloadBytes) : data;
      const piece = by === undefined ? own : withTypist(by, own);
      const isSealed = isInput && (by !== undefined || !(mayBePlain && piece.length >= plainInputBytes));
      // Consecutive input packets of a channel share a number, so that numbering does not tell a password's length.
      const sameLine = isInput && this.#inputChannel === channel && this.#inputBy === by;
      if (!sameLine) this.#seq++;
      this.#inputChannel = isInput ? channel : null;
      this.#inputBy = by;
      const recordNo = this.#recordNo++;
      const bytes = piece.length + (isSealed ? inputOverheadBytes : 0);
      const { buffer, at: place } = this.#parts.journal.reserve(this, bytes, recordNo);
      const outputNo = isInput || this.#screens.size === 0 ? 0 : this.#countOutput(channel);
      const flags = (isSealed ? flagEncrypted : 0) | (by === undefined ? 0 : flagTypist);
      const header = { kind, flags, outputNo, channel, recordNo, seq: this.#seq - 1, atUs };
      writeRecordHeader(buffer, place, this.#idBytes, header, bytes);
      const payloadAt = place + recordHeaderBytes;
      if (isSealed) {
        const aad = buffer.subarray(place + 16, payloadAt);
        encryptInput(this.#parts.inputKey, this.#salt, recordNo, aad, piece, buffer, payloadAt);
      } else {
        buffer.set(piece, payloadAt);
      }
      this.#took(piece.length, bytes);
    }
  }

  #resize(event: Extract<SessionEvent, { type: "resize" }>, atUs: number): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(event.cols >>> 0, 0);
    payload.writeUInt32LE(event.rows >>> 0, 4);
    this.#record(recordKind.resize, event.channel, payload, atUs);
  }

  #countOutput(channel: number): number {
    const count = this.#screens.get(channel);
    if (count === undefined) return 0;
    this.#screens.set(channel, (count + 1) % 0x10000);
    return count;
  }

  #event(event: EventPayload, atUs: number): void {
    if (event.type === "channel-open" && event.screen) this.#screens.set(event.channel, 0);
    if (event.type === "channel-open" && event.request !== "vnc" && event.pty === undefined) {
      this.#plainChannels.add(event.channel);
    } else if (event.type === "channel-close") {
      this.#plainChannels.delete(event.channel);
    }
    this.#json(recordKind.event, event, atUs, "channel" in event ? (event.channel ?? 0) : 0);
  }

  #json(kind: number, value: unknown, atUs: number, channel = 0): void {
    const payload = Buffer.from(JSON.stringify(value));
    if (payload.length > maxPayloadBytes) {
      throw new AppError(
        "PROTOCOL_LIMIT",
        `an event of ${payload.length} bytes is too large to be recorded (at most ${maxPayloadBytes})`,
        {
          op: "record.append",
        },
      );
    }
    this.#record(kind, channel, payload, atUs);
  }

  #record(kind: number, channel: number, payload: Buffer, atUs: number): void {
    this.#inputChannel = null;
    const recordNo = this.#recordNo++;
    // The closing record is the journal's own: no track has it, so it takes no event number.
    const seq = kind === recordKind.close ? Math.max(0, this.#seq - 1) : this.#seq++;
    const { buffer, at } = this.#parts.journal.reserve(this, payload.length, recordNo);
    writeRecordHeader(buffer, at, this.#idBytes, { kind, flags: 0, channel, recordNo, seq, atUs }, payload.length);
    payload.copy(buffer, at + recordHeaderBytes);
    this.#took(payload.length, payload.length);
  }

  #took(recorded: number, inFlight: number): void {
    this.#recordedBytes += recorded;
    this.#inFlight += inFlight;
    this.#parts.tookOff(inFlight);
  }

  /** The worker is done with so many bytes of this session. */
  landed(bytes: number): void {
    this.#inFlight -= bytes;
    if (this.#inFlight * 2 <= this.#parts.inFlightLimit())
      for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  async durable(): Promise<void> {
    if (this.#gap) return;
    if (this.#failure) throw this.#failure;
    if (this.open.recording.durability === "interval") return;
    await this.#parts.journal.durable(this);
    // Inbound bulk has no other brake: what is forwarded when it is durable may outrun the segment worker. Keys at a screen
    // do not wait because the pictures of others are much.
    const limit = this.#screens.size > 0 ? this.#parts.mostInFlight : this.#parts.inFlightLimit();
    if (this.#inFlight > 2 * limit) await this.drained();
    // A failure while waiting may concern bytes of another lane or of a segment: they are as lost to the session.
    const failure = this.#failure as AppError | null;
    if (failure && !this.#gap) throw failure;
  }

  async drained(): Promise<void> {
    if (this.#gap || this.#inFlight * 2 <= this.#parts.inFlightLimit()) return;
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#drainWaiters.push(resolve);
    });
    const failure = this.#failure as AppError | null;
    if (failure && !this.#gap) throw failure;
  }

  health(): RecordingSituation {
    const oldest = this.#parts.journal.oldestUnwrittenMs(this);
    return {
      recordedBytes: this.#recordedBytes,
      durableBehindMs: oldest === null ? 0 : Math.max(0, Date.now() - oldest),
      nowUs: this.nowUs(),
      uploadedUs: this.#parts.uploadedUs(this.id),
      gaps: this.gaps.length + (this.#gap ? 1 : 0),
    };
  }

  onFailure(listener: (error: Error) => void): void {
    this.#failureListeners.push(listener);
    if (this.#failure) listener(this.#failure);
  }

  onEndAsked(listener: (reason: EndReason) => void): void {
    this.#endListeners.push(listener);
    if (this.#endAsked) listener(this.#endAsked);
  }

  /** What comes cannot be kept in a form that can be shown: whatever its failure mode, the session has to end. */
  askEnd(reason: EndReason): void {
    if (this.#endAsked || this.originUs === null) return;
    this.#endAsked = reason;
    for (const listener of this.#endListeners) listener(reason);
  }

  /**
   * Recording cannot go on. A `strict` session takes nothing more; a `best_effort` one drops what comes until
   * `resume`, and the interval becomes a gap of the recording.
   */
  fail(error: AppError): void {
    const bestEffort = this.open.recording.failureMode === "best_effort";
    if (bestEffort && !this.#closing && this.originUs !== null)
      this.#gap ??= { fromUs: this.nowUs(), reason: error.code };
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
    // What a crash left has nobody to stop: it is sealed with all that there is of it.
    if (this.#failure || this.originUs === null) return;
    this.#failure = error;
    for (const listener of this.#failureListeners) listener(error);
  }

  /** Writing works again. */
  resume(): void {
    const gap = this.#gap;
    if (!gap) return;
    this.#gap = null;
    this.#failure = null;
    this.addGap({ fromUs: gap.fromUs, toUs: this.nowUs(), reason: gap.reason });
  }

  /** States a gap in the manifest and among the events. */
  addGap(gap: Gap): void {
    this.gaps.push(gap);
    if (this.#gap) return;
    this.#lastUs = this.nowUs();
    this.#event({ type: "notice", notice: "gap", facts: { ...gap } }, this.#lastUs);
  }

  close(endReason: string): Promise<Manifest> {
    if (this.#closing) return this.#closing;
    this.#resumeForClose();
    this.#closing = this.#parts.finish(this, endReason);
    return this.#closing;
  }

  #resumeForClose(): void {
    if (this.#gap) this.resume();
  }

  #closedError(): AppError {
    return new AppError("RECORD_FAILED", `the recording ${this.id} is closed`, { op: "record.append" });
  }
}

/** No character is torn. */
function* textPieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = at + clipboardPiece;
    const torn = /[\ud800-\udbff]/.test(text[end - 1] ?? "") && end < text.length;
    const next = torn ? end - 1 : end;
    yield text.slice(at, next);
    at = next;
  }
}
