// The text on the screens of one sealed recording. Fed with its stored screen tracks; the pictures of moments at which the
// screen has come to rest go to the recogniser, in areas that are new. Invariant: work, memory and what is found have
// bounds; what they leave out is counted, and nothing that fails here takes the rest of the index along.
import { createHash } from "node:crypto";
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { screenCode } from "../../../shared/screen/format.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import type { SegmentSource } from "../../export/segment-source.ts";
import { decompressSegment } from "../../store/codec.ts";
import type { Found } from "../channel-lines.ts";
import { BoundedDocuments } from "../documents.ts";
import { type Box, enlargedGrey, enlargement, type GreyPicture } from "./picture.ts";
import type { Recogniser, SeenLine } from "./recogniser.ts";
import { type PlacedLine, StandingLines } from "./standing-lines.ts";
import { Tiles } from "./tiles.ts";

export interface ScreenJob {
  session: string;
  index: RecordingIndex;
  languages: readonly string[];
  /** Work of the recogniser for an hour of the recording. */
  secondsPerHour: number;
  /** Of one core, 1 without pause. */
  share: number;
}

export interface ScreenTexts {
  found: Found[];
  /** Moments of which not all was read. */
  leftOut: number;
  damage: string[];
  /** Why the recogniser failed, where it did. */
  failure: string | null;
}

/** A recording that has been read for screens' text has it or says what is missing. */
export function hasScreens({ tracks, segments }: RecordingIndex): boolean {
  return tracks.some(({ kind, name }) => kind === "screen" && segments.some(({ track }) => track === name));
}

/** A screen has come to rest. */
const restUs = 700_000;
/** One that never rests is looked at all the same. */
const restlessUs = 4_000_000;
/** Moments of one screen are so far apart. */
const betweenUs = 2_000_000;
const maxSegmentBytes = 64 * 1024 ** 2;
const maxDamage = 20;
/** To begin with; the rest comes with the session's time. */
const firstMs = 15_000;
const maxWorkMs = 30 * 60_000;
const maxFailures = 2;
const maxPauseMs = 60_000;

export async function screenTexts(
  source: SegmentSource,
  job: ScreenJob,
  recogniser: () => Recogniser,
): Promise<ScreenTexts> {
  const documents = new BoundedDocuments(job.session);
  const damage: string[] = [];
  const reading = new ScreensReading(job, recogniser, documents);
  try {
    for (const track of job.index.tracks.filter(({ kind }) => kind === "screen")) {
      const segments = job.index.segments.filter((meta) => meta.track === track.name);
      segments.sort((a, b) => a.index - b.index);
      await reading.track(source, track.name, segments, (sentence) => {
        if (damage.length < maxDamage) damage.push(sentence);
      });
    }
  } finally {
    await reading.close();
  }
  const leftOut = reading.leftOut + (documents.leftOut["screen-text"] ?? 0);
  return { found: documents.take(), leftOut, damage, failure: reading.failure };
}

class ScreensReading {
  leftOut = 0;
  failure: string | null = null;
  readonly #job: ScreenJob;
  readonly #make: () => Recogniser;
  readonly #documents: BoundedDocuments;
  readonly #known = new KnownAreas();
  #recogniser: Recogniser | null = null;
  #failures = 0;
  #workedMs = 0;

  constructor(job: ScreenJob, make: () => Recogniser, documents: BoundedDocuments) {
    this.#job = job;
    this.#make = make;
    this.#documents = documents;
  }

