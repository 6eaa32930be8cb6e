// One VNC channel's screen track: the target's bytes go through the decoder, its picture is sampled by the time of the
// records, and each segment begins with the whole picture. Fed by ScreenChannel in record order, live and in recovery
// alike. Invariant: a segment is cut between two server messages, where the decoder's state can be kept; together with
// it the segment's last picture is where a recovery goes on, to the pixel.
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import type { SegmentHeader } from "../../../shared/events/stored.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import { type EncodedRecord, encodeRecord, screenHeaderLine } from "../../../shared/screen/format.ts";
import type { ScreenCanvas } from "../../../shared/screen/player.ts";
import { Framebuffer } from "../../rfb/framebuffer.ts";
import { ScreenDecoder } from "../../rfb/screen-decoder.ts";
import type { ScreenOutlet } from "../../rfb/screen-outlet.ts";
import { gapRecord, ScreenEncoder } from "../../screen/screen-encoder.ts";
import type { OpenedTrack } from "../spool-layout.ts";
import { OpenBinarySegment } from "./open-binary-segment.ts";
import type { OpenSegment } from "./open-segment.ts";
import type { ScreenRoom, ScreenRoomLimits } from "./screen-room.ts";
import { encodeScreenState, pixelsCrc, type ScreenState, type ScreenStateFacts } from "./screen-state.ts";
import { type EventPlace, Track, type TrackContext } from "./track.ts";
import { WorkAllowance } from "./work-allowance.ts";

/** About ten pictures a second; an update that is still arriving is waited for a little. */
const sampleUs = 100_000;
const sampleWithinUpdateUs = 400_000;
/** While somebody watches: a whole update is sampled at once, but for the time that has to lie between two pictures. */
const watchedSampleUs = 33_000;
/** What rests is refreshed within fewer samples. */
const mostRefreshes = 64;

/** A message that is longer, or a segment that has grown so far without coming to a message's end, is torn by a cut. */
const tornAfterBytes = 64 * 1024 * 1024;
const tornAfterRawBytes = 32 * 1024 * 1024;

/** Twice a 4K screen; a keyframe of it stays within what a segment may hold. */
const decoderLimits = { maxSide: 16_384, maxPixels: 16 * 1024 * 1024 };

export interface ScreenFacts {
  name: string;
  /** In force with the first byte. */
  format: PixelFormat;
  /** How what moves is stored. */
  video: "lossless" | "lossy-while-moving";
}

export class ScreenTrack extends Track {
  readonly opened: OpenedTrack;
  readonly #video: ScreenFacts["video"];
  readonly #allowance: WorkAllowance;
  readonly #room: ScreenRoom;
  #decoder: ScreenDecoder;
  #encoder: ScreenEncoder;
  /** Set once the target's bytes could not be read: the picture stands still from then on. */
  #failed = false;
  /** When the first record came whose change is not sampled yet. */
  #changedUs: number | null = null;
  /** Time of the last sample, while something in it is stored with loss: samples go on until it is refreshed. */
  #lossUs: number | null = null;
  readonly #watches = new Set<string>();
  /** Time of the last sample that was taken at once or would have been. */
  #sampledUs = Number.NEGATIVE_INFINITY;
  #exactly = false;
  /** Time of the newest record that went through the decoder, and of the newest one written. */
  #fedUs = 0;
  #writtenUs = 0;
  #startSize = { cols: 0, rows: 0 };
  /** Of the message that is still arriving. */
  #messageBytes = 0;
  #cutWanted = false;
  /** The journal's count of the output record that comes next. */
  #outputNo = 0;
  /** A picture is in the track as of this time. */
  sampled: (place: EventPlace) => void = () => {};
  #lastPlace: EventPlace | null = null;

  constructor(
    opened: OpenedTrack,
    context: TrackContext,
    resume: { nextIndex: number; recordNo: number } | undefined,
    screen: ScreenFacts,
    room: ScreenRoom,
  ) {
    super(opened.meta.name, context, resume);
    this.opened = opened;
    const { cols: width, rows: height } = opened;
    const init = { width, height, format: screen.format, limits: decoderLimits };
    this.#decoder = new ScreenDecoder(init, this.#outlet());
    this.#video = screen.video;
    this.#allowance = new WorkAllowance(context.limits.screenBehindMs);
    this.#encoder = new ScreenEncoder(this.#decoder.framebuffer, { video: this.#video });
    this.#encoder.name(screen.name);
    this.#room = room;
    this.#takeRoom(resume === undefined ? context.limits : null);
  }

