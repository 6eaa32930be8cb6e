// One live session's watchers: takes what its recording is told to hold and shares it out. Fed by the recorder's feed.
// Invariants: each watcher gets every byte of every open segment once and in order, from its `hello` on; one whose line is
// slow is cut loose and begins anew, and in a flood all are; sharing out takes a bounded share of this thread's time,
// however many watch.
import type { LiveSession } from "../../shared/api/types.ts";
import type { FeedListener, FeedPiece, LiveFeed } from "../../shared/live/feed.ts";
import type { WatchHello, WatchSegments, WatchState, WatchTrackOpened } from "../../shared/live/messages.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { Flood } from "./flood.ts";
import type { LiveBatch, LiveEnd, LiveMessage, Watch, Watcher } from "./live-bus.ts";
import { LiveLog } from "./live-log.ts";
import { OpenTracks } from "./open-tracks.ts";

export interface HubParts {
  /** Null: it is not live. */
  feed(listener: FeedListener): LiveFeed | null;
  /** Undefined: it is over. */
  describe(): LiveSession | undefined;
  /** Monotonic. */
  nowMs(): number;
  /** Nothing more is to be had from this hub. */
  over(): void;
}

/** What a watcher's line may have before it: then it waits, and at last is cut loose. */
const maxWaitingBytes = 2 * 1024 * 1024;
const drainedBytes = 64 * 1024;
const logBytes = 4 * 1024 * 1024;
const logAgeMs = 3000;
/** Open segments that are larger are closed where that can be; beyond the second, whoever joins waits for that. */
const trimBytes = 4 * 1024 * 1024;
const joinBytes = 16 * 1024 * 1024;
const trimEveryMs = 1000;
/** Of the time of this thread sharing out takes at most one part in so many, and so long at a time. */
const share = 30;
const turnMs = 2;
const gapMs = 2;
/** What many watch gathers so long. */
const fewWatchers = 8;
const gatherMs = 6;
/** With nobody watching the session is followed for so long. */
const idleMs = 5000;
const stateEveryMs = 1000;
/** Who is cut loose again and again is told the present so often. */
const anewEveryMs = 1000;
const lookEveryMs = 100;

interface Place {
  watcher: Watcher;
  /** In the log; null: it is to be told everything from the beginning. */
  at: number | null;
  /** When it was last told everything; null: not yet. */
  begunMs: number | null;
  /** Not before is it told everything again. */
  anewMs: number;
  /** Of closed segments those below were told or are in the index that it reads. */
  toldN: number;
}

/** What whoever begins is told. */
interface Present {
  at: number;
  nextN: number;
  /** All of it but its first names. */
  hello: string;
  begins: LiveBatch;
  /** Messages by the first `n` that they tell. */
  closed: Map<number, LiveMessage[]>;
}

const unknownN = -1;
/** Of closed segments so many are kept for those who begin anew. */
const newestSegments = 64;

export class SessionHub implements FeedListener {
  readonly #parts: HubParts;
  readonly #feed: LiveFeed | null;
  readonly #flood: Flood;
  #open = new OpenTracks();
  /** Of before the newest rest. */
  #before = this.#open;
  readonly #log = new LiveLog(logBytes, logAgeMs);
  readonly #places = new Set<Place>();
  readonly #ticker: NodeJS.Timeout;
  #known = false;
  /** In a flood nothing is taken for a while. */
  #rest: NodeJS.Timeout | null = null;
  /** Until the present is known again it has gone on from here. */
  #edge: { us: number; atMs: number } | null = null;
  #segments: SegmentMeta[] = [];
  #over = false;
  #scheduled: NodeJS.Timeout | NodeJS.Immediate | null = null;
  #notBeforeMs = 0;
  #trimmedMs = Number.NEGATIVE_INFINITY;
  #statedMs = Number.NEGATIVE_INFINITY;
  #emptySinceMs: number | null;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#emptySinceMs = parts.nowMs();
    this.#flood = new Flood(parts.nowMs());
    this.#feed = parts.feed(this);
    this.#ticker = setInterval(() => this.#look(), lookEveryMs);
    this.#ticker.unref();
    if (this.#feed === null) this.#end(null);
  }

  get isOver(): boolean {
    return this.#over;
  }

  get watching(): number {
    return this.#places.size;
  }

