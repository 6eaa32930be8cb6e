// Follows a live session to its end, or until the watcher leaves: its terminal on standard output, what happens to it on
// standard error. Fed by the watch's line, in the order of its messages. Invariants: an event is told once; what is said to
// have been seen was taken by the terminal.
import type { LiveSession } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { EventsLine } from "../../../shared/events/stored.ts";
import type { WatchFrame } from "../../../shared/live/frame.ts";
import type {
  WatchAnswer,
  WatchEnded,
  WatchEscorts,
  WatchHello,
  WatchMessage,
  WatchTrack,
} from "../../../shared/live/messages.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { dataBytes, trackLine } from "../../../shared/segment/parse.ts";
import { wordsOf } from "./notice-words.ts";
import { SegmentTail } from "./segment-tail.ts";
import type { ShownTerminal } from "./shown-terminal.ts";
import type { WatchLine } from "./watch-line.ts";

export interface WatchEnds {
  line: WatchLine;
  /** Null: events alone. */
  terminal: ShownTerminal | null;
  /** Undefined: the newest shell. */
  channel: number | undefined;
  /** A closed segment, decompressed. */
  read(meta: SegmentMeta): Promise<Uint8Array>;
  tell(text: string): void;
  /** Every event, and what becomes of the watch. */
  event(event: Record<string, unknown>): void;
  asked(prompt: string, leftMs: number): void;
  /** To what the watcher wanted: control, or to agree to something. */
  answered(answer: WatchAnswer): void;
}

/** Beginning anew is told once where it goes on with less than so long between. */
const tellAnewMs = 5000;

export class WatchedSession {
  readonly #ends: WatchEnds;
  readonly #tracks = new Map<number, WatchTrack>();
  #shown: WatchTrack | null = null;
  #events: SegmentTail | null = null;
  /** Open tracks whose content is yet to come, as the first message named them. */
  #joining = new Set<number>();
  #joinedUs = 0;
  #watch: string | null = null;
  /** The newest event that was told, or is from before the watch. */
  #told = { index: -1, line: 0 };
  #isFirst = true;
  /** What would be drawn over when the terminal is drawn anew. */
  readonly #untold: string[] = [];
  #toldAnewMs = Number.NEGATIVE_INFINITY;
  #counts: string | null = null;
  #seenUs: number | null = null;
  #live: LiveSession | null = null;

  constructor(ends: WatchEnds) {
    this.#ends = ends;
  }

  /** As the service told it last; null: not yet. */
  get live(): LiveSession | null {
    return this.#live;
  }

  /** Of the terminal that is shown. */
  get channel(): number | null {
    return this.#shown?.meta.channel ?? null;
  }

  /** Session time up to which the terminal shows it; null: it does not yet. */
  get seenUs(): number | null {
    return this.#seenUs;
  }

  /** Why the service ended it; null: the line is closed. */
  async follow(): Promise<WatchEnded | null> {
    for (;;) {
      const received = await this.#ends.line.next();
      if (received === null) return null;
      if ("frame" in received) await this.#frame(received.frame);
      else if (received.said.type === "ended") {
        this.#ends.event({ ...received.said });
        return received.said;
      } else await this.#said(received.said);
    }
  }

  async #said(said: Exclude<WatchMessage, WatchEnded>): Promise<void> {
    switch (said.type) {
      case "hello":
        return this.#hello(said);
      case "track": {
        const { type: _type, ...track } = said;
        this.#tracks.set(track.id, track);
        if (track.meta.kind === "terminal" && this.#isMeant(track)) this.#show(track);
        return;
      }
      case "escort":
        return this.#escorts(said);
      case "prompt":
        return this.#ends.asked(said.id, said.leftMs);
      case "answer":
        return this.#ends.answered(said);
      case "resync":
        // Told once it is drawn anew.
        this.#seenUs = null;
        this.#tellOfAnew();
        this.#ends.event({ type: "resync" });
        return;
      case "segments":
        for (const { endUs } of said.items) this.#arrived(endUs);
        return;
      case "state":
        this.#live = said.session;
        return;
    }
  }

  async #hello(hello: WatchHello): Promise<void> {
    const { tracks, session, atUs, watch } = hello;
    this.#isFirst = this.#watch === null;
    this.#watch = watch;
    this.#live = session;
    this.#tracks.clear();
    this.#events = null;
    this.#seenUs = null;
    this.#joinedUs = atUs;
    for (const track of tracks) this.#tracks.set(track.id, track);
    this.#joining = new Set(tracks.filter(({ open }) => open !== undefined).map(({ id }) => id));
    if (this.#isFirst) {
      const { person, target, protocol, startedAt, state, hold } = session;
      this.#ends.event({ type: "watching", t: atUs, watch, person, target, protocol, startedAt, state, hold });
      this.#tell(`${person} at ${target}, since ${startedAt}. Ctrl-C leaves.${stateWords(session)}`);
    }
    if (this.#ends.terminal !== null) await this.#begin(this.#ends.terminal, tracks);
    this.#settle();
  }

