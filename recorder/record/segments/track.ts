// What every track does: opens a segment at its first event, closes it by time or size, hands it to the session's
// files. Subclasses say what a segment begins with and when a cut is clean.

import type { SegmentHeader } from "../../../shared/events/stored.ts";
import type { FeedPiece } from "../../../shared/live/feed.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import { segmentName } from "../../store/keys.ts";
import { type Counts, noCounts } from "../spool-layout.ts";
import type { SegmentLimits } from "./messages.ts";
import { OpenBytesSegment } from "./open-bytes-segment.ts";
import { OpenSegment } from "./open-segment.ts";
import type { ClosedSegment } from "./segment-files.ts";

/** Where an event stands. */
export interface EventPlace {
  us: number;
  seq: number;
  recordNo: number;
  /** Of input that waited for its rest: record and number of its first byte. */
  from?: { recordNo: number; seq: number };
  /** Of input: who typed it, where it was not the session's person. */
  by?: string;
}

export interface TrackContext {
  session: string;
  limits: SegmentLimits;
  emit(segment: Omit<ClosedSegment, "opened">): void;
  /** Where open segments are told, while somebody follows the session. */
  feed?: ((piece: FeedPiece) => void) | null;
}

export abstract class Track {
  readonly name: string;
  protected readonly context: TrackContext;
  protected segment: OpenSegment | null = null;
  #index: number;
  #forcing = false;
  /** Highest record number that a closed segment of this track holds: those before it are in the track already. */
  #closedRecordNo: number;
  protected counts: Counts = noCounts();
  protected lastUs = 0;

  constructor(name: string, context: TrackContext, resume: { nextIndex: number; recordNo: number } | undefined) {
    this.name = name;
    this.context = context;
    this.#index = resume?.nextIndex ?? 0;
    this.#closedRecordNo = resume?.recordNo ?? -1;
  }

  protected abstract header(segment: OpenSegment, conduit: SegmentHeader["conduit"]): string;
  /** False while a cut would tear something: an escape sequence, a character, text that waits for its echo. */
  protected abstract get clean(): boolean;
  /** Writes what still waits into the open segment, because the cut comes now. */
  protected abstract giveUpWaiting(): void;
  protected abstract get maxRawBytes(): number;
  protected extraMeta(_segment: OpenSegment): { cols?: number; rows?: number } {
    return {};
  }
  /** As the index lists it; null: its segments are told when they are closed, and not before. */
  protected get listed(): TrackMeta | null {
    return null;
  }
  /** @param forBytes bytes will follow lines in it. */
  protected newSegment(at: EventPlace, forBytes: boolean): OpenSegment {
    const { zstdLevel } = this.context.limits;
    return forBytes ? new OpenBytesSegment(at, zstdLevel) : new OpenSegment(at, zstdLevel);
  }
  /** Writes what follows the header of a segment that begins. */
  protected begun(_segment: OpenSegment): void {}
  /** What going on after a crash needs beside the segment that closes now; it lies in the spool alone. */
  protected stateAtCut(): Uint8Array | undefined {
    return undefined;
  }
  /** A segment of this age closes. */
  protected get maxAgeUs(): number {
    return this.context.limits.segmentMaxSeconds * 1e6;
  }

  /** True when recovery reads a record again whose event a closed segment holds. */
  has(recordNo: number): boolean {
    return recordNo <= this.#closedRecordNo;
  }

  /** True when the track has a segment, open or closed. */
  get used(): boolean {
    return this.#index > 0 || this.segment !== null;
  }

  /** The first record that only the journal holds, as far as this track knows. */
  get firstOpenRecordNo(): number | null {
    return this.segment?.firstRecordNo ?? null;
  }

  /** A segment in which bytes may follow lines; null where the open one takes none and cannot be closed now. */
  protected beginForBytes(at: EventPlace): OpenBytesSegment | null {
    if (this.segment && !(this.segment instanceof OpenBytesSegment)) this.cutIfClean();
    const segment = this.begin(at, true);
    return segment instanceof OpenBytesSegment ? segment : null;
  }

  protected begin(at: EventPlace, forBytes = false): OpenSegment {
    if (this.segment && at.us - this.segment.startUs >= this.maxAgeUs && this.clean) this.cut();
    if (this.segment) return this.segment;
    this.lastUs = Math.max(this.lastUs, at.us);
    const segment = this.newSegment({ ...at, us: this.lastUs }, forBytes);
    this.segment = segment;
    if (this.context.feed) segment.onLeaving = () => this.tell();
    segment.write(
      this.header(segment, {
        version: segment.version,
        session: this.context.session,
        track: this.name,
        index: this.#index,
        startUs: segment.startUs,
        firstSeq: segment.firstSeq,
      }),
    );
    this.begun(segment);
    return segment;
  }

