// When a video has pictures, and of which session time: never closer than its frame rate, never one that shows nothing
// new but to be jumped to, pauses shortened when asked. Fed with a source's changes; draws nothing itself.
import type { Card, FrameSource } from "./frame-source.ts";
import type { KeyStroke } from "./overlay.ts";

export interface TimelineOptions {
  fromUs: number;
  toUs: number;
  /** Session seconds in a second of video. */
  speed: number;
  /** Pictures a second at most. */
  fps: number;
  /** A pause longer than this is cut down to it; null: pauses are as they were. */
  idleLimitUs: number | null;
  /** The strip shows a clock. */
  clock: boolean;
  keys: readonly KeyStroke[];
}

export interface Moment {
  /** Session time and time in the video. */
  atUs: number;
  outUs: number;
  card: Card | null;
  keys: readonly KeyStroke[];
  /** To be written even if it looks like the one before. */
  required: boolean;
}

const cardShownUs = 2_000_000;
const keysShownUs = 3_000_000;
const mostKeys = 200;
/** A still is repeated this often, so that a player can jump into it. */
const repeatUs = 2_000_000;
const lastShownUs = 1_000_000;
const secondUs = 1_000_000;

/** The source is at a moment's time when it is given, and must not be moved by who takes it. */
export async function* timeline(source: FrameSource, options: TimelineOptions): AsyncGenerator<Moment> {
  const { fromUs, toUs, speed, idleLimitUs } = options;
  const stepUs = (secondUs / options.fps) * speed;
  let atUs = fromUs;
  let outUs = 0;
  let card: Card | null = null;
  let cardOutUs = 0;
  const moment = (previousUs: number, required: boolean): Moment => {
    const shown = cardAt(source.cards, previousUs, atUs);
    // A card stays long enough to be read, however short its time was.
    if (shown !== card && card !== null) outUs = Math.max(outUs, cardOutUs + cardShownUs);
    if (shown !== card) cardOutUs = outUs;
    card = shown;
    return { atUs, outUs, card, keys: keysAt(options.keys, atUs, speed), required };
  };
  await source.advance(atUs);
  yield moment(atUs - 1, true);
  while (atUs < toUs) {
    const changeUs = earliest(
      toUs,
      await source.next(),
      nextCard(source.cards, atUs, card),
      nextKey(options.keys, atUs),
    );
    const targetUs = Math.min(toUs, Math.max(changeUs, atUs + stepUs));
    const idle = idleLimitUs !== null && targetUs - atUs > idleLimitUs;
    const playedUs = idle ? atUs + idleLimitUs : targetUs;
    for (let tickUs = nextTick(atUs, stepUs, options); tickUs < playedUs; tickUs = nextTick(atUs, stepUs, options)) {
      outUs += (tickUs - atUs) / speed;
      const before = atUs;
      atUs = tickUs;
      yield moment(before, isRepeat(tickUs, before, speed));
    }
    outUs += (playedUs - atUs) / speed;
    const before = atUs;
    atUs = targetUs;
    await source.advance(atUs);
    yield moment(before, atUs >= toUs);
  }
  outUs += lastShownUs;
  yield moment(atUs, true);
}

function earliest(limit: number, ...times: (number | null)[]): number {
  return times.reduce<number>((least, time) => (time !== null && time < least ? time : least), limit);
}

/** The one in force, or one that began since the last picture and has ended: each is seen. */
function cardAt(cards: readonly Card[], previousUs: number, atUs: number): Card | null {
  return cards.findLast((card) => card.fromUs <= atUs && (card.toUs > atUs || card.fromUs > previousUs)) ?? null;
}

function nextCard(cards: readonly Card[], atUs: number, shown: Card | null): number | null {
  // One that has ended while it was shown goes with the next picture.
  if (shown !== null && shown.toUs <= atUs) return atUs;
  const edges = cards.flatMap(({ fromUs, toUs }) => [fromUs, toUs]).filter((us) => us > atUs);
  return edges.length === 0 ? null : Math.min(...edges);
}

function nextKey(keys: readonly KeyStroke[], atUs: number): number | null {
  return keys[firstAfter(keys, atUs)]?.atUs ?? null;
}

function firstAfter(keys: readonly KeyStroke[], atUs: number): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle]?.atUs ?? 0) > atUs) high = middle;
    else low = middle + 1;
  }
  return low;
}

function keysAt(keys: readonly KeyStroke[], atUs: number, speed: number): readonly KeyStroke[] {
  const end = firstAfter(keys, atUs);
  const newest = keys[end - 1];
  // They stand for as long as typing goes on, and a little longer.
  if (newest === undefined || atUs - newest.atUs >= keysShownUs * Math.max(1, speed)) return [];
  let start = end - 1;
  while (start > 0 && end - start < mostKeys && gapBefore(keys, start) < keysShownUs * Math.max(1, speed)) start--;
  return keys.slice(start, end);
}

function gapBefore(keys: readonly KeyStroke[], i: number): number {
  return (keys[i]?.atUs ?? 0) - (keys[i - 1]?.atUs ?? 0);
}

/** When the strip changes by itself or a still is repeated. */
function nextTick(atUs: number, stepUs: number, { clock, keys, speed }: TimelineOptions): number {
  const times = [atUs + repeatUs * speed];
  if (clock) times.push((Math.floor((atUs + Math.max(stepUs, 1)) / secondUs) + 1) * secondUs);
  const newest = keys[firstAfter(keys, atUs) - 1];
  const goneUs = newest === undefined ? 0 : newest.atUs + keysShownUs * Math.max(1, speed);
  if (goneUs > atUs) times.push(Math.max(goneUs, atUs + stepUs));
  return Math.min(...times);
}

function isRepeat(tickUs: number, beforeUs: number, speed: number): boolean {
  return tickUs - beforeUs >= repeatUs * speed;
}
