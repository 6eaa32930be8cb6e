// One channel's terminal track: output, stderr, resizes and exit as asciicast lines, each segment with a keyframe.
// Fed by SessionTracks in record order. Invariant: the bytes of `o`/`ob` and `e`/`eb` lines, read as stored.ts says, are
// the channel's bytes exactly; a segment is cut only where its keyframe says everything.
import type { SegmentHeader } from "../../../shared/events/stored.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import type { OpenedTrack } from "../spool-layout.ts";
import { bulkBytes } from "./open-bytes-segment.ts";
import type { OpenSegment } from "./open-segment.ts";
import { TerminalFollower } from "./terminal-follower.ts";
import { maxCols, maxRows } from "./terminal-state.ts";
import { type EventPlace, seconds, Track, type TrackContext } from "./track.ts";
import { TextStream, textOfEnd } from "./utf8.ts";

/** Channels without a pty: how much of the latest output a keyframe repeats. LF starts a line there (mode 20). */
const tailChars = 4096;
const resetPlain = "\x1bc\x1b[20h";

const lineCodes = { stdout: { text: "o", bytes: "ob" }, stderr: { text: "e", bytes: "eb" } } as const;

export class TerminalTrack extends Track {
  readonly opened: OpenedTrack;
  readonly pty: boolean;
  readonly #startedAtSeconds: number;
  readonly #streams = { stdout: new TextStream(), stderr: new TextStream() };
  #state: TerminalFollower | null;
  #cols: number;
  #rows: number;
  #startCols = 0;
  #startRows = 0;
  #tail = "";
  /** The end of a run of bytes that is newer than `#tail`: it is read when somebody asks. */
  #unread: Buffer | null = null;
  #keyframeBytes = 0;

  constructor(
    opened: OpenedTrack,
    context: TrackContext,
    startedAtSeconds: number,
    resume: { nextIndex: number; recordNo: number } | undefined,
  ) {
    super(opened.meta.name, context, resume);
    this.opened = opened;
    this.pty = opened.meta.pty === true;
    this.#startedAtSeconds = startedAtSeconds;
    this.#cols = opened.cols;
    this.#rows = opened.rows;
    this.#state = this.pty ? new TerminalFollower(opened.cols, opened.rows) : null;
  }

  /** Puts the terminal back to where a segment of an earlier process left it. */
  restore(keyframe: string, cols: number, rows: number, lines: Array<{ code: string; data: string }>): void {
    this.#cols = cols;
    this.#rows = rows;
    if (this.#state) this.#state.restart(keyframe, cols, rows);
    else this.#show(keyframe.startsWith(resetPlain) ? keyframe.slice(resetPlain.length) : keyframe);
    for (const { code, data } of lines) {
      if (code === "o" || (code === "e" && !this.pty)) this.#show(data);
      const size = code === "r" ? /^(\d+)x(\d+)$/.exec(data) : null;
      if (size) this.#resizeTo(Number(size[1]), Number(size[2]));
    }
  }

  output(at: EventPlace, stream: "stdout" | "stderr", data: Buffer): void {
    if (!this.pty && data.length >= bulkBytes && this.#bulk(at, stream, data)) return;
    const segment = this.begin(at);
    this.counts.outputBytes += data.length;
    const piece = this.#streams[stream].push(data);
    let lines = 0;
    if (piece) lines = this.#writePiece(segment, at, stream, piece.bytes, piece.text);
    this.afterEvent(at, lines);
  }

  /** Stored as it is, but for a cut character at its end, which waits as it does in text. False: not now. */
  #bulk(at: EventPlace, stream: "stdout" | "stderr", data: Buffer): boolean {
    const segment = this.beginForBytes(at);
    if (!segment) return false;
    this.counts.outputBytes += data.length;
    const { before, bytes } = this.#streams[stream].pushBytes(data);
    const time = seconds(this.monotone(at.us));
    segment.writeAscii(`[${time}, "${lineCodes[stream].bytes}", ${before.length + bytes.length}]\n`);
    segment.writeBytes(before);
    segment.writeBytes(bytes);
    segment.writeAscii("\n");
    this.#unread ??= Buffer.allocUnsafeSlow(tailChars);
    bytes.copy(this.#unread, 0, bytes.length - tailChars);
    this.afterEvent(at);
    return true;
  }

  #writePiece(
    segment: OpenSegment,
    at: EventPlace,
    stream: "stdout" | "stderr",
    bytes: Buffer,
    text: string | undefined,
  ): number {
    const code = lineCodes[stream];
    const time = seconds(this.monotone(at.us));
    if (text !== undefined) {
      this.#writeLine(segment, time, code.text, JSON.stringify(text), text.length === bytes.length);
      this.#follow(stream, text);
      return 1;
    }
    this.#writeLine(segment, time, code.bytes, `"${bytes.toString("base64")}"`, true);
    if (!this.pty) return 1;
    const shown = bytes.toString("utf8");
    this.#writeLine(segment, time, code.text, JSON.stringify(shown), false);
    this.#follow(stream, shown);
    return 2;
  }

  #writeLine(segment: OpenSegment, time: string, code: string, json: string, ascii: boolean): void {
    segment.writeAscii(`[${time}, "${code}", `);
    // A text of as many units as bytes is ASCII, and so is its JSON.
    if (ascii) segment.writeAscii(json);
    else segment.write(json);
    segment.writeAscii("]\n");
  }

