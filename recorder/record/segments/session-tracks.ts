// One recording in the segment worker: spreads its journal records over its tracks. Fed with records in order, by the
// live path and by recovery alike. Invariant: `covered` is the record number up to which everything lies in durable
// segments; nothing beyond it may leave the journal.
import { createDecipheriv } from "node:crypto";
import type { NoticeType, SessionEvent } from "../../../shared/events/session-event.ts";
import type { FeedPiece } from "../../../shared/live/feed.ts";
import { InputTracker } from "../input/tracker.ts";
import { flagEncrypted, flagTypist, type JournalRecord, recordKind, splitTypist } from "../journal/format.ts";
import { addCounts, type Counts, noCounts, type OpenedTrack, type SpoolLine } from "../spool-layout.ts";
import { LineTrack } from "./line-track.ts";
import type { ClosedSession, ScreenSettings, SegmentLimits, SessionResume } from "./messages.ts";
import { bulkBytes } from "./open-bytes-segment.ts";
import type { ScreenChannel, ScreenChannelParts } from "./screen-channel.ts";
import { type ClosedSegment, SegmentFiles, storedBytes } from "./segment-files.ts";
import type { SegmentSeal } from "./segment-seal.ts";
import { openedScreen, SessionScreens } from "./session-screens.ts";
import { TerminalTrack } from "./terminal-track.ts";
import type { EventPlace, Track, TrackContext } from "./track.ts";

/** What an `event` record's payload holds: an event without bytes, or a notice that follows from another record. */
export type EventPayload =
  | Exclude<SessionEvent, { type: "output" | "input" | "resize" }>
  | { type: "derived"; notice: NoticeType; channel: number; facts: Record<string, unknown>; cause: number };

export interface SessionOutlet {
  segment(line: SpoolLine, covered: number): void;
  derive(notice: NoticeType, channel: number, facts: Record<string, unknown>, cause: number): void;
  writeFailed(error: unknown): void;
  writeResumed(): void;
}

export interface SessionSetup {
  session: string;
  directory: string;
  openSha256: string;
  startedAtSeconds: number;
  originUs: number | null;
  limits: SegmentLimits;
  /** This session's key for input in the journal. */
  inputKey: Uint8Array;
  seal: ((text: Buffer) => Promise<string>) | null;
  storedAs: SegmentSeal;
  maskTyped: boolean;
  screen: ScreenSettings | null;
  /** Null in a thread that takes no screens. */
  makeScreen: ((parts: ScreenChannelParts) => ScreenChannel) | null;
  resume: SessionResume | null;
}

/** What the journal has encrypted may be a secret. */
function isBulk({ payload, flags }: JournalRecord): boolean {
  return payload.length >= bulkBytes && (flags & flagEncrypted) === 0;
}

/** What is larger is better read closed, and compressed, by whoever comes. */
const largeOpenBytes = 1024 * 1024;

const defaultSize = { cols: 80, rows: 24 };
/** Where a target's settings do not say. */
const defaultScreen = { maskKeys: true, keepRaw: false, video: "lossless" as const };

export class SessionTracks {
  readonly session: string;
  readonly originUs: number | null;
  readonly #setup: SessionSetup;
  readonly #outlet: SessionOutlet;
  readonly #files: SegmentFiles;
  readonly #context: TrackContext;
  readonly #terminals = new Map<number, TerminalTrack>();
  /** Those whose channel is open: the others only wait for a late byte that should not come. */
  readonly #openTerminals = new Set<TerminalTrack>();
  readonly #screens: SessionScreens;
  readonly #input: LineTrack;
  readonly #filesTrack: LineTrack;
  readonly #events: LineTrack;
  readonly #tracker: InputTracker;
  readonly #opened: OpenedTrack[] = [];
  #openedUnsaved: OpenedTrack[] = [];
  readonly #counts: Counts = noCounts();
  /** Notices asked for that have not come back through the journal. */
  readonly #awaited = new Set<string>();
  /** Closed segments that the disk did not take yet, in order. */
  readonly #unwritten: Array<Omit<ClosedSegment, "opened">> = [];
  #failing = false;
  #processed = -1;
  /** The record that is being spread: a segment that closes meanwhile does not hold it. */
  #taking: number | null = null;
  #lastUs = 0;