  /** What an earlier process recorded is not refused. */
  #takeRoom(limits: ScreenRoomLimits | null = this.context.limits): void {
    const { width, height } = this.#decoder.framebuffer;
    this.#room.take(this, width * height, limits);
  }

  /** Its memory is for others. */
  dispose(): void {
    this.#room.release(this);
  }

  /** The picture as the target's bytes so far make it. */
  get framebuffer(): Framebuffer {
    return this.#decoder.framebuffer;
  }

  /** In force. */
  get pixelFormat(): PixelFormat {
    return this.#decoder.format;
  }

  get outputNo(): number {
    return this.#outputNo;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Goes on where a segment of an earlier process ended. False: those are not the pixels that it ended with. */
  restore(canvas: ScreenCanvas, { facts, checkpoint, pixels }: ScreenState): boolean {
    const framebuffer = new Framebuffer(facts.width, facts.height, decoderLimits);
    const known = pixels ?? canvas.words;
    if (known.length !== framebuffer.pixels.length || pixelsCrc(known) !== facts.pixels) return false;
    framebuffer.pixels.set(known);
    this.#decoder = ScreenDecoder.restore(checkpoint, framebuffer, this.#outlet(), decoderLimits);
    this.#encoder = new ScreenEncoder(framebuffer, { video: this.#video });
    this.#outputNo = facts.outputNo;
    for (const id of facts.watches ?? []) this.#watches.add(id);
    if (canvas.cursor) this.#encoder.cursor(canvas.cursor);
    if (canvas.pointer) this.#encoder.pointer(canvas.pointer.x, canvas.pointer.y);
    if (canvas.name !== null) this.#encoder.name(canvas.name);
    return true;
  }

  #outlet(): ScreenOutlet {
    return {
      changed: (x, y, width, height) => {
        this.#allowance.check();
        this.#encoder.changed(x, y, width, height);
      },
      copied: (fromX, fromY, x, y, width, height) => {
        this.#allowance.check();
        this.#encoder.copied(fromX, fromY, x, y, width, height);
      },
      resized: () => {
        this.#takeRoom();
        this.#encoder.resized(this.#decoder.framebuffer);
      },
      cursor: (shape) => this.#encoder.cursor(shape),
      pointer: (x, y) => this.#encoder.pointer(x, y),
      name: (name) => this.#encoder.name(name),
      bell: () => this.#encoder.bell(),
      clipboard: () => {},
      led: () => {},
      updated: () => this.#allowance.check(),
      jpeg: (x, y, width, height) => this.#encoder.jpeg(x, y, width, height),
    };
  }

  /** Throws what the decoder threw: then `end` is to be called. */
  output(place: EventPlace, data: Uint8Array): void {
    this.#allowance.earn(place.us, data.length);
    this.#allowance.work(() => this.#output(place, data));
  }

  #output(place: EventPlace, data: Uint8Array): void {
    this.#sampleIfDue(place.us);
    if (this.#due() && this.clean) this.cut();
    this.#decoder.passed(place.us - this.#fedUs);
    const segment = this.begin(place);
    this.counts.outputBytes += data.length;
    this.#fedUs = this.monotone(place.us);
    this.#outputNo = (this.#outputNo + 1) % 0x10000;
    this.#lastPlace = place;
    segment.cover({ ...place, us: this.#fedUs });
    this.#decoder.push(data);
    if (this.#encoder.dirty) this.#changedUs ??= place.us;
    if (this.#watches.size > 0) this.#sampleAtOnce();
    this.#messageBytes = this.clean ? 0 : this.#messageBytes + data.length;
    if (this.#cutWanted && this.clean) this.#cutExactly();
    else if (this.#messageBytes >= tornAfterBytes || segment.rawBytes >= tornAfterRawBytes) this.forceCut();
  }

  /** From the next byte on. */
  format(place: EventPlace, format: PixelFormat): void {
    const segment = this.begin(place);
    segment.cover({ ...place, us: this.monotone(place.us) });
    this.#decoder.setFormat(format);
  }

  /** No picture comes after the one that the track has now. */
  end(reason: string): void {
    if (this.#failed) return;
    this.#exactly = true;
    try {
      this.#sample(this.lastUs);
    } catch {
      // The fault that ends it may be the encoder's: the picture stays as it was sampled last.
    }
    this.#failed = true;
    const { segment } = this;
    if (!(segment instanceof OpenBinarySegment)) return;
    this.#put(segment, this.lastUs, gapRecord(reason));
    this.cut();
  }

  /** Only the times of the records decide, so that recovery comes to the same samples. */
  #sampleIfDue(nowUs: number): void {
    if (this.#failed) return;
    const wait = this.#decoder.atBoundary ? sampleUs : sampleWithinUpdateUs;
    const isNext = this.#watches.size > 0 && this.#decoder.atBoundary && nowUs - this.#sampledUs >= watchedSampleUs;
    if (this.#changedUs !== null && (isNext || nowUs - this.#changedUs >= wait)) this.#sample(this.#fedUs);
    for (let i = 0; i < mostRefreshes && this.#lossUs !== null && this.#changedUs === null; i++) {
      if (nowUs - this.#lossUs < sampleUs) return;
      this.#sample(this.#lossUs + sampleUs);
    }
  }

  #sampleAtOnce(): void {
    if (this.#changedUs === null || !this.#decoder.atBoundary) return;
    if (this.#fedUs - this.#sampledUs >= watchedSampleUs) this.#sample(this.#fedUs);
  }

  /** Somebody begins or ends to follow the screen as it goes on. */
  watch(id: string, begins: boolean): void {
    if (begins) this.#watches.add(id);
    else this.#watches.delete(id);
  }

  #sample(us: number): void {
    this.#sampledUs = us;
    this.#changedUs = null;
    this.#lossUs = null;
    const { segment } = this;
    if (!(segment instanceof OpenBinarySegment) || !this.#encoder.dirty) return;
    const atUs = this.monotone(us);
    const records = this.#exactly ? this.#encoder.sampleExactly() : this.#encoder.sample();
    for (const record of records) this.#put(segment, atUs, record);
    if (this.#encoder.dirty) this.#lossUs = atUs;
    if (records.length > 0 && this.#lastPlace) this.sampled({ ...this.#lastPlace, us: atUs });
  }

  #put(segment: OpenBinarySegment, atUs: number, record: EncodedRecord): void {
    segment.add(encodeRecord(atUs - this.#writtenUs, record));
    this.#countPhotographs(segment);
    segment.cover({ us: atUs, seq: segment.lastSeq, recordNo: segment.lastRecordNo });
    segment.events++;
    this.#writtenUs = atUs;
  }

  /** Not where what moves is stored with loss: that repeats, unlike photographs. */
  #countPhotographs(segment: OpenBinarySegment): void {
    const bytes = this.#encoder.takePhotographBytes();
    if (this.#video === "lossless") segment.photographBytes += bytes;
  }

  /** Reaching the segment's end has become dear. */
  #due(): boolean {
    return this.segment !== null && this.#encoder.keyframeDue;
  }

  override tick(nowUs: number): void {
    this.#allowance.work(() => this.#sampleIfDue(nowUs));
    // Age alone tears no message.
    if (!this.segment || !this.clean) return;
    if (this.#due() || nowUs - this.segment.startUs >= this.maxAgeUs) this.#cutExactly();
  }

  /** Asked for because the journal runs short: at the end of the message if not now. */
  override cutIfClean(): void {
    if (this.clean) this.#cutExactly();
    else this.#cutWanted = this.segment !== null;
  }

  override cut(): void {
    if (!this.segment) return;
    this.#cutWanted = false;
    if (!this.#failed) this.#sample(this.lastUs);
    super.cut();
  }

  override forceCut(): void {
    this.#exactly = true;
    super.forceCut();
    this.#exactly = this.#failed;
  }

  /** Wherever no segment begins at once nothing may be left with loss: there may be no other sample to refresh it. */
  #cutExactly(): void {
    this.#exactly = true;
    this.cut();
    this.#exactly = this.#failed;
  }

  protected override newSegment(at: EventPlace): OpenSegment {
    return new OpenBinarySegment(at, this.context.limits.screenZstdLevel);
  }

  protected header(segment: OpenSegment, conduit: SegmentHeader["conduit"]): string {
    const { width, height } = this.#encoder;
    this.#startSize = { cols: width, rows: height };
    this.#fedUs = segment.startUs;
    this.#writtenUs = segment.startUs;
    return screenHeaderLine(conduit, width, height);
  }

  protected override begun(segment: OpenSegment): void {
    const screen = segment as OpenBinarySegment;
    screen.add(encodeRecord(0, this.#encoder.keyframe()));
    this.#countPhotographs(screen);
  }

  protected override get listed(): TrackMeta {
    return this.opened.meta;
  }

  protected override extraMeta(): { cols: number; rows: number } {
    return this.#startSize;
  }

  protected override stateAtCut(): Uint8Array {
    const { width, height, pixels } = this.#decoder.framebuffer;
    const watches = this.#watches.size > 0 ? { watches: [...this.#watches] } : {};
    const facts: ScreenStateFacts = { width, height, pixels: pixelsCrc(pixels), outputNo: this.#outputNo, ...watches };
    if (this.#failed) return encodeScreenState({ ...facts, without: "failed" });
    if (!this.clean) return encodeScreenState({ ...facts, without: "torn" });
    // What the segment ends with is not the target's picture while something moves.
    return encodeScreenState(facts, this.#decoder.checkpoint(), this.#lossUs === null ? undefined : pixels);
  }

  protected override get maxAgeUs(): number {
    return this.context.limits.screenSegmentSeconds * 1e6;
  }

  protected get clean(): boolean {
    return this.#failed || (this.#decoder.atBoundary && this.#decoder.resumable);
  }

  protected giveUpWaiting(): void {}

  protected get maxRawBytes(): number {
    return Number.POSITIVE_INFINITY;
  }
}