  #follow(stream: "stdout" | "stderr", text: string): void {
    if (!this.pty || stream === "stdout") this.#show(text);
  }

  #show(text: string): void {
    this.#readTail();
    if (this.#state) this.#state.write(text);
    else if (text.length >= tailChars) this.#tail = text.slice(-tailChars);
    else this.#tail = (this.#tail + text).slice(-tailChars);
  }

  /** What is not text is not shown. */
  #readTail(): void {
    if (!this.#unread) return;
    const text = textOfEnd(this.#unread);
    this.#unread = null;
    if (text !== null) this.#tail = text;
  }

  /** True when the size had to be bounded. */
  resize(at: EventPlace, cols: number, rows: number): boolean {
    const segment = this.begin(at);
    const bounded = cols > maxCols || rows > maxRows;
    this.#resizeTo(cols || this.#cols, rows || this.#rows);
    segment.writeAscii(`[${seconds(this.monotone(at.us))}, "r", "${this.#cols}x${this.#rows}"]\n`);
    this.afterEvent(at);
    return bounded;
  }

  #resizeTo(cols: number, rows: number): void {
    this.#cols = Math.min(cols, maxCols);
    this.#rows = Math.min(rows, maxRows);
    this.#state?.resize(this.#cols, this.#rows);
  }

  exit(at: EventPlace, status: number | undefined, signal: string | undefined): void {
    const segment = this.begin(at);
    const line = signal === undefined ? ["x", String(status ?? "")] : ["xs", signal];
    segment.write(`[${seconds(this.monotone(at.us))}, "${line[0]}", ${JSON.stringify(line[1])}]\n`);
    this.afterEvent(at);
  }

  get alternate(): boolean {
    return this.#state?.alternate === true;
  }

  /** What stands before the cursor. */
  get cursorLine(): string {
    if (this.#state) return this.#state.cursorLine();
    this.#readTail();
    return (
      this.#tail
        .slice(-400)
        .split(/[\r\n]/)
        .at(-1) ?? ""
    );
  }

  protected header(segment: OpenSegment, conduit: SegmentHeader["conduit"]): string {
    this.#startCols = this.#cols;
    this.#startRows = this.#rows;
    const header = {
      version: 2,
      width: this.#cols,
      height: this.#rows,
      timestamp: this.#startedAtSeconds,
      // Times count from the session's start: a player of this file alone must not wait for them.
      idle_time_limit: 2,
      env: { TERM: this.opened.term ?? "dumb" },
      conduit: { ...conduit, pty: this.pty },
    };
    const keyframe = this.#state ? this.#state.keyframe() : this.#plainKeyframe();
    const text = `${JSON.stringify(header)}\n[${seconds(segment.startUs)}, "o", ${JSON.stringify(keyframe)}]\n`;
    this.#keyframeBytes = text.length;
    return text;
  }

  #plainKeyframe(): string {
    this.#readTail();
    const from = this.#tail.length >= tailChars ? this.#tail.indexOf("\n") + 1 : 0;
    return resetPlain + this.#tail.slice(from);
  }

  protected override get listed(): TrackMeta {
    return this.opened.meta;
  }

  protected override extraMeta(): { cols: number; rows: number } {
    return { cols: this.#startCols, rows: this.#startRows };
  }

  protected get maxRawBytes(): number {
    const { floodSegmentBytes, bulkSegmentBytes } = this.context.limits;
    return this.#keyframeBytes + (this.pty ? floodSegmentBytes : bulkSegmentBytes);
  }

  protected get clean(): boolean {
    return (this.#state?.ground ?? true) && !this.#streams.stdout.pending && !this.#streams.stderr.pending;
  }

  protected giveUpWaiting(): void {
    const { segment } = this;
    if (!segment) return;
    for (const stream of ["stdout", "stderr"] as const) {
      const bytes = this.#streams[stream].flush();
      const at = { us: this.lastUs, seq: segment.lastSeq, recordNo: segment.lastRecordNo };
      if (bytes) segment.events += this.#writePiece(segment, at, stream, bytes, undefined);
    }
    // A sequence that never ends would leave the next keyframe without what it changes: CAN ends it (ECMA-48), here and
    // in no recorded byte.
    if (this.#state && !this.#state.ground) this.#state.write("\x18");
  }

  /** The channel is closed. */
  dispose(): void {
    this.#state = null;
  }
}
