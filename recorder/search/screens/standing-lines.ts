// The lines of text that stand on a screen, from when each was there to when it was gone. Fed with what was recognised of
// an area at a moment. Invariant: a line whose pixels did not change is one line, however often it is recognised.
import type { Found } from "../channel-lines.ts";
import { type Box, intersects } from "./picture.ts";

export interface PlacedLine {
  text: string;
  box: Box;
  /** When its pixels were last drawn. */
  sinceUs: number;
}

interface Standing extends PlacedLine {
  /** Since when its pixels are others; it may still be the same text. */
  changedUs: number | null;
}

/** The same text that is back so soon was never away. */
const awayUs = 60_000_000;
const maxStanding = 2_000;

export class StandingLines {
  readonly #track: string;
  readonly #give: (found: Found) => void;
  #standing: Standing[] = [];
  /** Gone a moment ago, by text. */
  readonly #gone = new Map<string, { sinceUs: number; goneUs: number }>();

  constructor(track: string, give: (found: Found) => void) {
    this.#track = track;
    this.#give = give;
  }

  get boxes(): Box[] {
    return this.#standing.map(({ box }) => box);
  }

  /** Called at each moment, before what is recognised of it. */
  compare(differs: (box: Box) => boolean, atUs: number): void {
    for (const line of this.#standing) if (line.changedUs === null && differs(line.box)) line.changedUs = atUs;
    for (const [text, { goneUs }] of this.#gone) if (atUs - goneUs > awayUs) this.#gave(text);
  }

  seen(area: Box, lines: readonly PlacedLine[], atUs: number): void {
    const fresh = new Set(lines);
    this.#standing = this.#standing.filter((line) => {
      if (!intersects(line.box, area)) return true;
      for (const one of fresh) {
        if (!isSamePlace(line.box, one.box)) continue;
        if (line.changedUs !== null && line.text !== one.text) continue;
        fresh.delete(one);
        line.changedUs = null;
        return true;
      }
      if (line.changedUs === null) return true;
      this.#end(line, line.changedUs);
      return false;
    });
    for (const { text, box, sinceUs } of fresh) {
      if (this.#standing.length >= maxStanding) return;
      const since = Math.min(sinceUs, atUs);
      const before = this.#gone.get(text);
      this.#gone.delete(text);
      this.#standing.push({ text, box, sinceUs: before?.sinceUs ?? since, changedUs: null });
    }
  }

  /** Everything is gone: the screen's size is another, or the recording is over. */
  end(atUs: number): void {
    for (const line of this.#standing) this.#end(line, line.changedUs ?? atUs);
    this.#standing = [];
    for (const text of [...this.#gone.keys()]) this.#gave(text);
  }

  #end({ text, sinceUs }: Standing, goneUs: number): void {
    const known = this.#gone.get(text);
    this.#gone.set(text, {
      sinceUs: Math.min(sinceUs, known?.sinceUs ?? sinceUs),
      goneUs: Math.max(sinceUs, goneUs, known?.goneUs ?? 0),
    });
  }

  #gave(text: string): void {
    const known = this.#gone.get(text);
    this.#gone.delete(text);
    if (known === undefined) return;
    const { sinceUs: atUs, goneUs: endUs } = known;
    this.#give({ kind: "screen-text", atUs, endUs, text, track: this.#track });
  }
}

function isSamePlace(a: Box, b: Box): boolean {
  const down = Math.abs(a.y + a.height / 2 - (b.y + b.height / 2));
  return down < 8 && a.x < b.x + b.width && b.x < a.x + a.width;
}