  async #begin(terminal: ShownTerminal, tracks: readonly WatchTrack[]): Promise<void> {
    const before = this.#shown;
    this.#shown = null;
    terminal.anew();
    const terminals = tracks.filter(({ meta }) => meta.kind === "terminal");
    const asked = before?.meta.channel ?? this.#ends.channel;
    const same = asked === undefined ? undefined : terminals.find(({ meta }) => meta.channel === asked);
    const track = same ?? (this.#ends.channel === undefined ? newestShell(terminals) : undefined);
    if (track === undefined) {
      const none = this.#ends.channel === undefined ? "no terminal" : `no terminal of channel ${this.#ends.channel}`;
      this.#tell(`The session has ${none} yet: it is shown as soon as there is one.`);
      return;
    }
    this.#show(track, terminals);
    if (track.open === undefined && track.last !== undefined) {
      await terminal.stored(track.last, await this.#ends.read(track.last));
    }
  }

  /** A channel that opens while another is shown is the newer shell. */
  #isMeant({ meta }: WatchTrack): boolean {
    if (this.#ends.terminal === null) return false;
    if (this.#ends.channel !== undefined) return meta.channel === this.#ends.channel;
    return this.#shown === null || meta.pty === true;
  }

  #show(track: WatchTrack, among: readonly WatchTrack[] = []): void {
    const isOther = this.#shown?.meta.name !== track.meta.name;
    this.#shown = track;
    if (!isOther) return;
    this.#ends.terminal?.anew();
    const { channel, command } = track.meta;
    const others = among.filter(({ id }) => id !== track.id).map(({ meta }) => meta.channel);
    const choice = others.length === 0 ? "" : ` Others: --channel ${others.join(", ")}.`;
    this.#tell(`Channel ${channel}${command === undefined ? "" : ` (${command})`} is shown.${choice}`);
  }

  async #frame(frame: WatchFrame): Promise<void> {
    const track = this.#tracks.get(frame.track);
    if (track === undefined) {
      throw new AppError("INTERNAL", "the service tells of what it did not name", { op: "cli.watch" });
    }
    if (track.meta.kind === "events") this.#happened(frame);
    else if (this.#shown?.id === track.id) await this.#ends.terminal?.frame(frame);
    this.#joining.delete(frame.track);
    this.#settle();
    this.#arrived(frame.endUs);
  }

  #arrived(atUs: number): void {
    if (this.#seenUs !== null) this.#seenUs = Math.max(this.#seenUs, atUs);
  }

  /** Once all that was open is in the terminal, it shows the session as it was when the watch began. */
  #settle(): void {
    if (this.#seenUs !== null || this.#joining.size > 0) return;
    this.#seenUs = this.#joinedUs;
    for (const words of this.#untold.splice(0)) this.#ends.tell(words);
  }

  #happened({ kind, index, offset, bytes, track }: WatchFrame): void {
    if (kind === "end") {
      this.#events = null;
      return;
    }
    if (kind === "begin") this.#events = new SegmentTail(dataBytes);
    if (this.#events === null) return;
    const before = this.#events.line;
    // What an open segment holds at the first message is past; after a resync only what was told already is.
    const isPast = this.#isFirst && this.#joining.has(track);
    for (const [i, row] of this.#events.take(offset, bytes).entries()) {
      const line = before + i + 1;
      // A segment that begins anew after a resync has events that were told.
      if (line === 1 || (this.#told.index === index && line <= this.#told.line)) continue;
      this.#told = { index, line };
      if (!isPast) this.#event(trackLine(row, EventsLine, line));
    }
  }

  #event(event: EventsLine): void {
    this.#ends.event({ ...event });
    const words = wordsOf(event);
    if (words !== null) this.#tell(words);
  }

  /** In a flood it begins anew several times a second. */
  #tellOfAnew(): void {
    const nowMs = performance.now();
    const isTold = nowMs - this.#toldAnewMs < tellAnewMs;
    this.#toldAnewMs = nowMs;
    if (!isTold)
      this.#tell("More came than could be shown; it goes on with the present. What lies between is recorded.");
  }

  #tell(words: string): void {
    if (this.#seenUs === null) this.#untold.push(words);
    else this.#ends.tell(words);
  }

  #escorts({ watching }: WatchEscorts): void {
    const own = watching.find(({ watch }) => watch === this.#watch);
    if (own === undefined) return;
    const words = own.counts ? "You count as escort." : `You do not count as escort: ${own.whyNot ?? ""}`;
    if (words === this.#counts) return;
    this.#counts = words;
    this.#tell(words);
  }
}

function newestShell(terminals: readonly WatchTrack[]): WatchTrack | undefined {
  const byChannel = terminals.toSorted((a, b) => (b.meta.channel ?? 0) - (a.meta.channel ?? 0));
  return byChannel.find(({ meta }) => meta.pty === true) ?? byChannel[0];
}

function stateWords({ hold }: LiveSession): string {
  switch (hold) {
    case "escort-awaited":
      return " It waits for its escort.";
    case "escort-lost":
      return " It is frozen: nobody escorts it.";
    case "frozen":
    case "stopped":
      return " It is frozen.";
    case "controlled":
      return " Somebody of the plant types in it.";
    case "ending":
      return " It is about to be ended.";
    default:
      return "";
  }
}