  add(watcher: Watcher): Watch {
    const place: Place = { watcher, at: null, begunMs: null, anewMs: 0, toldN: 0 };
    this.#places.add(place);
    this.#emptySinceMs = null;
    this.#schedule();
    const edgeUs = () => this.#edgeUs();
    return {
      get edgeUs() {
        return edgeUs();
      },
      close: () => {
        if (this.#places.delete(place) && this.#places.size === 0) this.#emptySinceMs = this.#parts.nowMs();
      },
    };
  }

  pieces(pieces: readonly FeedPiece[]): void {
    if (this.#rest) return;
    if (!this.#known) this.#know();
    const nowMs = this.#parts.nowMs();
    for (const piece of pieces) {
      if (piece.at === "add") this.#flood.count(piece.bytes.length);
      const taken = this.#open.take(piece);
      if (!taken && this.#open.isFull) {
        // Who watched on would not see all of it, and count as if they did.
        this.#end("too-many-tracks");
        return;
      }
      if (!taken) continue;
      if (taken.opened) this.#say({ type: "track", ...taken.opened });
      this.#log.add({ frame: taken.frame }, nowMs);
    }
    if (this.#flood.isTooMuch(this.#places.size, nowMs)) this.#beginRest(nowMs);
    else if (this.#open.bytes > trimBytes) this.#trim();
    this.#keepUp();
  }

  #edgeUs(): number {
    const edge = this.#edge;
    return edge === null ? this.#open.edgeUs : Math.round(edge.us + (this.#parts.nowMs() - edge.atMs) * 1000);
  }

  #know(): void {
    this.#edge = null;
    const { tracks, segments } = this.#feed?.index() ?? { tracks: [], segments: [] };
    this.#open.known(tracks, segments);
    this.#known = true;
  }

  /** What is on its way is let go of: all begin anew when it is over, and are told so then. */
  #beginRest(nowMs: number): void {
    this.#feed?.rest();
    this.#rest = setTimeout(() => this.#endRest(), Flood.restMs(this.#places.size)).unref();
    this.#edge = { us: this.#open.edgeUs, atMs: nowMs };
    for (const place of this.#places) if (place.at !== null) place.at = this.#log.end;
  }

  #endRest(): void {
    this.#rest = null;
    this.#known = false;
    this.#before = this.#open;
    this.#open = new OpenTracks();
    for (const place of this.#places) {
      // Those that were cut loose by their own line wait on.
      if (place.at !== null) place.anewMs = 0;
      else place.toldN = unknownN;
      place.at = null;
    }
    this.#feed?.goOn();
  }

  segment(meta: SegmentMeta): void {
    this.#segments.push(meta);
    if (this.#segments.length > 2 * newestSegments) this.#segments = this.#segments.slice(-newestSegments);
    if (!this.#known || this.#rest) return;
    this.#open.closed(meta);
    this.#log.add({ text: JSON.stringify({ type: "segments", items: [meta] }) }, this.#parts.nowMs());
    this.#keepUp();
  }

  ended(why: "sealed" | "failed"): void {
    this.#end(why === "sealed" ? "session-ended" : "recording-failed");
  }

  /** Something of the session is not as it was. */
  changed(): void {
    this.#state();
    this.#schedule();
  }

  close(): void {
    this.#end("service-stopped");
  }

  /** Before anybody was sent it the log may have outgrown its bounds: those who stood there begin anew. */
  #keepUp(): void {
    this.#log.trim(this.#lowest(), this.#parts.nowMs());
    this.#schedule();
  }

  #lowest(): number {
    let lowest = this.#log.end;
    for (const { at } of this.#places) if (at !== null && at < lowest) lowest = at;
    return lowest;
  }

  #say(message: WatchTrackOpened | WatchState): void {
    this.#log.add({ text: JSON.stringify(message) }, this.#parts.nowMs());
  }

  #state(): void {
    const session = this.#places.size > 0 ? this.#parts.describe() : undefined;
    if (session === undefined) return;
    this.#statedMs = this.#parts.nowMs();
    this.#say({ type: "state", session, atUs: session.health?.nowUs ?? this.#open.edgeUs });
  }

  #trim(): void {
    const nowMs = this.#parts.nowMs();
    if (nowMs - this.#trimmedMs < trimEveryMs) return;
    this.#trimmedMs = nowMs;
    this.#feed?.trim();
  }

  #look(): void {
    const nowMs = this.#parts.nowMs();
    if (this.#emptySinceMs !== null) {
      if (nowMs - this.#emptySinceMs >= idleMs) this.#end(null);
      return;
    }
    if (nowMs - this.#statedMs >= stateEveryMs) this.#state();
    this.#keepUp();
  }

  #schedule(): void {
    if (this.#scheduled || this.#over) return;
    const gather = this.#places.size > fewWatchers ? gatherMs : 0;
    const waitMs = Math.max(gather, this.#notBeforeMs - this.#parts.nowMs());
    const go = () => {
      this.#scheduled = null;
      this.#shareOut();
    };
    this.#scheduled = waitMs <= 0 ? setImmediate(go) : setTimeout(go, Math.ceil(waitMs));
  }

  #shareOut(): void {
    const startedMs = this.#parts.nowMs();
    let present: Present | null = null;
    for (const place of [...this.#places]) {
      // Whoever was served goes to the end of the line: a turn that is too short for all goes on with the others.
      if (this.#isServed(place)) continue;
      this.#places.delete(place);
      this.#places.add(place);
      if (place.at !== null) this.#follow(place);
      else {
        present ??= this.#present();
        if (present === null) {
          this.#end("session-ended");
          return;
        }
        this.#begin(place, present);
      }
      if (this.#parts.nowMs() - startedMs >= turnMs) break;
    }
    this.#log.forgetBatch();
    const nowMs = this.#parts.nowMs();
    this.#notBeforeMs = nowMs + Math.max(gapMs, (nowMs - startedMs) * (share - 1));
    this.#log.trim(this.#lowest(), nowMs);
    for (const place of this.#places) {
      if (this.#isServed(place)) continue;
      this.#schedule();
      break;
    }
  }

  /** There is nothing for it now, or its line takes nothing. */
  #isServed(place: Place): boolean {
    const { watcher, at } = place;
    if (at !== null && !this.#log.has(at)) {
      place.at = null;
      place.anewMs = (place.begunMs ?? 0) + anewEveryMs;
      place.toldN = unknownN;
      if (!this.#rest) this.#trim();
    }
    if (place.at !== null) return place.at >= this.#log.end || watcher.waitingBytes > maxWaitingBytes;
    if (this.#parts.nowMs() < place.anewMs) return true;
    return !this.#known || this.#open.bytes > joinBytes || watcher.waitingBytes > drainedBytes;
  }

  #follow(place: Place): void {
    const batch = place.at === null ? null : this.#log.batch(place.at);
    if (batch === null) return;
    place.at = this.#log.end;
    // What is closed in a rest is told after it.
    if (!this.#rest) place.toldN = this.#open.nextN;
    place.watcher.send(batch);
  }

  /** Made once for all who begin together; null: the session is over. */
  #present(): Present | null {
    const session = this.#parts.describe();
    if (session === undefined) return null;
    const { nextN } = this.#open;
    const atUs = session.health?.nowUs ?? this.#open.edgeUs;
    const hello = { session, atUs, tracks: this.#open.named(), nextN } satisfies Omit<WatchHello, "type" | "watch">;
    const begins: LiveBatch = { messages: this.#open.begins() };
    return { at: this.#log.end, nextN, hello: JSON.stringify(hello).slice(1), begins, closed: new Map() };
  }

  #begin(place: Place, present: Present): void {
    const { at, nextN, hello, begins } = present;
    const named = `{"type":"hello","watch":${JSON.stringify(place.watcher.watch)},${hello}`;
    const before = place.begunMs === null ? [] : [JSON.stringify({ type: "resync" }), ...this.#closed(place, present)];
    place.begunMs = this.#parts.nowMs();
    place.at = at;
    place.toldN = nextN;
    place.watcher.send({ messages: [...before, named] });
    if (begins.messages.length > 0) place.watcher.send(begins);
  }

  /** What closed since it was told so last, where that is known: it has no need to ask for the index then. */
  #closed({ toldN }: Place, { nextN, closed }: Present): LiveMessage[] {
    const known = closed.get(toldN);
    if (known) return known;
    const items = this.#segments.filter(({ n }) => n >= toldN && n < nextN);
    const isAll =
      items.length > 0 && items.length === nextN - toldN && items.every(({ track }) => this.#before.knows(track));
    const messages = isAll ? [JSON.stringify({ type: "segments", items } satisfies WatchSegments)] : [];
    closed.set(toldN, messages);
    return messages;
  }

  /** The rest goes out whatever it takes; who cannot take it reads the recording as any other. */
  #end(why: LiveEnd | null): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#ticker);
    if (this.#rest) clearTimeout(this.#rest);
    if (this.#scheduled) {
      clearTimeout(this.#scheduled as NodeJS.Timeout);
      clearImmediate(this.#scheduled as NodeJS.Immediate);
    }
    this.#feed?.stop();
    for (const place of this.#places) {
      if (!this.#isServed(place) && place.at !== null) this.#follow(place);
      if (why !== null) place.watcher.ended(why);
    }
    this.#places.clear();
    this.#parts.over();
  }
}
