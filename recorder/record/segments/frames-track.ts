// One VNC channel's frame captures: small pictures of the screen for the timeline, at its beginning, at changes and at
// clicks. Fed by ScreenChannel; libvips works in threads of its own. Invariant: no other track waits for a frame, and
// none holds a record back in the journal: what a crash takes recovery captures again from the records it replays.
import type { SegmentHeader } from "../../../shared/events/stored.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import { encodeFrame, type FrameReason, framesHeaderLine } from "../../../shared/screen/frames.ts";
import type { Framebuffer } from "../../rfb/framebuffer.ts";
import type { CapturedFrame, FrameCaptures } from "../../screen/frames.ts";
import { OpenBinarySegment } from "./open-binary-segment.ts";
import type { OpenSegment } from "./open-segment.ts";
import { type EventPlace, Track } from "./track.ts";

const changeEveryUs = 5e6;
/** The first picture arrives in pieces: soon after it is captured once more. */
const paintedUs = 1e6;
/** Pictures that wait for sharp to be loaded. */
const mostBeforeLoaded = 6;
/** As wide as the scrub bar shows it; a click's picture shows what was clicked on. */
const widths: Record<FrameReason, number> = { start: 192, change: 192, click: 480 };

interface Waiting {
  place: EventPlace;
  why: FrameReason;
  /** Null: it failed. */
  frame: CapturedFrame | null | undefined;
}

/** One bound for all sessions of the thread; sharp is loaded with the first screen. */
let loading: Promise<FrameCaptures> | null = null;
let captures: FrameCaptures | null = null;

function load(): Promise<FrameCaptures> {
  loading ??= import("../../screen/frames.ts").then((frames) => {
    captures = new frames.FrameCaptures();
    return captures;
  });
  return loading;
}

export class FramesTrack extends Track {
  /** In the order of the screen's time: a frame is stored when those before it are. */
  readonly #waiting: Waiting[] = [];
  #changeUs: number | null = null;
  #painted = false;

  /** A sample was taken. */
  changed(place: EventPlace, framebuffer: Framebuffer): void {
    const first = this.#changeUs === null && !this.used;
    const everyUs = this.#painted ? changeEveryUs : paintedUs;
    if (this.#changeUs !== null && place.us - this.#changeUs < everyUs) return;
    this.#painted ||= !first;
    this.#capture(place, framebuffer, first ? "start" : "change");
  }

  clicked(place: EventPlace, framebuffer: Framebuffer): void {
    this.#capture(place, framebuffer, "click");
  }

  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Frames that are not there yet never will be. */
  giveUp(): void {
    this.#waiting.length = 0;
  }

  #capture(place: EventPlace, framebuffer: Framebuffer, why: FrameReason): void {
    if (this.has(place.recordNo)) return;
    const captured = this.#ask(framebuffer, widths[why]);
    if (!captured) return;
    if (why !== "click") this.#changeUs = place.us;
    const entry: Waiting = { place, why, frame: undefined };
    this.#waiting.push(entry);
    captured.then(
      (frame) => {
        entry.frame = frame;
        this.#store();
      },
      () => {
        entry.frame = null;
        this.#store();
      },
    );
  }

  #ask(framebuffer: Framebuffer, width: number): Promise<CapturedFrame | null> | null {
    if (captures) return captures.capture(framebuffer, { width });
    if (this.#waiting.length >= mostBeforeLoaded) return null;
    const copy = { width: framebuffer.width, height: framebuffer.height, pixels: framebuffer.pixels.slice() };
    return load().then((ready) => ready.capture(copy, { width }));
  }

  #store(): void {
    for (let head = this.#waiting[0]; head && head.frame !== undefined; head = this.#waiting[0]) {
      this.#waiting.shift();
      if (head.frame) this.#add(head.place, head.why, head.frame);
    }
  }

  #add(place: EventPlace, why: FrameReason, frame: CapturedFrame): void {
    const segment = this.begin(place) as OpenBinarySegment;
    // A sample is taken after the click whose frame came first, and follows from an output before it.
    const seq = Math.max(place.seq, segment.firstSeq);
    segment.add(encodeFrame({ atUs: this.monotone(place.us), seq, why, ...frame }));
    this.tell();
    this.afterEvent(place);
  }

  override get firstOpenRecordNo(): null {
    return null;
  }

  protected override get listed(): TrackMeta {
    return { name: this.name, kind: "frames", channel: Number(this.name.slice("frames-".length)) };
  }

  protected override newSegment(at: EventPlace): OpenSegment {
    return new OpenBinarySegment(at, this.context.limits.zstdLevel);
  }

  protected header(_segment: OpenSegment, conduit: SegmentHeader["conduit"]): string {
    return framesHeaderLine(conduit);
  }

  protected override get maxAgeUs(): number {
    return this.context.limits.screenSegmentSeconds * 1e6;
  }

  protected get clean(): boolean {
    return true;
  }

  protected giveUpWaiting(): void {}

  protected get maxRawBytes(): number {
    return this.context.limits.bulkSegmentBytes;
  }
}
