// Plays a recording: holds the moment, moves it with the clock, and makes the screen show it. All timing is here; the
// screen only draws. Fed by a source's index and the segment loader. Invariant: what is on the screen is the moment in
// `timeUs`, drawn from verified segments, or the state says that it is loading or cannot be shown.

import type { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import { screenCode } from "../../shared/screen/format.ts";
import type { RecordingSource } from "../sources/source.ts";
import { Store } from "../store.ts";
import { adjacentMoment, surroundings } from "./activity.ts";
import { FrameClock } from "./clock.ts";
import { type Cursor, TerminalCursor } from "./cursor.ts";
import type { Decoded } from "./decode.ts";
import { idleJump } from "./idle.ts";
import { markPicture, painted } from "./marks.ts";
import { RenderError, type Renderer, type RenderOp } from "./renderer.ts";
import { ScreenCursor } from "./screen-cursor.ts";
import type { SegmentLoader } from "./segments.ts";
import { Timeline } from "./timeline.ts";

export interface PlayerState {
  status: "paused" | "playing" | "ended";
  /** A segment is on its way. */
  loading: boolean;
  /** The service did not give a segment; it is asked again. */
  stalled: boolean;
  speed: number;
  skipIdle: boolean;
  track: string | null;
  /** Playback stays at the newest moment of a recording in progress. */
  following: boolean;
  /** Idle time that was just skipped. */
  skipped: { fromUs: number; toUs: number } | null;
}

const REACH_US = 6_000_000;
const MAX_AROUND = 4;
const SETTLED_MS = 120;
const RETRY_MS = 1_500;
/** A segment lasts ten seconds at most, and takes a moment to be stored and seen. */
const MAX_LAG_US = 15_000_000;
const FOLLOW_LAG_US = 10_000_000;
type DecodedScreen = Extract<Decoded, { kind: "screen" }>;

/** A session that waits for its escort begins with black, which is segments of its own. */
const BLACK_SEGMENTS = 8;
const PAINTED_US = 1_000_000;
const SKIP_NOTICE_MS = 1_800;

export class Player {
  readonly state = new Store<PlayerState>({
    status: "paused",
    loading: true,
    stalled: false,
    speed: 1,
    skipIdle: false,
    track: null,
    following: false,
    skipped: null,
  });
  readonly timeUs = new Store(0);
  readonly timeline: Store<Timeline>;
  readonly loader: SegmentLoader;

  private readonly clock = new FrameClock();
  private readonly source: RecordingSource;
  private readonly unsubscribe: () => void;
  private renderer: Renderer | null = null;
  private cursor: Cursor | null = null;
  private frame: number | null = null;
  /** Rises with every change of mind; work for an older one is dropped. */
  private intent = 0;
  private steps = 0;
  private showing = false;
  private firstPicture = false;
  private askedMs = 0;
  private resolvePictured: () => void = () => {};
  /** Resolves when the first picture is on the screen, or at once when there is none to come. */
  readonly pictured = new Promise<void>((resolve) => {
    this.resolvePictured = resolve;
  });
  private skipTimer: ReturnType<typeof setTimeout> | undefined;
  private aroundTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: RecordingSource, loader: SegmentLoader) {
    this.source = source;
    this.loader = loader;
    const made = () => new Timeline(source.index.get(), source.open?.metas.get());
    this.timeline = new Store(made());
    const ends = [source.index, source.open?.metas].map((store) => store?.subscribe(() => this.grow(made())));
    this.unsubscribe = () => {
      for (const end of ends) end?.();
    };
  }

  /** What happens in the session comes the moment it is recorded. */
  private get watched(): boolean {
    return this.source.live?.get().connected === true;
  }

  dispose(): void {
    this.intent++;
    this.unsubscribe();
    this.stopFrames();
    clearTimeout(this.skipTimer);
    clearTimeout(this.aroundTimer);
    this.renderer = null;
  }

  /**
   * Chooses the track and the moment; nothing is drawn before `setRenderer`, but the segment starts to load.
   * @param askedMs when the person asked for it, on the page's clock; the first picture is timed from there.
   * @param toPicture a screen is black until the target has drawn: go on to there.
   */
  open(track: string | null, atUs: number, askedMs: number, toPicture = false): void {
    this.askedMs = askedMs;
    this.timeUs.set(this.clamp(atUs));
    this.useTrack(track);
    const { segments, position } = this.here();
    // Whoever shows it sees how this ends.
    if (position >= 0) {
      const loading = this.loader.load(segments[position]!.n);
      loading.catch(() => {});
      if (toPicture) {
        const from = this.timeUs.get();
        void this.pictureFrom(segments.slice(position)).then((paintedUs) => this.openAtPicture(paintedUs, from));
      }
    }
    if (track === null) {
      this.loader.releaseBackground();
      this.resolvePictured();
    }
  }

  private openAtPicture(paintedUs: number | null, from: number): void {
    if (this.state.get().status === "playing" || this.steps > 0 || this.timeUs.get() !== from) return;
    if (paintedUs === null || paintedUs <= from) return;
    this.timeUs.set(paintedUs);
    if (this.firstPicture) void this.show();
  }

  setRenderer(renderer: Renderer | null): void {
    this.renderer = renderer;
    this.cursor?.invalidate();
    if (renderer === null) return;
    renderer.setPlaying(this.state.get().status === "playing");
    void this.show();
  }

  setTrack(track: string): void {
    if (track === this.state.get().track) return;
    this.useTrack(track);
    if (this.renderer !== null) void this.show();
  }

  play(): void {
    const state = this.state.get();
    if (state.status === "playing") return;
    if (state.status === "ended" && this.timeUs.get() >= this.endUs()) this.timeUs.set(this.beginningUs());
    this.state.update({ status: "playing" });
    this.renderer?.setPlaying(true);
    this.clock.stop();
    this.startFrames();
  }

  private beginningUs(): number {
    return paintedAmong(this.beginning()) ?? 0;
  }

  pause(): void {
    this.state.update({ status: "paused", following: false });
    this.renderer?.setPlaying(false);
    this.stopFrames();
  }

  toggle(): void {
    if (this.state.get().status === "playing") this.pause();
    else this.play();
  }

  setSpeed(speed: number): void {
    this.state.update({ speed, following: false });
  }

  setSkipIdle(skipIdle: boolean): void {
    this.state.update({ skipIdle });
  }

  /** Shows the moment as soon as its segment is there; playback goes on from it if it was going on. */
  async seek(toUs: number): Promise<void> {
    this.state.update({ following: false });
    this.steps++;
    await this.jump(toUs);
  }

  /** To the beginning: of a screen, to where its first picture is painted. */
  async home(): Promise<void> {
    this.state.update({ following: false });
    const step = ++this.steps;
    const paintedUs = await this.pictureFrom(this.screenSegments());
    if (step === this.steps) await this.jump(paintedUs ?? 0);
  }

  /** The target had not drawn anything yet: what is on the screen is the black that it begins with. */
  isBeforePicture(atUs: number): boolean {
    for (const decoded of this.beginning()) {
      const drawn = decoded.records.find(({ code }) => code === screenCode.draw);
      if (drawn !== undefined) return atUs < drawn.atUs;
    }
    return false;
  }

  /** What is in memory of the screen's beginning. */
  private beginning(): DecodedScreen[] {
    const found: DecodedScreen[] = [];
    for (const { n } of this.screenSegments().slice(0, BLACK_SEGMENTS)) {
      const decoded = this.loader.peek(n);
      if (decoded?.kind !== "screen") break;
      found.push(decoded);
    }
    return found;
  }

  /** Where the first picture is painted; null: not soon. */
  private async pictureFrom(segments: readonly SegmentMeta[]): Promise<number | null> {
    for (const { n } of segments.slice(0, BLACK_SEGMENTS)) {
      const decoded = await this.loader.load(n).catch(() => null);
      if (decoded?.kind !== "screen") return null;
      const paintedUs = paintedAmong([decoded]);
      if (paintedUs !== null) return paintedUs;
    }
    return null;
  }

  private screenSegments(): readonly SegmentMeta[] {
    const { track } = this.state.get();
    const timeline = this.timeline.get();
    return track !== null && timeline.track(track)?.kind === "screen" ? timeline.segments(track) : [];
  }

  seekBy(deltaUs: number): void {
    void this.seek(this.timeUs.get() + deltaUs);
  }

  /**
   * To the newest moment of a recording in progress, and on from there as it grows: with the session where it is
   * watched; else at its pace, a segment behind it, so that it is seen as it happened and not in leaps.
   */
  async follow(): Promise<void> {
    this.state.update({ following: true, speed: 1 });
    this.play();
    await this.jump(this.endUs());
  }

  private catchUp(): void {
    if (this.watched) return;
    const lagUs = this.endUs() - this.timeUs.get();
    if (lagUs > MAX_LAG_US) void this.jump(this.endUs() - FOLLOW_LAG_US);
    else this.prefetch();
  }

  /** To the next or last event of the track on the screen. */
  async step(direction: 1 | -1): Promise<void> {
    const { track } = this.state.get();
    if (track !== null) await this.stepIn(track, direction);
  }

  async stepKey(direction: 1 | -1): Promise<void> {
    await this.stepIn("input", direction);
  }

  private async stepIn(track: string, direction: 1 | -1): Promise<void> {
    this.pause();
    const step = ++this.steps;
    const toUs = await adjacentMoment(this.loader, this.timeline.get(), track, this.timeUs.get(), direction).catch(
      () => null,
    );
    if (step === this.steps && toUs !== null) await this.jump(toUs);
  }

  /**
   * Shows the moment that another clock says, as playing does. False while it is not there yet: the clock should wait.
   * For several recordings in step; their own clocks stand still.
   */
  drive(toUs: number): boolean {
    if (this.showing) return false;
    const { renderer, cursor } = this;
    const atUs = this.clamp(toUs);
    if (renderer === null || cursor === null) {
      this.timeUs.set(atUs);
      return true;
    }
    if (atUs === this.timeUs.get()) return true;
    const positionBefore = this.here().position;
    const move = cursor.move(atUs);
    this.timeUs.set(atUs);
    if ("missing" in move || !this.draw(renderer, move.ops)) {
      void this.show();
      return false;
    }
    if (this.here().position !== positionBefore) this.prefetch();
    return true;
  }

  private async jump(toUs: number): Promise<void> {
    const startedMs = performance.now();
    this.timeUs.set(this.clamp(toUs));
    if (this.state.get().status === "ended") this.state.update({ status: "paused" });
    this.clock.stop();
    const atUs = this.timeUs.get();
    if (!(await this.show())) return;
    await painted();
    markPicture("conduit:seeked", { timeUs: atUs, tookMs: performance.now() - startedMs });
  }

  /** Brings the screen to `timeUs`, loading what that takes. False when something newer came in between. */
  private async show(): Promise<boolean> {
    const intent = ++this.intent;
    this.showing = true;
    for (;;) {
      const { renderer, cursor } = this;
      if (renderer === null || cursor === null) {
        this.state.update({ loading: this.timeline.get().shown().length > 0 });
        this.showing = false;
        return false;
      }
      const move = cursor.move(this.timeUs.get());
      if ("ops" in move) {
        if (this.draw(renderer, move.ops)) break;
        continue;
      }
      this.state.update({ loading: true });
      await this.fetch(move.missing);
      if (intent !== this.intent) return false;
    }
    this.showing = false;
    this.state.update({ loading: false, stalled: false });
    this.clock.stop();
    this.prefetch();
    if (!this.firstPicture) void this.markFirst();
    return true;
  }

  /** False when the records of a segment cannot be drawn: it counts as bad from then on, and the cursor shows that. */
  private draw(renderer: Renderer, ops: readonly RenderOp[]): boolean {
    try {
      renderer.apply(ops);
    } catch (error) {
      if (!(error instanceof RenderError)) throw error;
      this.loader.refuse(error.n, error.message);
      this.cursor?.invalidate();
      return false;
    }
    renderer.setMoment?.(this.timeUs.get());
    return true;
  }

  private async markFirst(): Promise<void> {
    this.firstPicture = true;
    await painted();
    this.loader.releaseBackground();
    markPicture("conduit:first-picture", { timeUs: this.timeUs.get(), tookMs: performance.now() - this.askedMs });
    this.resolvePictured();
  }

  /** A bad segment counts as loaded: the cursor shows it as such. A network error is waited out. */
  private async fetch(n: number): Promise<void> {
    try {
      await this.loader.load(n);
      this.state.update({ stalled: false });
    } catch {
      if (this.loader.isBad(n)) return;
      this.state.update({ stalled: true });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  private prefetch(): void {
    const { segments, position } = this.here();
    const { status, speed, track } = this.state.get();
    const ahead = status !== "playing" || speed <= 2 ? 1 : speed <= 16 ? 3 : 6;
    clearTimeout(this.aroundTimer);
    if (status !== "playing" && track !== null && this.timeline.get().track(track)?.kind === "screen") {
      // Who drags the playhead along wants none of what it passes by.
      this.aroundTimer = setTimeout(() => this.prefetchAround(segments, position), SETTLED_MS);
      return;
    }
    for (const segment of segments.slice(position + 1, position + 1 + ahead)) this.loader.prefetch(segment.n);
  }

  /** What a step of the arrow keys reaches: a busy screen's segments may be shorter than that. The nearest comes last. */
  private prefetchAround(segments: readonly SegmentMeta[], position: number): void {
    const atUs = this.timeUs.get();
    const near = (segment: SegmentMeta) => Math.abs(segment.startUs - atUs) <= REACH_US;
    const after = segments.slice(position + 1, position + 1 + MAX_AROUND).filter(near);
    const before = segments.slice(Math.max(0, position - MAX_AROUND), Math.max(0, position));
    for (const [i, segment] of before.entries()) {
      if (i === before.length - 1 || near(segment)) this.loader.prefetch(segment.n);
    }
    for (const segment of after.reverse()) this.loader.prefetch(segment.n);
    const next = segments[position + 1];
    if (next !== undefined) this.loader.prefetch(next.n);
  }

  private startFrames(): void {
    if (this.frame !== null) return;
    const onFrame = (nowMs: number) => {
      this.frame = requestAnimationFrame(onFrame);
      this.tick(nowMs);
    };
    this.frame = requestAnimationFrame(onFrame);
  }

  private stopFrames(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    this.clock.stop();
  }

  private tick(nowMs: number): void {
    const { renderer, cursor } = this;
    if (renderer === null || cursor === null || this.showing) {
      this.clock.stop();
      return;
    }
    const { speed, skipIdle, following } = this.state.get();
    const endUs = this.endUs();
    let atUs = Math.min(this.timeUs.get() + this.clock.tick(nowMs, speed), endUs);
    if (this.watched && (following || atUs >= endUs)) {
      // Whoever plays faster than the session has caught up with it.
      if (!following) this.state.update({ following: true, speed: 1 });
      atUs = endUs;
    } else if (skipIdle) atUs = this.skipFrom(atUs);
    const positionBefore = this.here().position;
    const move = cursor.move(atUs);
    this.timeUs.set(atUs);
    if ("missing" in move) {
      void this.show();
      return;
    }
    if (!this.draw(renderer, move.ops)) {
      void this.show();
      return;
    }
    if (this.here().position !== positionBefore) this.prefetch();
    if (atUs >= this.endUs() && !this.timeline.get().index.live) this.end();
  }

  private skipFrom(atUs: number): number {
    const { track } = this.state.get();
    const tracks = track === null ? ["input"] : [track, "input"];
    const toUs = idleJump(atUs, surroundings(this.loader, this.timeline.get(), tracks, atUs));
    if (toUs === null) return atUs;
    this.state.update({ skipped: { fromUs: atUs, toUs } });
    clearTimeout(this.skipTimer);
    this.skipTimer = setTimeout(() => this.state.update({ skipped: null }), SKIP_NOTICE_MS);
    return toUs;
  }

  private end(): void {
    this.state.update({ status: "ended" });
    this.renderer?.setPlaying(false);
    this.stopFrames();
  }

  private grow(timeline: Timeline): void {
    this.timeline.set(timeline);
    this.cursor?.setTimeline(timeline);
    const { track, following } = this.state.get();
    const main = timeline.mainTrack();
    if (track === null && main !== undefined) this.setTrack(main.name);
    if (following) this.catchUp();
  }

  private useTrack(track: string | null): void {
    const meta = track === null ? undefined : this.timeline.get().track(track);
    this.state.update({ track: meta?.name ?? null });
    this.cursor = meta === undefined ? null : this.cursorOf(meta);
  }

  private cursorOf(track: TrackMeta): Cursor {
    const timeline = this.timeline.get();
    return track.kind === "screen"
      ? new ScreenCursor(this.loader, timeline, track.name)
      : new TerminalCursor(this.loader, timeline, track.name, track.pty === false);
  }

  private here() {
    const { track } = this.state.get();
    const timeline = this.timeline.get();
    if (track === null) return { segments: [], position: -1 };
    return { segments: timeline.segments(track), position: timeline.positionAt(track, this.timeUs.get()) };
  }

  private endUs(): number {
    return Math.max(this.timeline.get().edgeUs, Math.floor(this.source.edgeUs?.() ?? 0));
  }

  private clamp(atUs: number): number {
    return Math.min(Math.max(0, Math.round(atUs)), this.endUs());
  }
}

/** When the first picture is painted: it may come in several parts. Null: not in these segments. */
function paintedAmong(segments: readonly DecodedScreen[]): number | null {
  for (const { records } of segments) {
    const first = records.find(({ code }) => code === screenCode.draw);
    if (first === undefined) continue;
    return records.findLast((record) => record.atUs <= first.atUs + PAINTED_US)?.atUs ?? first.atUs;
  }
  return null;
}