  async track(
    source: SegmentSource,
    track: string,
    segments: readonly SegmentMeta[],
    damaged: (sentence: string) => void,
  ): Promise<void> {
    const screen = new OneScreen(new StandingLines(track, (found) => this.#documents.add(found)));
    for (const meta of segments) {
      const beganMs = performance.now();
      const pausedMs = { is: 0 };
      try {
        if (meta.rawBytes > maxSegmentBytes) {
          damaged(`${meta.name} has ${meta.rawBytes} bytes, more than is read for the search`);
          continue;
        }
        const { bytes, intact, meta: stored } = await source.segment(this.#job.session, meta.n);
        if (!intact || stored.sha256 !== meta.sha256) {
          damaged(`${meta.name} is not what was recorded`);
          screen.lost();
          continue;
        }
        await screen.play(decompressSegment(bytes, meta.codec), async (atUs) => {
          const lookedMs = performance.now();
          await this.#look(screen, atUs);
          pausedMs.is += performance.now() - lookedMs;
        });
      } catch (error) {
        if (!(error instanceof AppError && error.code.startsWith("INTEGRITY_"))) throw error;
        damaged(`${meta.name}: ${error.message}`);
        screen.lost();
      }
      await this.#pause(performance.now() - beganMs - pausedMs.is);
    }
    await this.#look(screen, screen.atEnd());
    screen.end();
  }

  async close(): Promise<void> {
    await this.#recogniser?.close();
  }

  async #look(screen: OneScreen, atUs: number): Promise<void> {
    let isShort = false;
    for (const area of screen.due(atUs)) {
      const picture = enlargedGrey(screen.picture, area);
      const known = this.#known.get(picture);
      if (known === null && !this.#may(atUs)) {
        isShort = true;
        continue;
      }
      const lines = known ?? (await this.#recognised(picture));
      if (lines === null) isShort = true;
      else screen.saw(area, lines, atUs);
    }
    if (isShort) this.leftOut++;
  }

  #may(atUs: number): boolean {
    const { secondsPerHour } = this.#job;
    if (this.#failures >= maxFailures) return false;
    const earnedMs = Math.min(firstMs, secondsPerHour * 1_000) + (atUs / 3_600_000_000) * secondsPerHour * 1_000;
    return this.#workedMs < Math.min(maxWorkMs, earnedMs);
  }

  /** Null: it cannot be said what stands there. */
  async #recognised(picture: GreyPicture): Promise<SeenLine[] | null> {
    const beganMs = performance.now();
    try {
      this.#recogniser ??= this.#make();
      const { lines, workMs } = await this.#recogniser.recognise(picture);
      this.#workedMs += workMs;
      this.#known.put(picture, lines);
      await this.#pause(workMs);
      return lines;
    } catch (error) {
      this.failure ??= error instanceof Error ? error.message : String(error);
      this.#workedMs += performance.now() - beganMs;
      this.#failures++;
      const failed = this.#recogniser;
      this.#recogniser = null;
      await failed?.close();
      return null;
    }
  }

  async #pause(workedMs: number): Promise<void> {
    const { share } = this.#job;
    if (share < 1)
      await new Promise((resolve) => setTimeout(resolve, Math.min(maxPauseMs, workedMs * (1 / share - 1))));
  }
}

/** A screen as its records make it, and what of it was looked at. */
class OneScreen {
  lastUs = 0;
  hasChanged = false;
  /** The picture that is looked at stood until then. */
  #nowUs = 0;
  readonly #lines: StandingLines;
  #canvas = new ScreenCanvas();
  #tiles = new Tiles(0, 0);
  #size = { width: 0, height: 0 };
  #changedUs = 0;
  #lookedUs = Number.NEGATIVE_INFINITY;

  constructor(lines: StandingLines) {
    this.#lines = lines;
  }

  get picture() {
    const { width, height, words } = this.#canvas;
    return { width, height, words };
  }

