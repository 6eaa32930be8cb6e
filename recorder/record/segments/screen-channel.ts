// One VNC channel in the segment worker: its screen, its frames, the target's raw bytes where they are kept, and its
// part of the input track. Fed by SessionTracks in record order. Invariant: bytes that the decoder cannot read end the
// picture with a notice and lie in the raw track from there on; nothing is left out silently.
import type { NoticeType, PixelFormat } from "../../../shared/events/session-event.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import { VncInput } from "../input/vnc-tracker.ts";
import type { OpenedTrack } from "../spool-layout.ts";
import { FramesTrack } from "./frames-track.ts";
import { LineTrack } from "./line-track.ts";
import type { ScreenSettings, SessionResume } from "./messages.ts";
import type { ScreenRoom } from "./screen-room.ts";
import { ScreenTrack } from "./screen-track.ts";
import type { EventPlace, Track, TrackContext } from "./track.ts";

export interface ScreenChannelParts {
  opened: OpenedTrack;
  screen: { name: string; format: PixelFormat };
  context: TrackContext;
  resume: SessionResume | null;
  settings: Pick<ScreenSettings, "maskKeys" | "keepRaw" | "video">;
  input: LineTrack;
  derive(notice: NoticeType, channel: number, facts: Record<string, unknown>, cause: number): void;
}

/** How long the end of a recording waits for frames that are being captured. */
const framesGraceMs = 3000;

export class ScreenChannel {
  readonly channel: number;
  readonly screen: ScreenTrack;
  readonly input: VncInput;
  readonly #parts: ScreenChannelParts;
  readonly #frames: FramesTrack;
  readonly #raw: LineTrack;
  #inputFailed = false;
  /** From this record on the target's bytes are in no picture: the raw track has them. */
  #rawFrom: number | null = null;
  /** Why the decoder could not be put back after a crash: it matters when more of the target's bytes come. */
  #notRestored: unknown = null;
  #closingSinceMs: number | null = null;

  constructor(parts: ScreenChannelParts, room: ScreenRoom) {
    this.#parts = parts;
    const { opened, context, resume } = parts;
    const channel = opened.meta.channel ?? 0;
    this.channel = channel;
    const from = (track: string) => resume?.tracks.find((entry) => entry.track === track);
    const screen = { ...parts.screen, video: parts.settings.video };
    this.screen = new ScreenTrack(opened, context, from(opened.meta.name), screen, room);
    this.#frames = new FramesTrack(`frames-${channel}`, context, from(`frames-${channel}`));
    this.#raw = new LineTrack(`raw-${channel}`, context, from(`raw-${channel}`));
    this.input = new VncInput(parts.input, channel, parts.settings.maskKeys, {
      pressed: (place) => this.#frames.clicked(place, this.screen.framebuffer),
    });
    this.screen.sampled = (place) => this.#frames.changed(place, this.screen.framebuffer);
  }

  /** What the manifest lists beside the screen. */
  besides(): TrackMeta[] {
    const { channel } = this;
    const beside = [
      { track: this.#frames, kind: "frames" as const },
      { track: this.#raw, kind: "raw" as const },
    ];
    return beside.filter(({ track }) => track.used).map(({ track, kind }) => ({ name: track.name, kind, channel }));
  }

  get tracks(): Track[] {
    return [this.screen, this.#frames, this.#raw];
  }

  /** @param outputNo the journal's count of this record. */
  output(place: EventPlace, data: Buffer, outputNo: number): void {
    if (!this.screen.has(place.recordNo)) {
      if (this.#notRestored !== null) this.giveUp(place.recordNo - 1, "recovery", this.#notRestored);
      else if (outputNo !== this.screen.outputNo) this.lost(place.recordNo - 1, "hole");
    }
    if (!this.screen.failed && !this.screen.has(place.recordNo)) {
      try {
        this.screen.output(place, data);
      } catch (error) {
        this.screen.end(messageOf(error));
        this.#rawFrom = place.recordNo;
        this.#unreadable(place, "output", error);
      }
    }
    this.#keepRaw(place, data);
  }

  #keepRaw(place: EventPlace, data: Buffer): void {
    const wanted = this.#parts.settings.keepRaw || (this.#rawFrom !== null && place.recordNo >= this.#rawFrom);
    if (!wanted || this.#raw.has(place.recordNo)) return;
    if (!this.#raw.used) this.#rawFormat(place, this.screen.pixelFormat);
    this.#raw.addBase64(place, { s: place.seq, ch: this.channel, k: "data" }, data.toString("base64"), {});
  }

  #rawFormat(place: EventPlace, { ...format }: PixelFormat): void {
    this.#raw.add(place, { s: place.seq, ch: this.channel, k: "format", format });
  }

  format(place: EventPlace, format: PixelFormat): void {
    if (this.#raw.used && !this.#raw.has(place.recordNo)) this.#rawFormat(place, format);
    if (this.screen.has(place.recordNo) || this.screen.failed) return;
    try {
      this.screen.format(place, format);
    } catch (error) {
      this.giveUp(place.recordNo, "screen-format", error);
    }
  }

  /** One message of the viewer after the other, and only of those that passed. */
  viewer(place: EventPlace, data: Buffer): void {
    if (this.#inputFailed) return;
    try {
      this.input.input(place, data);
    } catch (error) {
      this.#inputFailed = true;
      this.#unreadable(place, "input", error);
    }
  }

  /** After a crash of a recording whose picture had ended before: `lastRecordNo` could not be read. */
  stayFailed(lastRecordNo: number): void {
    this.screen.end("the target's bytes could not be read");
    this.#rawFrom = lastRecordNo;
  }

  notRestored(reason: unknown): void {
    this.#notRestored = reason;
  }

  /** No picture can be had from the bytes after record `lastRecordNo`. */
  giveUp(lastRecordNo: number, where: string, error: unknown): void {
    if (this.screen.failed) return;
    this.screen.end(messageOf(error));
    this.#rawFrom = lastRecordNo + 1;
    this.#unreadable({ us: 0, seq: 0, recordNo: Math.max(0, lastRecordNo) }, where, error);
  }

  /** Records up to this one are missing: no decoder goes on after bytes that it did not see. */
  lost(lastRecordNo: number, where: "hole" | "gap"): void {
    this.giveUp(lastRecordNo, where, new Error("some of the target's bytes are missing"));
  }

  #unreadable(place: EventPlace, where: string, error: unknown): void {
    const { code } = error as { code?: string };
    const facts = { where, code: code ?? "INTERNAL", message: messageOf(error) };
    this.#parts.derive("decode-error", this.channel, facts, place.recordNo);
  }

  /** The last change is in the track; frames may still come. */
  close(): void {
    this.input.settle();
    for (const track of this.tracks) track.forceCut();
  }

  dispose(): void {
    this.screen.dispose();
  }

  /** False while frames are being captured that the recording still waits for. */
  finished(): boolean {
    if (this.#frames.busy) {
      this.#closingSinceMs ??= Date.now();
      if (Date.now() - this.#closingSinceMs < framesGraceMs) return false;
      this.#frames.giveUp();
    }
    this.#frames.forceCut();
    return true;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
