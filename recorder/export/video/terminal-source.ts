// A terminal channel as pictures: its segments replayed into cells, the cells painted. Standard error is shown in its
// place, as the player does.
import { StringDecoder } from "node:string_decoder";
import { parseTerminalSegment, type TerminalEvent } from "../../../shared/segment/parse.ts";
import { CellPainter, cellHeight, cellWidth, terminalColours } from "./cell-painter.ts";
import type { Card, FrameSource } from "./frame-source.ts";
import type { Pixels } from "./glyph-table.ts";
import type { TrackSegments } from "./segment-walk.ts";
import { TerminalScreen } from "./terminal-screen.ts";
import type { Rect } from "./yuv.ts";

interface Playing {
  events: TerminalEvent[];
  /** Next event. */
  at: number;
}

export class TerminalSource implements FrameSource {
  readonly size: { width: number; height: number };
  readonly #segments: TrackSegments;
  readonly #pty: boolean;
  readonly #painter: CellPainter;
  #screen: TerminalScreen;
  #position = -1;
  #playing: Playing | null = null;
  /** The picture does not follow from the segment before: its keyframe counts. */
  #fresh = true;
  #dirty: Rect[] = [];
  #decoders = { ob: new StringDecoder("utf8"), eb: new StringDecoder("utf8") };

  private constructor(segments: TrackSegments, pty: boolean, cols: number, rows: number) {
    this.#segments = segments;
    this.#pty = pty;
    this.size = { width: cols * cellWidth, height: rows * cellHeight };
    const { cols: firstCols = cols, rows: firstRows = rows } = segments.list[0] ?? {};
    this.#screen = new TerminalScreen(firstCols, firstRows, terminalColours);
    this.#painter = new CellPainter(firstCols, firstRows);
  }

  /** Reads the track once through: how large it gets, and what of it is damaged. */
  static async open(segments: TrackSegments, pty: boolean): Promise<TerminalSource> {
    let [cols, rows] = [1, 1];
    for (const position of segments.list.keys()) {
      const sizes = await segments.read(position, (bytes) => {
        const segment = parseTerminalSegment(bytes);
        const resizes = segment.events.flatMap(({ code, data }) => (code === "r" ? [sizeOf(data)] : []));
        return [{ cols: segment.cols, rows: segment.rows }, ...resizes];
      });
      for (const size of sizes ?? []) [cols, rows] = [Math.max(cols, size.cols), Math.max(rows, size.rows)];
    }
    return new TerminalSource(segments, pty, Math.min(cols, 1000), Math.min(rows, 500));
  }

  again(): TerminalSource {
    const { width, height } = this.size;
    return new TerminalSource(this.#segments, this.#pty, width / cellWidth, height / cellHeight);
  }

  get startUs(): number {
    return this.#segments.startUs;
  }

  get openingUs(): number {
    return this.startUs;
  }

  get endUs(): number {
    return this.#segments.endUs;
  }

  get cards(): Card[] {
    return this.#segments.cards;
  }

  get picture(): Pixels {
    return this.#painter.pixels;
  }

  takeDirty(): Rect[] {
    return this.#dirty.splice(0);
  }

  async next(): Promise<number | null> {
    for (;;) {
      const event = this.#playing?.events[this.#playing.at];
      if (event !== undefined) return event.atUs;
      if (this.#position + 1 >= this.#segments.list.length) return null;
      const upcoming = this.#segments.list[this.#position + 1];
      // After a hole the keyframe itself is what changes.
      if (this.#fresh && this.#position >= 0 && upcoming !== undefined) return upcoming.startUs;
      await this.#enter(this.#position + 1);
    }
  }

  async advance(atUs: number): Promise<void> {
    const position = this.#segments.at(atUs);
    if (this.#position < 0 || (this.#fresh && position > this.#position)) {
      this.#fresh = true;
      await this.#enter(position);
    }
    let text = "";
    const flush = async () => {
      if (text !== "") await this.#screen.write(text);
      text = "";
    };
    for (;;) {
      const playing = this.#playing;
      const event = playing?.events[playing.at];
      if (playing === null || event === undefined) {
        if (this.#position + 1 >= this.#segments.list.length) break;
        const upcoming = this.#segments.list[this.#position + 1];
        if (upcoming === undefined || upcoming.startUs > atUs) break;
        await flush();
        await this.#enter(this.#position + 1);
        continue;
      }
      if (event.atUs > atUs) break;
      playing.at++;
      if (event.code === "r") {
        await flush();
        const { cols, rows } = sizeOf(event.data);
        this.#screen.resize(cols, rows);
      } else text += this.#shown(event);
    }
    await flush();
    this.#dirty.push(...this.#painter.paint(this.#screen));
  }

  #shown(event: TerminalEvent): string {
    const { code } = event;
    if (code === "o" || code === "e") return event.data;
    // On a pty a readable copy follows.
    if ((code === "ob" || code === "eb") && !this.#pty) {
      return this.#decoders[code].write(Buffer.from(event.bytes ?? Buffer.from(event.data, "base64")));
    }
    return "";
  }

  async #enter(position: number): Promise<void> {
    this.#position = position;
    this.#playing = null;
    const segment = await this.#segments.read(position, parseTerminalSegment);
    if (segment === null) {
      this.#fresh = true;
      return;
    }
    this.#playing = { events: segment.events, at: 0 };
    this.#screen.renew();
    if (this.#fresh) {
      this.#screen.dispose();
      this.#screen = new TerminalScreen(segment.cols, segment.rows, terminalColours);
      await this.#screen.write(segment.keyframe);
      this.#fresh = false;
    }
  }
}

function sizeOf(data: string): { cols: number; rows: number } {
  const [cols = 80, rows = 24] = data.split("x").map(Number);
  return { cols: cols || 80, rows: rows || 24 };
}