  constructor(setup: SessionSetup, outlet: SessionOutlet) {
    this.#setup = setup;
    this.#outlet = outlet;
    this.session = setup.session;
    this.originUs = setup.originUs;
    const { resume } = setup;
    this.#files = new SegmentFiles(setup.directory, resume?.nextN ?? 0, resume?.lastLink ?? setup.openSha256);
    this.#context = {
      session: setup.session,
      limits: setup.limits,
      emit: (segment) => {
        this.#unwritten.push(setup.storedAs.closed(segment));
        this.#writeOut();
      },
    };
    const from = (track: string) => resume?.tracks.find((entry) => entry.track === track);
    this.#input = new LineTrack("input", this.#context, from("input"));
    this.#filesTrack = new LineTrack("files", this.#context, from("files"));
    this.#events = new LineTrack("events", this.#context, from("events"));
    this.#tracker = new InputTracker(
      this.#input,
      {
        derive: (...notice) => this.#derive(...notice),
        seal: setup.seal,
        maskTyped: setup.maskTyped,
        echoWaitUs: setup.limits.echoWaitMs * 1000,
      },
      resume?.derived,
    );
    this.#input.mustWait = () => this.#tracker.mustWait;
    this.#input.waitingSeq = () => this.#tracker.waitingSeq;
    this.#screens = new SessionScreens({
      context: this.#context,
      resume,
      settings: setup.screen ?? defaultScreen,
      input: this.#input,
      events: this.#events,
      derive: (...notice) => this.#derive(...notice),
      make: setup.makeScreen,
    });
    if (resume) {
      addCounts(this.#counts, resume.counts);
      for (const opened of resume.opened) {
        if (!this.#screens.open(opened)) this.#openTerminal(opened);
        else this.#opened.push(opened);
      }
    }
  }

  /** The screens of channels that were open before a crash, to put their state back. */
  get screens(): Iterable<ScreenChannel> {
    return this.#screens.all;
  }

  /** The terminal of a channel that was open before a crash, to put its state back. */
  terminal(channel: number): TerminalTrack | undefined {
    return this.#terminals.get(channel);
  }

  get lastUs(): number {
    return this.#lastUs;
  }

  get pendingBytes(): number {
    return this.#unwritten.reduce((sum, segment) => sum + storedBytes(segment), 0);
  }

  record(record: JournalRecord): void {
    if (record.recordNo <= this.#processed) return;
    this.#processed = record.recordNo;
    this.#taking = record.recordNo;
    try {
      this.#take(record);
    } finally {
      this.#taking = null;
    }
  }

  #take(record: JournalRecord): void {
    this.#lastUs = Math.max(this.#lastUs, record.atUs);
    const place = { us: record.atUs, seq: record.seq, recordNo: record.recordNo };
    switch (record.kind) {
      case recordKind.stdout:
        this.#output(place, record.channel, "stdout", record.payload, record.outputNo);
        return;
      case recordKind.stderr:
        this.#output(place, record.channel, "stderr", record.payload, record.outputNo);
        return;
      case recordKind.input:
        if (!this.#input.has(place.recordNo)) this.#inbound(place, record);
        return;
      case recordKind.resize:
        this.#resize(place, record.channel, record.payload);
        return;
      case recordKind.event:
        this.#event(place, JSON.parse(record.payload.toString("utf8")) as EventPayload);
        return;
      case recordKind.close:
        return;
      default:
        throw new Error(`unknown kind ${record.kind} of journal record`);
    }
  }

  #inbound(place: EventPlace, record: JournalRecord): void {
    const screen = this.#screens.get(record.channel);
    if (screen === undefined && isBulk(record) && this.#tracker.bulk(place, record.channel, record.payload)) return;
    const typed = this.#inputOf(record);
    const { by, data } = (record.flags & flagTypist) === 0 ? { data: typed } : splitTypist(typed);
    const typedBy = by === undefined ? place : { ...place, by };
    if (screen) this.#screens.viewer(screen, typedBy, data);
    else this.#tracker.input(typedBy, record.channel, data);
  }

  #inputOf(record: JournalRecord): Buffer {
    const { payload } = record;
    // A copy: what waits for its echo outlives the batch.
    if ((record.flags & flagEncrypted) === 0) return Buffer.from(payload);
    const iv = Buffer.alloc(12);
    payload.copy(iv, 0, 0, 6);
    iv.writeUIntBE(record.recordNo, 6, 6);
    const decipher = createDecipheriv("aes-256-gcm", this.#setup.inputKey, iv);
    decipher.setAAD(record.aad);
    decipher.setAuthTag(payload.subarray(payload.length - 16));
    return Buffer.concat([decipher.update(payload.subarray(6, payload.length - 16)), decipher.final()]);
  }

  #terminalOf(channel: number): TerminalTrack {
    const known = this.#terminals.get(channel);
    if (known) {
      this.#openTerminals.add(known);
      return known;
    }
    // A channel whose opening was not recorded: its bytes are kept all the same.
    const meta = { name: `terminal-${channel}`, kind: "terminal" as const, channel, pty: false };
    return this.#openTerminal({ meta, ...defaultSize });
  }

  #openTerminal(opened: OpenedTrack): TerminalTrack {
    const resume = this.#setup.resume?.tracks.find((entry) => entry.track === opened.meta.name);
    const track = new TerminalTrack(opened, this.#context, this.#setup.startedAtSeconds, resume);
    const { channel } = opened.meta;
    if (channel === undefined) return track;
    this.#terminals.set(channel, track);
    this.#openTerminals.add(track);
    this.#opened.push(opened);
    this.#tracker.openChannel(channel, track.pty, track);
    return track;
  }

  #output(place: EventPlace, channel: number, stream: "stdout" | "stderr", data: Buffer, outputNo: number): void {
    const screen = this.#screens.get(channel);
    if (screen) {
      this.#screens.output(screen, place, data, outputNo);
      return;
    }
    const track = this.#terminalOf(channel);
    if (!track.has(place.recordNo)) track.output(place, stream, data);
    this.#tracker.output(place, channel, data);
  }

  #resize(place: EventPlace, channel: number, payload: Buffer): void {
    const track = this.#terminalOf(channel);
    if (track.has(place.recordNo)) return;
    const [cols, rows] = [payload.readUInt32LE(0), payload.readUInt32LE(4)];
    if (track.resize(place, cols, rows)) {
      this.#derive("limit", channel, { what: "terminal-size", cols, rows }, place.recordNo);
    }
  }

  #derive(notice: NoticeType, channel: number, facts: Record<string, unknown>, cause: number): void {
    const key = `${notice}:${cause}`;
    if (this.#setup.resume?.derived.includes(key)) return;
    this.#awaited.add(key);
    this.#outlet.derive(notice, channel, facts, cause);
  }

  #event(place: EventPlace, event: EventPayload): void {
    switch (event.type) {
      case "channel-open":
        this.#channelOpen(place, event);
        return;
      case "screen-format":
        this.#screens.get(event.channel)?.format(place, event.format);
        this.#screens.leftNoLine(place);
        return;
      case "clipboard":
        if (!this.#input.has(place.recordNo)) this.#screens.get(event.channel)?.input.taken(place, event.text);
        return;
      case "exit": {
        const { channel, type: _type, ...facts } = event;
        const track = this.#terminalOf(channel);
        if (!track.has(place.recordNo)) track.exit(place, event.status, event.signal);
        this.#notice(place, "exit", channel, facts);
        return;
      }
      case "channel-close": {
        this.#notice(place, "channel-close", event.channel, {});
        this.#tracker.closeChannel(event.channel);
        this.#screens.get(event.channel)?.close();
        const track = this.#terminals.get(event.channel);
        if (!track) return;
        track.forceCut();
        track.dispose();
        this.#openTerminals.delete(track);
        return;
      }
      case "file":
        if (!this.#filesTrack.has(place.recordNo)) {
          const counted = !event.event.partial && (event.event.op === "open" || event.event.op === "stream");
          const line = { s: place.seq, ch: event.channel, ...event.event };
          this.#filesTrack.add(place, line, counted ? { files: 1 } : {});
        }
        return;
      case "notice":
        this.#notice(place, event.notice, event.channel, event.facts);
        if (event.notice === "watch-begin" || event.notice === "watch-end") {
          this.#screens.watch(place, String(event.facts["watch"]), event.notice === "watch-begin");
        }
        // Of a best_effort session: events were dropped while recording had failed.
        if (event.notice === "gap" && String(event.facts["reason"]).startsWith("RECORD_")) {
          for (const screen of this.#screens.all) screen.lost(place.recordNo, "gap");
        }
        return;
      case "derived":
        this.#notice(place, event.notice, event.channel, event.facts);
        this.#awaited.delete(`${event.notice}:${event.cause}`);
        this.#tracker.noticeRecorded(`${event.notice}:${event.cause}`);
        return;
      default:
        throw new Error(`unknown event in the journal: ${String((event as { type?: unknown }).type)}`);
    }
  }

  #channelOpen(place: EventPlace, event: Extract<SessionEvent, { type: "channel-open" }>): void {
    const { channel, request, command, pty, screen } = event;
    this.#notice(place, "channel-open", channel, {
      request,
      ...(command === undefined ? {} : { command }),
      ...(pty ? { pty: { ...pty } } : {}),
      ...(screen ? { screen: { ...screen } } : {}),
    });
    if (this.#terminals.has(channel) || this.#screens.get(channel)) return;
    const openedTrack = openedScreen(event);
    if (openedTrack && this.#screens.open(openedTrack)) {
      this.#opened.push(openedTrack);
      this.#openedUnsaved.push(openedTrack);
      return;
    }
    const meta = {
      name: `terminal-${channel}`,
      kind: "terminal" as const,
      channel,
      request,
      ...(command === undefined ? {} : { command }),
      pty: pty !== undefined,
    };
    const opened: OpenedTrack = {
      meta,
      ...(pty ? { term: pty.term } : {}),
      cols: pty?.cols || defaultSize.cols,
      rows: pty?.rows || defaultSize.rows,
    };
    this.#openTerminal(opened);
    this.#openedUnsaved.push(opened);
  }

  #notice(place: EventPlace, type: NoticeType, channel: number | undefined, facts: Record<string, unknown>): void {
    if (this.#events.has(place.recordNo)) return;
    const line = { s: place.seq, type, ...(channel === undefined ? {} : { ch: channel }), facts };
    this.#events.add(this.#screens.covering(place), line);
  }

  #tracks(): Track[] {
    const screens = this.#screens.all.flatMap((screen) => screen.tracks);
    return [...this.#openTerminals, ...screens, this.#input, this.#filesTrack, this.#events];
  }

  /** Tells what open segments hold and get, until it is called with null. Large ones are closed first. */
  follow(feed: ((piece: FeedPiece) => void) | null): void {
    this.#context.feed = null;
    if (feed) this.trim();
    this.#context.feed = feed;
    if (feed) for (const track of this.#tracks()) track.follow();
  }

  /** What was written since the last call goes to whoever follows. */
  tell(): void {
    if (this.#context.feed) for (const track of this.#tracks()) track.tell();
  }

  /** Closes open segments that have grown large, where that tears nothing. */
  trim(): void {
    for (const track of this.#tracks()) if (track.openBytes > largeOpenBytes) track.cutIfClean();
  }

  tick(nowUs: number): void {
    this.#tracker.tick(nowUs);
    this.#screens.tick(nowUs);
    for (const track of this.#tracks()) track.tick(nowUs);
    this.retry();
  }

  /** Closes what is open and clean; with force also what is not, as far as that can be. */
  cut(force: boolean): void {
    for (const track of this.#tracks()) {
      if (force) track.forceCut();
      else track.cutIfClean();
    }
  }

  settle(): void {
    this.#tracker.settle();
    for (const screen of this.#screens.all) screen.input.end();
  }

  get settled(): boolean {
    return this.#awaited.size === 0 && !this.#tracker.mustWait && this.#tracker.firstWaitingRecordNo === null;
  }

  /** Closes all tracks; false while the disk does not take the segments, or frames are on their way (call again). */
  close(): boolean {
    this.#screens.coverLineless();
    for (const track of this.#tracks()) track.forceCut();
    const finished = this.#screens.all.every((screen) => screen.finished());
    return this.retry() && finished && this.#tracks().every((track) => track.firstOpenRecordNo === null);
  }

  result(): ClosedSession {
    const beside = this.#screens.all.flatMap((screen) => screen.besides());
    const line = [this.#input, this.#filesTrack, this.#events]
      .filter((track) => track.used)
      .map((track) => ({ name: track.name, kind: track.name as "input" | "files" | "events" }));
    const opened = this.#opened.map((track) => track.meta);
    return { tracks: [...opened, ...beside, ...line], counts: this.#counts, lastUs: this.#lastUs };
  }

  retry(): boolean {
    if (this.#unwritten.length > 0) this.#writeOut();
    return this.#unwritten.length === 0;
  }

  #writeOut(): void {
    for (let next = this.#unwritten[0]; next; next = this.#unwritten[0]) {
      let line: SpoolLine;
      try {
        line = this.#files.write({ ...next, opened: this.#openedUnsaved });
      } catch (error) {
        if (!this.#failing) this.#outlet.writeFailed(error);
        this.#failing = true;
        return;
      }
      this.#unwritten.shift();
      this.#openedUnsaved = [];
      addCounts(this.#counts, next.counts);
      this.#outlet.segment(line, this.covered);
    }
    if (this.#failing) this.#outlet.writeResumed();
    this.#failing = false;
  }

  get covered(): number {
    let first = this.#taking ?? this.#processed + 1;
    const lower = (recordNo: number | null | undefined): void => {
      if (recordNo !== null && recordNo !== undefined && recordNo < first) first = recordNo;
    };
    for (const track of this.#tracks()) lower(track.firstOpenRecordNo);
    lower(this.#tracker.firstWaitingRecordNo);
    for (const recordNo of this.#screens.waitingRecordNos) lower(recordNo);
    for (const segment of this.#unwritten) lower(segment.firstRecordNo);
    return first - 1;
  }

  dispose(): void {
    for (const track of this.#terminals.values()) track.dispose();
    for (const screen of this.#screens.all) screen.dispose();
    this.#files.close();
    this.#setup.storedAs.erase();
  }
}