  /** Somebody follows from now on: all that the open segment holds, then what comes. */
  follow(): void {
    const { segment } = this;
    if (!segment) return;
    segment.onLeaving = () => this.tell();
    this.#piece(segment, "begin", 0, segment.tellAnew());
  }

  /** What came since the last call. */
  tell(): void {
    const { segment } = this;
    const untold = this.context.feed ? segment?.untold() : null;
    if (segment && untold) this.#piece(segment, untold.offset === 0 ? "begin" : "add", untold.offset, untold.bytes);
  }

  #piece(segment: OpenSegment, at: FeedPiece["at"], offset: number, bytes: Uint8Array): void {
    const meta = this.listed;
    if (meta === null) return;
    const { endUs, lastSeq } = segment;
    const of = at === "begin" ? { of: { meta, ...this.extraMeta(segment) } } : {};
    this.context.feed?.({ track: this.name, index: this.#index, at, offset, bytes, endUs, lastSeq, ...of });
  }

  /** Raw bytes of the open segment. */
  get openBytes(): number {
    return this.segment?.rawBytes ?? 0;
  }

  /** Times within a track never run backwards. */
  protected monotone(us: number): number {
    this.lastUs = Math.max(this.lastUs, us);
    return this.lastUs;
  }

  protected afterEvent(at: EventPlace, events = 1): void {
    const { segment } = this;
    if (!segment) return;
    segment.events += events;
    segment.cover({ ...at, us: this.lastUs });
    this.cutIfFull();
  }

  cutIfFull(): void {
    const { segment } = this;
    if (!segment) return;
    const { limits } = this.context;
    const flood = segment.endUs - segment.startUs < 1e6;
    const full = segment.rawBytes >= (flood ? this.maxRawBytes : limits.segmentMaxBytes);
    if (!full) return;
    if (this.clean) this.cut();
    else if (segment.rawBytes >= 2 * this.maxRawBytes) this.forceCut();
  }

  /** Called now and then with the session's time: closes what is due. */
  tick(nowUs: number): void {
    if (!this.segment) return;
    const ageUs = nowUs - this.segment.startUs;
    if (ageUs >= this.maxAgeUs && this.clean) this.cut();
    else if (ageUs >= 2 * this.maxAgeUs) this.forceCut();
  }

  /** Something waits that cannot be given up at once; the cut comes a moment later. */
  mustWait: () => boolean = () => false;

  cutIfClean(): void {
    if (this.clean) this.cut();
  }

  forceCut(): void {
    // What is given up on is stored in this segment, which may ask for the cut again.
    if (this.#forcing) return;
    this.#forcing = true;
    try {
      this.giveUpWaiting();
    } finally {
      this.#forcing = false;
    }
    if (!this.mustWait()) this.cut();
  }

  cut(): void {
    const { segment } = this;
    if (!segment) return;
    if (this.context.feed) {
      this.tell();
      this.#piece(segment, "end", segment.rawBytes, new Uint8Array());
      segment.onLeaving = null;
    }
    this.segment = null;
    const index = this.#index++;
    const { codec, startUs, endUs, events, firstSeq, lastSeq, rawBytes, firstRecordNo, lastRecordNo } = segment;
    this.#closedRecordNo = Math.max(this.#closedRecordNo, lastRecordNo);
    const meta = {
      track: this.name,
      index,
      name: segmentName(this.name, index, codec),
      codec,
      rawBytes,
      startUs,
      endUs,
      events,
      firstSeq,
      lastSeq,
      ...this.extraMeta(segment),
    };
    const { counts } = this;
    this.counts = noCounts();
    const state = this.stateAtCut();
    const closed = {
      meta,
      stored: segment.finish(),
      release: () => segment.release(),
      firstRecordNo,
      recordNo: this.#closedRecordNo,
      counts,
    };
    this.context.emit(state === undefined ? closed : { ...closed, state });
  }
}

/** Session time in seconds with exactly six decimals, as asciicast lines carry it. */
export function seconds(us: number): string {
  const whole = Math.floor(us / 1e6);
  return `${whole}.${String(us - whole * 1e6).padStart(6, "0")}`;
}
