// The files and events tracks, and the stored side of the input track: one JSON object a line.
import type { EventsLine, FilesLine, InputLine, RawLine, SegmentHeader } from "../../../shared/events/stored.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import type { Counts } from "../spool-layout.ts";
import type { OpenSegment } from "./open-segment.ts";
import { type EventPlace, Track } from "./track.ts";

export class LineTrack extends Track {
  /** How many were written. */
  lines = 0;
  /** Says whether something that belongs into this track still waits elsewhere. */
  waiting: () => boolean = () => false;
  /** Brings in what waits. */
  bringIn: () => void = () => {};

  /** `t` is set here, so that times never run backwards within the track. */
  add(
    at: EventPlace,
    line: Omit<FilesLine, "t"> | Omit<EventsLine, "t"> | Omit<InputLine, "t"> | Omit<RawLine, "t">,
    counts?: Partial<Counts>,
  ): void {
    const segment = this.begin(at);
    this.lines++;
    const by = at.by === undefined ? {} : { by: at.by };
    segment.write(`${JSON.stringify({ t: this.monotone(at.us), ...line, ...by })}\n`);
    if (counts) for (const [name, n] of Object.entries(counts)) this.counts[name as keyof Counts] += n;
    this.afterEvent(at);
  }

  /** The lowest number of what came and waits outside of the track: a segment that begins before its line has it too. */
  waitingSeq: () => number | null = () => null;
  #newest: OpenSegment | null = null;

  protected override newSegment(at: EventPlace, forBytes: boolean): OpenSegment {
    const { recordNo, seq } = at.from ?? at;
    const waiting = this.waitingSeq() ?? seq;
    const isOfNone = waiting < seq && waiting > (this.#newest?.lastSeq ?? -1);
    this.#newest = super.newSegment(isOfNone ? { ...at, from: { recordNo, seq: waiting } } : at, forBytes);
    return this.#newest;
  }

  /** Covers the number of an event that leaves no line. */
  touch(at: EventPlace): void {
    this.begin(at);
    this.monotone(at.us);
    this.afterEvent(at, 0);
  }

  /** For lines with large ASCII data that needs no escaping, which JSON.stringify would look through. */
  addBase64(at: EventPlace, line: { s: number; ch: number; k: "data" }, base64: string, counts: Partial<Counts>): void {
    const segment = this.begin(at);
    segment.writeAscii(
      `{"t":${this.monotone(at.us)},"s":${line.s},"ch":${line.ch},"k":"${line.k}","enc":"base64","d":"`,
    );
    segment.writeAscii(base64);
    segment.writeAscii('"}\n');
    for (const [name, n] of Object.entries(counts)) this.counts[name as keyof Counts] += n;
    this.afterEvent(at);
  }

  /** The same for many bytes, which follow their line. False: this segment takes none now. */
  addBytes(at: EventPlace, line: { s: number; ch: number; k: "data" }, bytes: Uint8Array): boolean {
    const segment = this.beginForBytes(at);
    if (!segment) return false;
    this.lines++;
    segment.writeAscii(`${JSON.stringify({ t: this.monotone(at.us), ...line, bytes: bytes.length })}\n`);
    segment.writeBytes(bytes);
    segment.writeAscii("\n");
    this.counts.inputBytes += bytes.length;
    this.afterEvent(at);
    return true;
  }

  protected override get listed(): TrackMeta | null {
    const { name } = this;
    return name === "input" || name === "files" || name === "events" ? { name, kind: name } : null;
  }

  protected header(_segment: OpenSegment, conduit: SegmentHeader["conduit"]): string {
    return `${JSON.stringify({ conduit })}\n`;
  }

  protected get clean(): boolean {
    return !this.waiting();
  }

  protected giveUpWaiting(): void {
    this.bringIn();
  }

  protected get maxRawBytes(): number {
    return this.context.limits.bulkSegmentBytes;
  }
}