  async play(segment: Uint8Array, look: (atUs: number) => Promise<void>): Promise<void> {
    const reader = new ScreenReader(segment);
    for (let record = reader.next(); record !== null; record = reader.next()) {
      if (this.hasChanged && this.#isMoment(record.atUs)) {
        this.#lookedUs = record.atUs;
        this.#nowUs = record.atUs;
        this.hasChanged = false;
        await look(this.#changedUs);
      }
      const areas = this.#canvas.apply(record);
      this.lastUs = Math.max(this.lastUs, record.atUs);
      const isNew = this.#sized(record.atUs);
      // A keyframe in mid-track shows what is there already.
      if (areas.length === 0) continue;
      for (const area of areas) this.#tiles.drawn(area, record.atUs);
      if (record.code === screenCode.keyframe && !isNew) continue;
      this.hasChanged = true;
      this.#changedUs = record.atUs;
    }
  }

  due(atUs: number): Box[] {
    const isOther = this.#tiles.compare(this.picture);
    this.#lines.compare((box) => this.#tiles.differsIn(box), atUs);
    return isOther ? this.#tiles.due(this.#nowUs, this.#lines.boxes) : [];
  }

  saw(area: Box, lines: readonly SeenLine[], atUs: number): void {
    const placed = lines
      .map(({ text, box }) => ({ text, box: onScreen(box, area) }))
      .filter(({ box }) => this.#isWhole(box, area))
      .map((line): PlacedLine => ({ ...line, sinceUs: this.#tiles.drawnIn(line.box) }));
    this.#lines.seen(area, placed, atUs);
    this.#tiles.looked(area, this.#nowUs);
  }

  /** Nothing comes after it: all that is new is looked at. */
  atEnd(): number {
    this.#nowUs = Number.MAX_SAFE_INTEGER;
    return this.lastUs;
  }

  /** What comes next does not follow from what is known. */
  lost(): void {
    this.#lines.end(this.lastUs);
    this.#canvas = new ScreenCanvas();
    this.#size = { width: 0, height: 0 };
    this.hasChanged = false;
  }

  end(): void {
    this.#lines.end(this.lastUs);
  }

  #isMoment(nowUs: number): boolean {
    const sinceUs = nowUs - this.#lookedUs;
    return sinceUs >= restlessUs || (sinceUs >= betweenUs && nowUs - this.#changedUs >= restUs);
  }

  #sized(atUs: number): boolean {
    const { width, height } = this.#canvas;
    if (width === this.#size.width && height === this.#size.height) return false;
    this.#lines.end(atUs);
    this.#size = { width, height };
    this.#tiles = new Tiles(width, height);
    this.#tiles.drawn({ x: 0, y: 0, width, height }, atUs);
    return true;
  }

  /** A line at an area's edge is cut, but for the screen's own. */
  #isWhole(box: Box, area: Box): boolean {
    const { width, height } = this.#size;
    return (
      (box.x > area.x || area.x === 0) &&
      (box.y > area.y || area.y === 0) &&
      (box.x + box.width < area.x + area.width || area.x + area.width === width) &&
      (box.y + box.height < area.y + area.height || area.y + area.height === height)
    );
  }
}

function onScreen(box: Box, area: Box): Box {
  const x = Math.floor(box.x / enlargement);
  const y = Math.floor(box.y / enlargement);
  return {
    x: area.x + x,
    y: area.y + y,
    width: Math.ceil((box.x + box.width) / enlargement) - x,
    height: Math.ceil((box.y + box.height) / enlargement) - y,
  };
}

const maxKnown = 500;

/** What was recognised of an area that looked the same: lamps blink, and people go back to where they were. */
class KnownAreas {
  readonly #lines = new Map<string, SeenLine[]>();

  get(picture: GreyPicture): SeenLine[] | null {
    return this.#lines.get(keyOf(picture)) ?? null;
  }

  put(picture: GreyPicture, lines: SeenLine[]): void {
    this.#lines.set(keyOf(picture), lines);
    const [first] = this.#lines.keys();
    if (this.#lines.size > maxKnown && first !== undefined) this.#lines.delete(first);
  }
}

function keyOf({ width, height, grey }: GreyPicture): string {
  return `${width} ${height} ${createHash("sha1").update(grey).digest("base64")}`;
}
